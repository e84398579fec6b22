//! Dice over/under: one roll on a grid, a win pays (1 - edge) / chance.

use super::{Family, Standing};
use crate::amount::{pay, Micros};
use crate::error::Error;
use crate::model::toml_error;
use crate::pb;
use crate::rng::Draws;

/// One dice model.
pub struct Dice {
    rules: Rules,
}

#[derive(serde::Deserialize)]
struct File {
    dice: Rules,
}

/// The `[dice]` part of a model file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    /// Rolls are uniform in [0, grid).
    grid: u32,
    /// Multiplier x chance, in parts a million of the stake: 990,000 for an edge of 1 %.
    return_ppm: u64,
}

impl Dice {
    /// Reads the `[dice]` part.
    ///
    /// # Errors
    /// `Error::Model`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: File = toml::from_str(text).map_err(|e| toml_error(text, &e))?;
        Ok(Self { rules: file.dice })
    }
}

impl Family for Dice {
    fn standing<D: Draws>(&self, bet: &pb::Bet, actions: &[pb::Action], step: Micros, draws: &mut D) -> Result<Standing, Error> {
        let Some(pb::bet::Family::Dice(bet)) = &bet.family else {
            return Err(Error::Bet { field: "bet".into(), message: "this game is dice; set bet.dice".into() });
        };
        if !actions.is_empty() {
            return Err(Error::Action { message: "a dice round has no steps".into() });
        }
        let winning = match bet.side() {
            pb::DiceSide::Over => u64::from(self.rules.grid - 1 - bet.target),
            pb::DiceSide::Under => u64::from(bet.target),
            pb::DiceSide::Unspecified => return Err(Error::Bet { field: "bet.dice.side".into(), message: "must be OVER or UNDER".into() }),
        };
        let roll = u32::try_from(draws.below(pb::DrawPurpose::Roll, u64::from(self.rules.grid))).expect("below the grid");
        let won = match bet.side() {
            pb::DiceSide::Over => roll > bet.target,
            _ => roll < bet.target,
        };
        let (numerator, denominator) = (self.rules.return_ppm * u64::from(self.rules.grid), 1_000_000 * winning);
        let payout = if won { pay(bet.stake_micros, numerator, denominator, step)? } else { 0 };
        let outcome = pb::DiceOutcome { roll, won, multiplier_numerator: numerator, multiplier_denominator: denominator };
        Ok(Standing { outcome: pb::outcome::Family::Dice(outcome), stake: bet.stake_micros, payout: Some(payout) })
    }

    fn pay_table(&self) -> pb::PayTable {
        pb::PayTable::default()
    }
}
