//! Blackjack, the game of many steps: every step replays the round from its deal.
//!
//! - `rules`: the table's rules from the model.
//! - `shoe`: cards dealt one by one without replacement.
//! - `hand`: what cards are worth.
//! - `table`: the course of a round, which decisions are allowed, what they do.
//! - `settle`: stakes, payouts and what the player may see.
//! - `strategy`, `simulate`: basic strategy, and the simulated figures that it gives.

pub mod hand;
pub mod rules;
pub mod settle;
pub mod shoe;
mod simulate;
pub mod strategy;
pub mod table;

use super::{Family, Standing};
use crate::amount::Micros;
use crate::error::Error;
use crate::model::toml_error;
use crate::pb;
use crate::rng::Draws;
use rules::Rules;
use strategy::Strategy;
use table::Table;

/// One blackjack model.
pub struct Blackjack {
    rules: Rules,
    strategy: Strategy,
}

#[derive(serde::Deserialize)]
struct File {
    blackjack: Rules,
}

impl Blackjack {
    /// Reads the `[blackjack]` part.
    ///
    /// # Errors
    /// `Error::Model`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let rules = toml::from_str::<File>(text).map_err(|e| toml_error(text, &e))?.blackjack;
        rules.check(text)?;
        let strategy = Strategy::for_rules(&rules);
        Ok(Self { rules, strategy })
    }

    /// The first stake of a bet that the model offers.
    fn stake(&self, bet: &pb::Bet, step: Micros) -> Result<Micros, Error> {
        let Some(pb::bet::Family::Blackjack(bet)) = bet.family else {
            return Err(Error::Bet { field: "bet".into(), message: "this game is blackjack; set bet.blackjack".into() });
        };
        self.rules.stake.accept(bet.stake_micros, step, "bet.blackjack.stake_micros")
    }

    /// The table's rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The basic strategy that the simulated figures hold for.
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }
}

impl Family for Blackjack {
    fn standing<D: Draws>(&self, bet: &pb::Bet, actions: &[pb::Action], step: Micros, draws: &mut D) -> Result<Standing, Error> {
        let stake = self.stake(bet, step)?;
        let mut table = Table::deal(&self.rules, settle::half(stake, step)? > 0, draws);
        for action in actions {
            table.act(kind(*action)?, draws)?;
        }
        settle::standing(&self.rules, &table, stake, step)
    }

    fn pay_table(&self) -> pb::PayTable {
        let (numerator, denominator) = self.rules.blackjack_wins();
        let mut rows = vec![pay_row("blackjack", numerator + denominator, denominator), pay_row("win", 2, 1), pay_row("push", 1, 1)];
        if self.rules.surrender() == rules::Surrender::Late {
            rows.push(pay_row("surrender", 1, 2));
        }
        if self.rules.insurance {
            rows.push(pay_row("insurance, of its own stake", 3, 1));
        }
        pb::PayTable { unit: "hand's stake".into(), rows, ..pb::PayTable::default() }
    }
}

fn kind(action: pb::Action) -> Result<pb::BlackjackActionKind, Error> {
    match action.family {
        Some(pb::action::Family::Blackjack(action)) => Ok(action.kind()),
        None => Err(Error::Action { message: "this game is blackjack; set action.blackjack".into() }),
    }
}

fn pay_row(label: &str, numerator: u64, denominator: u64) -> pb::PayTableRow {
    let fit = |part: u64| i64::try_from(part).expect("checked to be small");
    pb::PayTableRow { label: label.into(), pays_numerator: fit(numerator), pays_denominator: fit(denominator) }
}
