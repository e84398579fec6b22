//! A whole round: the paid spin, then every free spin that it wins. Nothing here allocates.

use super::spin::Stops;
use super::trigger::Award;
use super::{Mode, Slots, BASE, FREE_SPINS_MAX};
use crate::error::Error;
use crate::rng::Draws;

/// One spin as it came out. Amounts are in units of stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spun {
    /// Index of the mode.
    pub mode: usize,
    /// Where the reels stopped.
    pub stops: Stops,
    /// What its wins are multiplied by.
    pub multiplier: u32,
    /// Lines before the multiplier.
    pub line_units: u64,
    /// Scatters before the multiplier.
    pub scatter_units: u64,
    /// How many scatters show.
    pub scatters: usize,
    /// Free spins won by this spin.
    pub won: u32,
    /// Free spins left to play after it.
    pub left: u32,
}

impl Spun {
    /// What the spin pays in units of stake.
    #[inline]
    pub fn units(&self) -> u64 {
        (self.line_units + self.scatter_units) * u64::from(self.multiplier)
    }
}

impl Slots {
    /// Plays one round and hands each spin to `each`. Returns what the round pays in units of stake.
    ///
    /// # Errors
    /// `Error::Amount` if the round wins more than `FREE_SPINS_MAX` free spins.
    #[inline]
    pub fn round<D: Draws>(&self, draws: &mut D, each: &mut impl FnMut(Spun)) -> Result<u64, Error> {
        let base = &self.modes[BASE];
        let mut paid = base.once(self.stake.units, draws);
        let mut total = paid.units();
        let Some(award) = base.triggers.award(paid.scatters) else {
            each(paid);
            return Ok(total);
        };
        (paid.won, paid.left) = (award.spins, award.spins);
        each(paid);
        let (mut all, mut left) = (award.spins, award.spins);
        while left > 0 {
            let spun = self.free(award, left - 1, draws);
            (all, left) = (all + spun.won, spun.left);
            if all > FREE_SPINS_MAX {
                return Err(too_long());
            }
            total += spun.units();
            each(spun);
        }
        Ok(total)
    }

    /// One of the free spins that `award` won; `left` of them are to come without what this one wins.
    #[inline]
    fn free<D: Draws>(&self, award: Award, left: u32, draws: &mut D) -> Spun {
        let mode = &self.modes[award.mode];
        let spun = mode.once(self.stake.units, draws);
        let won = mode.triggers.award(spun.scatters).map_or(0, |more| more.spins);
        Spun { mode: award.mode, multiplier: award.multiplier, won, left: left + won, ..spun }
    }
}

impl Mode {
    /// One spin of this mode as if it were the paid one.
    #[inline]
    fn once<D: Draws>(&self, units: u64, draws: &mut D) -> Spun {
        self.at(self.spin.draw(draws), units)
    }

    /// The spin with these stops, not multiplied. `units` are the units in a total stake.
    #[inline]
    pub fn at(&self, stops: Stops, units: u64) -> Spun {
        let line_units = self.lines.as_ref().map_or(0, |lines| lines.pay(&self.spin, &stops));
        let (scatters, scatter_units) = self.scatter.as_ref().map_or((0, 0), |scatter| {
            let count = scatter.count(&stops);
            (count, scatter.pay(count) * units)
        });
        Spun { mode: BASE, stops, multiplier: 1, line_units, scatter_units, scatters, won: 0, left: 0 }
    }
}

#[cold]
fn too_long() -> Error {
    Error::Amount {
        message: format!("the round won more than {FREE_SPINS_MAX} free spins, which a checked model does once in 2^100 rounds"),
    }
}
