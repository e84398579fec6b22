//! What a model returns: exact figures by enumeration, and parallel simulation to confirm them.
//!
//! - `figures`: what an exact analysis says about one kind of bet, in rationals.
//! - `simulate`: the same stake played many times over threads; the result does not depend on their number.
//! - `tally`: sums of simulated rounds in integers.
//! - `report`: both as JSON, which is also the PAR sheet.
//!
//! A family joins by implementing [`Analysed`]; everything else here is the same for all. Every figure is a multiple of the first stake of a
//! round: a return of 0.97 pays back 97 % of it on average. Where a round can stake more later (doubles, splits, insurance), the return is
//! 1 + the mean net win over the first stake, as casinos quote it.
//!
//! Floats appear only where a finished figure is shown to people; sums, odds and returns are integers and rationals.

pub mod figures;
mod report;
mod simulate;
mod tally;

pub use figures::{Component, Exact, Figures, Odds};
pub use report::{exact_json, odds_json, ratio_json, simulation_json};
pub use simulate::{simulate, Plan, BLOCK_ROUNDS};
pub use tally::Tally;

use crate::amount::Micros;
use crate::error::Error;
use crate::games::Family;
use crate::pb;
use crate::rng::Stream;

/// The currency's step under which bets are simulated: a cent.
pub const STEP: Micros = 10_000;

/// What a family brings to the analysis of its models.
pub trait Analysed: Sync {
    /// The bet whose figures stand for the model, under [`STEP`]. Where payouts are floored to the step, it is large enough that
    /// flooring does not show in the figures.
    fn reference_bet(&self) -> pb::Bet;

    /// Each use of the random stream and how much it takes, in a sentence for the PAR sheet (R7, R12).
    fn randomness(&self) -> &'static str;

    /// The exact figures of each kind of bet that differs, the reference bet first.
    ///
    /// # Errors
    /// `Error::NotExact` where the family or this model has none, which is what a family that does not implement it answers.
    fn exact(&self, threads: usize) -> Result<Exact, Error> {
        let _ = threads;
        Err(Error::NotExact { message: "this family has no exact figure; simulate it".into() })
    }

    /// `bet`, checked once and ready to be played many times. [`without_actions`] makes one for a family whose rounds take no action; a
    /// family with decisions brings its own, with a named strategy.
    ///
    /// # Errors
    /// `Error::Bet` for a bet that the model does not offer.
    fn table<'a>(&'a self, bet: &pb::Bet) -> Result<Box<dyn Table + 'a>, Error>;
}

/// A table that plays [`Family::standing`] over and over under [`STEP`], for a family whose rounds take no action.
///
/// # Errors
/// `Error::Bet` for a bet that the model does not offer.
pub fn without_actions<'a, F: Family + Sync>(family: &'a F, bet: &pb::Bet) -> Result<Box<dyn Table + 'a>, Error> {
    let stake = family.standing(bet, &[], STEP, &mut Stream::from_key(&[0; 32]))?.stake;
    Ok(Box::new(Standings { family, bet: bet.clone(), stake }))
}

/// One bet at one model, played over and over.
pub trait Table: Sync {
    /// How the rounds are played, for people: "the reference bet", "basic strategy" …
    fn strategy(&self) -> String;

    /// Stake at the start of each round, in the unit of the tally.
    fn stake(&self) -> i64;

    /// Plays `rounds` rounds from the stream, one after the other, and adds each to the tally.
    ///
    /// # Errors
    /// `Error::Amount` if a sum leaves the range.
    fn play(&self, stream: &mut Stream, rounds: u64, tally: &mut Tally) -> Result<(), Error>;
}

/// See [`without_actions`].
struct Standings<'a, F> {
    family: &'a F,
    bet: pb::Bet,
    stake: Micros,
}

impl<F: Family + Sync> Table for Standings<'_, F> {
    fn strategy(&self) -> String {
        "no decisions".into()
    }

    fn stake(&self) -> i64 {
        self.stake
    }

    fn play(&self, stream: &mut Stream, rounds: u64, tally: &mut Tally) -> Result<(), Error> {
        for _ in 0..rounds {
            let standing = self.family.standing(&self.bet, &[], STEP, stream)?;
            let message = "a round waits for an action that this table does not take";
            let paid = standing.payout.ok_or_else(|| Error::NotExact { message: message.into() })?;
            tally.add(standing.stake, paid);
        }
        Ok(())
    }
}
