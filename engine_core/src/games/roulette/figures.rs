//! Exact figures of roulette: every wager against every pocket.

use super::layout::{covered, places, Pockets};
use super::{kind_label, Roulette, KINDS};
use crate::analysis::figures::ratio;
use crate::analysis::{ratio_json, without_actions, Analysed, Component, Exact, Figures, Odds, Table, STEP};
use crate::error::Error;
use crate::pb::{self, RouletteWagerKind as Kind};
use num_rational::BigRational;
use num_traits::Zero;
use serde_json::Map;

impl Analysed for Roulette {
    /// A straight wager, which every wheel offers and whose award is the highest.
    fn reference_bet(&self) -> pb::Bet {
        let steps = self.rules.wager.max_steps().min(i64::from(*self.rules.table_max_steps.get_ref()));
        let wager = pb::RouletteWager { kind: Kind::Straight.into(), numbers: vec![17], stake_micros: steps * STEP };
        pb::Bet { family: Some(pb::bet::Family::Roulette(pb::RouletteBet { wagers: vec![wager] })) }
    }

    fn randomness(&self) -> &'static str {
        "POCKET: one draw a round, uniform over the pockets."
    }

    fn exact(&self, _threads: usize) -> Result<Exact, Error> {
        let bets: Vec<Figures> = KINDS.into_iter().filter_map(|kind| self.figures(kind)).collect();
        let returns = || bets.iter().map(|bet| &bet.return_x);
        let mut details = Map::new();
        details.insert("lowest_return".into(), ratio_json(returns().min().expect("straight is always offered")));
        details.insert("highest_return".into(), ratio_json(returns().max().expect("straight is always offered")));
        Ok(Exact { method: format!("full enumeration of {} pockets", self.wheel().pockets()), bets, details })
    }

    fn table<'a>(&'a self, bet: &pb::Bet) -> Result<Box<dyn Table + 'a>, Error> {
        without_actions(self, bet)
    }
}

impl Roulette {
    /// The figures of a kind, the same for each of its places; `None` where the layout has no such wager.
    fn figures(&self, kind: Kind) -> Option<Figures> {
        let place = places(self.wheel(), kind).into_iter().next()?;
        let pockets = covered(self.wheel(), kind, &place).ok()?;
        let payouts: Vec<BigRational> = (0..self.wheel().pockets()).map(|pocket| self.payout(kind, pockets, pocket)).collect();
        let count = ratio(payouts.len(), 1);
        let mean = |values: &mut dyn Iterator<Item = BigRational>| values.fold(BigRational::zero(), |sum, value| sum + value) / &count;
        let return_x = mean(&mut payouts.iter().cloned());
        let award_max_x = payouts.iter().max().expect("a wheel has pockets").clone();
        let share = |holds: &dyn Fn(&BigRational) -> bool| ratio(payouts.iter().filter(|&paid| holds(paid)).count(), payouts.len());
        let won = &award_max_x * share(&|paid| *paid == award_max_x);
        let back = &return_x - &won;
        let mut components = vec![Component { name: "win".into(), return_x: won }];
        if !back.is_zero() {
            components.push(Component { name: "la partage".into(), return_x: back });
        }
        Some(Figures {
            bet: kind_label(kind),
            variance: mean(&mut payouts.iter().map(|paid| paid * paid)) - &return_x * &return_x,
            hit_rate: Odds::Exact(share(&|paid| !paid.is_zero())),
            award_max: Odds::Exact(share(&|paid| *paid == award_max_x)),
            award_max_x,
            components,
            return_x,
        })
    }

    fn payout(&self, kind: Kind, pockets: Pockets, pocket: u32) -> BigRational {
        let (numerator, denominator) = self.multiplier(kind, pockets, pocket);
        ratio(numerator, denominator)
    }
}
