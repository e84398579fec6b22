//! The registry of families: one enum, one match. A family is a pure fold of a bet and the actions so far over a source of draws.

pub mod blackjack;
pub mod dice;
pub mod roulette;
pub mod slots;
pub mod stake;

use crate::amount::Micros;
use crate::analysis::Analysed;
use crate::error::Error;
use crate::pb;
use crate::rng::Draws;

/// What a round has come to after the actions so far.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What the player may see.
    pub outcome: pb::outcome::Family,
    /// All that was staked so far in micros.
    pub stake: Micros,
    /// What is paid, once no decision is left; `None` while the round is open.
    pub payout: Option<Micros>,
}

/// What each family implements. One value is one model's parameters.
pub trait Family: Sized {
    /// Plays `bet` and then `actions` from the start; the same arguments give the same standing.
    /// `step` is the smallest amount of the currency in micros: stakes must be multiples of it and payouts are floored to it.
    ///
    /// # Errors
    /// `Error::Bet` or `Error::Action` for what the model does not offer, `Error::Amount` for money out of range.
    fn standing<D: Draws>(&self, bet: &pb::Bet, actions: &[pb::Action], step: Micros, draws: &mut D) -> Result<Standing, Error>;

    /// What the model pays, for people.
    fn pay_table(&self) -> pb::PayTable;
}

/// Every family there is.
pub enum Game {
    /// Dice over/under.
    Dice(dice::Dice),
    /// Roulette with one, two or three zeros.
    Roulette(roulette::Roulette),
    /// Blackjack.
    Blackjack(blackjack::Blackjack),
    /// Slots with pay lines.
    Slots(slots::Slots),
}

impl Game {
    /// Reads the part of a model file that belongs to `family`.
    ///
    /// # Errors
    /// `Error::Model` for an unknown family or malformed parameters.
    pub fn parse(family: &str, text: &str) -> Result<Self, Error> {
        match family {
            "dice" => Ok(Self::Dice(dice::Dice::parse(text)?)),
            "roulette" => Ok(Self::Roulette(roulette::Roulette::parse(text)?)),
            "blackjack" => Ok(Self::Blackjack(blackjack::Blackjack::parse(text)?)),
            "slots" => Ok(Self::Slots(slots::Slots::parse(text)?)),
            other => Err(Error::Model {
                line: 0,
                message: format!("family = \"{other}\" is unknown; it must be one of: dice, roulette, blackjack, slots"),
            }),
        }
    }

    /// See [`Family::standing`].
    ///
    /// # Errors
    /// Those of the family.
    pub fn standing<D: Draws>(&self, bet: &pb::Bet, actions: &[pb::Action], step: Micros, draws: &mut D) -> Result<Standing, Error> {
        match self {
            Self::Dice(game) => game.standing(bet, actions, step, draws),
            Self::Roulette(game) => game.standing(bet, actions, step, draws),
            Self::Blackjack(game) => game.standing(bet, actions, step, draws),
            Self::Slots(game) => game.standing(bet, actions, step, draws),
        }
    }

    /// See [`Family::pay_table`].
    pub fn pay_table(&self) -> pb::PayTable {
        match self {
            Self::Dice(game) => game.pay_table(),
            Self::Roulette(game) => game.pay_table(),
            Self::Blackjack(game) => game.pay_table(),
            Self::Slots(game) => game.pay_table(),
        }
    }

    /// The family's side of the analysis.
    pub fn analysed(&self) -> &dyn Analysed {
        match self {
            Self::Dice(game) => game,
            Self::Roulette(game) => game,
            Self::Blackjack(game) => game,
            Self::Slots(game) => game,
        }
    }
}
