//! Exact figures of dice: each bet wins on `winning` of `grid` rolls.

use super::Dice;
use crate::amount::Micros;
use crate::analysis::figures::ratio;
use crate::analysis::{without_actions, Analysed, Component, Exact, Figures, Odds, Table, STEP};
use crate::error::Error;
use crate::pb;
use num_rational::BigRational;
use num_traits::One;
use serde_json::Map;

impl Analysed for Dice {
    /// The offered bet that is nearest to an even chance.
    fn reference_bet(&self) -> pb::Bet {
        let winning = self.reference_count();
        let bet = pb::DiceBet { stake_micros: self.stake_without_flooring(winning), side: pb::DiceSide::Under.into(), target: winning };
        pb::Bet { family: Some(pb::bet::Family::Dice(bet)) }
    }

    fn randomness(&self) -> &'static str {
        "ROLL: one draw a round, uniform over the grid."
    }

    fn exact(&self, _threads: usize) -> Result<Exact, Error> {
        let reference = self.reference_count();
        let others = self.usual_counts().into_iter().filter(|&winning| winning != reference);
        let bets = std::iter::once(reference).chain(others).map(|winning| self.figures(winning)).collect();
        let lowest =
            (self.winning_min..=self.winning_max).map(|winning| self.return_at_min_stake(winning)).min().expect("a bet is offered");
        let mut details = Map::new();
        details.insert("lowest_return_at_min_stake".into(), crate::analysis::ratio_json(&lowest));
        Ok(Exact { method: "closed form over the rolls that win".into(), bets, details })
    }

    fn table<'a>(&'a self, bet: &pb::Bet) -> Result<Box<dyn Table + 'a>, Error> {
        without_actions(self, bet)
    }
}

impl Dice {
    fn reference_count(&self) -> u32 {
        (self.grid / 2).clamp(self.winning_min, self.winning_max)
    }

    /// The largest stake whose win is a whole number of steps, or the largest at all where there is none.
    fn stake_without_flooring(&self, winning: u32) -> Micros {
        let (max, denominator) = (self.stake.max_steps(), i64::try_from(self.multiplier(winning).1).unwrap_or(i64::MAX));
        let whole = max / denominator * denominator;
        STEP * if whole < self.stake.min_steps() { max } else { whole }
    }

    fn figures(&self, winning: u32) -> Figures {
        let (numerator, denominator) = self.multiplier(winning);
        let (chance, multiplier) = (ratio(winning, self.grid), ratio(numerator, denominator));
        let return_x = &chance * &multiplier;
        Figures {
            bet: self.label(winning),
            variance: &multiplier * &multiplier * &chance * (BigRational::one() - &chance),
            hit_rate: Odds::Exact(chance.clone()),
            award_max_x: multiplier,
            award_max: Odds::Exact(chance),
            components: vec![Component { name: "win".into(), return_x: return_x.clone() }],
            return_x,
        }
    }

    /// The return of the smallest stake, whose win loses the most to flooring.
    fn return_at_min_stake(&self, winning: u32) -> BigRational {
        let (numerator, denominator) = self.multiplier(winning);
        let steps = u64::try_from(self.stake.min_steps()).expect("at least 1");
        let paid = u128::from(steps) * u128::from(numerator) / u128::from(denominator);
        ratio(paid, steps) * ratio(winning, self.grid)
    }
}
