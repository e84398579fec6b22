//! Dice over/under: one roll on a grid; a win pays the model's return over the chance as it is quoted to players.

mod figures;

use super::stake::StakeRange;
use super::{Family, Standing};
use crate::amount::{pay, Micros};
use crate::error::Error;
use crate::model::{error_at, toml_error};
use crate::pb;
use crate::rng::Draws;
use num_integer::gcd;
use toml::Spanned;

/// Parts of a whole in `return_ppm`.
const PPM: u64 = 1_000_000;

/// One dice model.
pub struct Dice {
    grid: u32,
    /// What a win multiplies the stake by, times the number of rolls that win: (numerator, denominator).
    multiplier_of_one: (u64, u64),
    winning_min: u32,
    winning_max: u32,
    stake: StakeRange,
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
    grid: Spanned<u32>,
    /// The chance of a bet is quoted as winning rolls / `chance_denominator`. Equal to the grid it is the true chance.
    chance_denominator: Spanned<u32>,
    /// Multiplier x quoted chance, in parts a million of the stake: 990,000 for an edge of 1 %.
    return_ppm: Spanned<u64>,
    /// The fewest and the most rolls that a bet may win on.
    winning_min: Spanned<u32>,
    winning_max: Spanned<u32>,
    /// Stakes in steps of the currency.
    stake: StakeRange,
}

impl Dice {
    /// Reads the `[dice]` part.
    ///
    /// # Errors
    /// `Error::Model`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let rules = toml::from_str::<File>(text).map_err(|e| toml_error(text, &e))?.dice;
        rules.check(text)?;
        let (numerator, denominator) = (rules.return_ppm.into_inner() * u64::from(*rules.chance_denominator.get_ref()), PPM);
        Ok(Self {
            grid: rules.grid.into_inner(),
            multiplier_of_one: (numerator, denominator),
            winning_min: rules.winning_min.into_inner(),
            winning_max: rules.winning_max.into_inner(),
            stake: rules.stake,
        })
    }

    /// How many rolls there are.
    pub fn grid(&self) -> u32 {
        self.grid
    }

    /// What a bet on `winning` rolls multiplies the stake by, in lowest terms. `winning` is 1 or more.
    pub fn multiplier(&self, winning: u32) -> (u64, u64) {
        let (numerator, denominator) = (self.multiplier_of_one.0, self.multiplier_of_one.1 * u64::from(winning));
        let common = gcd(numerator, denominator);
        (numerator / common, denominator / common)
    }

    /// How many rolls the bet wins on.
    fn winning(&self, bet: pb::DiceBet) -> Result<u32, Error> {
        if bet.target >= self.grid {
            return Err(refused("target", format!("{} is not on the grid of rolls, 0 to {}", bet.target, self.grid - 1)));
        }
        let winning = match bet.side() {
            pb::DiceSide::Over => self.grid - 1 - bet.target,
            pb::DiceSide::Under => bet.target,
            pb::DiceSide::Unspecified => return Err(refused("side", "must be DICE_SIDE_OVER or DICE_SIDE_UNDER".into())),
        };
        if winning < self.winning_min || winning > self.winning_max {
            let message =
                format!("wins on {winning} rolls; this game offers {} to {} of {}", self.winning_min, self.winning_max, self.grid);
            return Err(refused("target", message));
        }
        Ok(winning)
    }
}

impl Rules {
    fn check(&self, text: &str) -> Result<(), Error> {
        let grid = *self.grid.get_ref();
        if grid < 2 {
            return Err(error_at(text, &self.grid.span(), format!("grid = {grid}; a roll needs at least 2 values")));
        }
        let denominator = *self.chance_denominator.get_ref();
        if denominator == 0 || denominator > grid {
            let message = format!(
                "chance_denominator = {denominator}; it must be 1 to the grid, {grid}, or a win would cost the house more than it says"
            );
            return Err(error_at(text, &self.chance_denominator.span(), message));
        }
        let return_ppm = *self.return_ppm.get_ref();
        if return_ppm == 0 || return_ppm > PPM {
            return Err(error_at(text, &self.return_ppm.span(), format!("return_ppm = {return_ppm}; it must be 1 to {PPM}")));
        }
        let (fewest, most) = (*self.winning_min.get_ref(), *self.winning_max.get_ref());
        if fewest == 0 || fewest > most {
            return Err(error_at(text, &self.winning_min.span(), format!("winning_min = {fewest}; it must be 1 to winning_max, {most}")));
        }
        if most >= grid || PPM * u64::from(most) > return_ppm * u64::from(denominator) {
            let message = format!("winning_max = {most}; it must be below the grid, and low enough that a win pays at least the stake");
            return Err(error_at(text, &self.winning_max.span(), message));
        }
        self.stake.check(text)
    }
}

impl Family for Dice {
    fn standing<D: Draws>(&self, bet: &pb::Bet, actions: &[pb::Action], step: Micros, draws: &mut D) -> Result<Standing, Error> {
        let Some(pb::bet::Family::Dice(bet)) = bet.family else {
            return Err(Error::Bet { field: "bet".into(), message: "this game is dice; set bet.dice".into() });
        };
        let winning = self.winning(bet)?;
        let stake = self.stake.accept(bet.stake_micros, step, "bet.dice.stake_micros")?;
        if !actions.is_empty() {
            return Err(Error::Action { message: "a dice round has no steps".into() });
        }
        let roll = u32::try_from(draws.below(pb::DrawPurpose::Roll, u64::from(self.grid))).expect("below the grid");
        let won = if bet.side() == pb::DiceSide::Over { roll > bet.target } else { roll < bet.target };
        let (multiplier_numerator, multiplier_denominator) = self.multiplier(winning);
        let payout = if won { pay(stake, multiplier_numerator, multiplier_denominator, step)? } else { 0 };
        let outcome = pb::DiceOutcome { roll, won, multiplier_numerator, multiplier_denominator };
        Ok(Standing { outcome: pb::outcome::Family::Dice(outcome), stake, payout: Some(payout) })
    }

    fn pay_table(&self) -> pb::PayTable {
        let rows = self.usual_counts().into_iter().map(|winning| self.pay_row(winning)).collect();
        pb::PayTable { unit: "stake".into(), rows, ..pb::PayTable::default() }
    }
}

impl Dice {
    /// How many rolls the bets of tables for people win on: the two ends of what is offered and the chances that people ask for.
    fn usual_counts(&self) -> Vec<u32> {
        let common = [1, 2, 5, 10, 25, 50, 75, 90].map(|percent| u32::try_from(u64::from(self.grid) * percent / 100).unwrap_or(u32::MAX));
        let mut counts: Vec<u32> = common.into_iter().chain([self.winning_min, self.winning_max]).collect();
        counts.retain(|winning| (self.winning_min..=self.winning_max).contains(winning));
        counts.sort_unstable();
        counts.dedup();
        counts
    }

    fn label(&self, winning: u32) -> String {
        format!("over or under, {winning} rolls of {}", self.grid)
    }

    fn pay_row(&self, winning: u32) -> pb::PayTableRow {
        let (numerator, denominator) = self.multiplier(winning);
        let fit = |part: u64| i64::try_from(part).unwrap_or(i64::MAX);
        pb::PayTableRow { label: self.label(winning), pays_numerator: fit(numerator), pays_denominator: fit(denominator) }
    }
}

fn refused(field: &str, message: String) -> Error {
    Error::Bet { field: format!("bet.dice.{field}"), message }
}
