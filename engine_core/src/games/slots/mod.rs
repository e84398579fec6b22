//! Slots with pay lines: a small machine of modes. A mode has reels, stages that pay, and triggers that win free spins in another mode.
//! A round is one paid spin and every free spin that it wins.
//!
//! - `spin`, `lines`, `scatter`: the stages, each with what its exact treatment needs.
//! - `trigger`: from scatters to free spins.
//! - `machine`: a whole round as one number, without allocation: what simulation and benches run.
//! - `shown`: the same spin as the player sees it, line by line; it evaluates each line on its own.
//! - `file`, `check`, `check_modes`: the model file's shape, and everything that can be wrong with it.
//! - `scan`, `chain`, `exact`: full enumeration of a mode, free spins as a branching process, and the figures from both.

mod chain;
mod check;
mod check_modes;
mod exact;
mod file;
pub mod lines;
pub mod machine;
pub mod scan;
pub mod scatter;
mod shown;
pub mod spin;
pub mod trigger;

use super::{Family, Standing};
use crate::amount::Micros;
use crate::error::Error;
use crate::pb;
use crate::rng::Draws;
use lines::{LineRules, Lines};
use scatter::Scatter;
use spin::{Spin, Symbol};
use trigger::Triggers;

/// The most free spins of one round: a bound on its work. A model is refused unless the chance of more is below 2^-100, so that the engine
/// may treat it as a broken invariant.
pub const FREE_SPINS_MAX: u32 = 10_000;

/// Index of the mode that a round is paid for.
pub const BASE: usize = 0;

/// One slots model.
#[derive(Debug)]
pub struct Slots {
    rows: usize,
    symbols: Vec<String>,
    rules: Option<LineRules>,
    scatter_pays: Option<(Symbol, Vec<u32>)>,
    stake: Levels,
    /// The base mode first.
    modes: Vec<Mode>,
}

/// What can be staked.
#[derive(Debug, Clone)]
struct Levels {
    /// Stakes of one unit in steps of the currency, ascending.
    steps: Vec<u64>,
    /// Units in a total stake: the number of lines, or 1.
    units: u64,
    /// "line stake" or "total stake".
    unit: &'static str,
}

/// One mode: its reels and what they pay and win.
#[derive(Debug)]
pub struct Mode {
    /// "base", "free" …
    pub name: String,
    /// The reels.
    pub spin: Spin,
    /// Pays along lines, if it has that stage.
    pub lines: Option<Lines>,
    /// Counts scatters, if the model has any; pays nothing if the mode lacks that stage.
    pub scatter: Option<Scatter>,
    /// What scatters win.
    pub triggers: Triggers,
}

impl Slots {
    /// Reads the `[slots]` part.
    ///
    /// # Errors
    /// `Error::Model` with the line, what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, Error> {
        check::slots(text)
    }

    /// Every mode, the base mode first.
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }

    /// Units in a total stake: the number of lines where the unit is a line's stake, or 1.
    pub fn units(&self) -> u64 {
        self.stake.units
    }

    /// Names of the symbols, in the order of their indices.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Stake of one unit in micros.
    fn unit_stake(&self, bet: &pb::Bet, step: Micros) -> Result<Micros, Error> {
        let Some(pb::bet::Family::Slots(bet)) = bet.family else {
            return Err(Error::Bet { field: "bet".into(), message: "this game is slots; set bet.slots".into() });
        };
        let units = i64::try_from(self.stake.units).expect("at most LINES_MAX units");
        let unit = bet.stake_micros / units;
        let offered = |level: &u64| i64::try_from(*level).ok().and_then(|level| level.checked_mul(step)) == Some(unit);
        if step > 0 && bet.stake_micros == unit * units && self.stake.steps.iter().any(offered) {
            return Ok(unit);
        }
        let message = format!(
            "{} micros is no stake of this game; it must be {units} x {step} micros x one of {:?}",
            bet.stake_micros, self.stake.steps
        );
        Err(Error::Bet { field: "bet.slots.stake_micros".into(), message })
    }
}

impl Family for Slots {
    fn standing<D: Draws>(&self, bet: &pb::Bet, actions: &[pb::Action], step: Micros, draws: &mut D) -> Result<Standing, Error> {
        let unit = self.unit_stake(bet, step)?;
        if !actions.is_empty() {
            return Err(Error::Action { message: "a slots round has no steps".into() });
        }
        let stake = unit * i64::try_from(self.stake.units).expect("at most LINES_MAX units");
        let mut spins = Vec::with_capacity(1);
        let mut payout: Micros = 0;
        let mut failure = None;
        self.round(draws, &mut |spun| match self.shown(&spun, unit) {
            Ok(spin) => {
                payout = payout.saturating_add(spin.payout_micros);
                spins.push(spin);
            }
            Err(error) => failure = Some(error),
        })?;
        failure.map_or(Ok(()), Err)?;
        if payout == Micros::MAX {
            return Err(Error::Amount { message: "the round's payout leaves the range of money".into() });
        }
        Ok(Standing { outcome: pb::outcome::Family::Slots(pb::SlotsOutcome { spins }), stake, payout: Some(payout) })
    }

    fn pay_table(&self) -> pb::PayTable {
        let mut rows = Vec::new();
        if let Some(rules) = &self.rules {
            for (name, pays) in self.symbols.iter().zip(&rules.pays) {
                rows.extend(pay_rows(name, pays, 1));
            }
        }
        if let Some((symbol, pays)) = &self.scatter_pays {
            rows.extend(pay_rows(&format!("{} anywhere", self.symbols[usize::from(*symbol)]), pays, self.stake.units));
        }
        let index = |row: &usize| u32::try_from(*row).expect("at most ROWS_MAX rows");
        let line = |line: &Vec<usize>| pb::PayTableLine { rows: line.iter().map(index).collect() };
        pb::PayTable {
            unit: self.stake.unit.into(),
            rows,
            symbols: self.symbols.clone(),
            window_rows: index(&self.rows),
            lines: self.rules.iter().flat_map(|rules| &rules.lines).map(line).collect(),
        }
    }
}

/// The rows of one symbol, best first. `units` turns total stakes into the table's unit.
fn pay_rows(name: &str, pays: &[u32], units: u64) -> Vec<pb::PayTableRow> {
    let units = i64::try_from(units).expect("at most LINES_MAX units");
    let row = |(count, pay): (usize, &u32)| pb::PayTableRow {
        label: format!("{name} x {}", count + 1),
        pays_numerator: i64::from(*pay) * units,
        pays_denominator: 1,
    };
    pays.iter().enumerate().rev().filter(|(_, pay)| **pay > 0).map(row).collect()
}
