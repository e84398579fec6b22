//! The exact figures of a slots model: every mode enumerated, free spins solved as a branching process.

use super::chain::{Blank, Spread, Worth};
use super::scan::{scan, Class};
use super::{Mode, Slots, BASE};
use crate::analysis::figures::{ratio, value};
use crate::analysis::{odds_json, ratio_json, Analysed, Component, Exact, Figures, Odds, Table, Tally, STEP};
use crate::error::Error;
use crate::pb;
use crate::rng::Stream;
use num_rational::BigRational;
use num_traits::{One, Zero};
use serde_json::{json, Map, Value};

/// The most ways of stopping that one mode is enumerated for.
const CYCLE_MAX: u128 = 1_000_000_000_000;

/// One mode with its scan.
struct Scanned<'a> {
    mode: &'a Mode,
    classes: Vec<Class>,
    /// What its wins are multiplied by.
    multiplier: u32,
    /// How many of its spins a round has on average.
    per_round: BigRational,
}

impl Slots {
    /// The most that one spin of `mode` could pay in units if every line and every scatter paid its best: a bound, not a figure.
    pub(super) fn units_max(&self, mode: &Mode) -> u64 {
        let best = |rules: &super::LineRules| {
            let most = rules.pays.iter().flatten().copied().max().unwrap_or(0);
            u64::from(most) * u64::from(rules.wild_multiplier) * rules.lines.len() as u64
        };
        let lines = mode.lines.as_ref().map_or(0, |lines| best(lines.rules()));
        let scatters =
            mode.scatter.as_ref().map_or(0, |scatter| (0..=scatter.count_max()).map(|count| scatter.pay(count)).max().unwrap_or(0));
        (lines + scatters * self.units()) * u64::from(self.multiplier(&mode.name))
    }

    /// What wins of a mode are multiplied by.
    fn multiplier(&self, name: &str) -> u32 {
        let awards = self.modes[BASE].triggers.awards();
        awards.filter(|award| self.modes[award.mode].name == name).map(|award| award.multiplier).next().unwrap_or(1)
    }

    fn scanned(&self, threads: usize) -> Vec<Scanned<'_>> {
        let mut all: Vec<Scanned<'_>> = Vec::new();
        for mode in &self.modes {
            let (classes, multiplier) = (scan(mode, threads), self.multiplier(&mode.name));
            all.push(Scanned { mode, classes, multiplier, per_round: BigRational::one() });
        }
        let (base, free) = all.split_first_mut().expect("a model has a base mode");
        for (index, part) in (1..).zip(free) {
            let won = |count| base.mode.triggers.award(count).filter(|award| award.mode == index).map_or(0, |award| award.spins);
            let started = base.spread(self).mean_of(|count| ratio(won(count), 1));
            part.per_round = started * part.spread(self).worth().spins;
        }
        all
    }

    fn figures(&self, scanned: &[Scanned<'_>]) -> Figures {
        let base = scanned[BASE].spread(self);
        let worths: Vec<Option<Worth>> =
            scanned.iter().enumerate().map(|(i, part)| (i != BASE).then(|| part.spread(self).worth())).collect();
        // What the free spins won in a class of the base spin come to.
        let after = |count: usize| {
            let award = self.modes[BASE].triggers.award(count)?;
            worths[award.mode].as_ref().map(|worth| (ratio(award.spins, 1), worth))
        };
        let extra = |count| after(count).map_or_else(BigRational::zero, |(spins, worth)| spins * &worth.mean);
        let noise = base.mean_of(|count| after(count).map_or_else(BigRational::zero, |(spins, worth)| spins * &worth.variance));
        let (mean, variance) = base.moments(extra);
        let units = ratio(self.units(), 1);
        let (award_max_x, award_max) = self.top(scanned);
        Figures {
            bet: format!("any level; {} x the {}", self.units(), self.stake.unit),
            return_x: mean / &units,
            variance: (variance + noise) / (&units * &units),
            hit_rate: hit_rate(&base, |count| after(count).map(|(_, worth)| &worth.blank)),
            award_max_x,
            award_max,
            components: self.components(scanned, base.mean_of(extra) / units),
        }
    }

    fn components(&self, scanned: &[Scanned<'_>], free: BigRational) -> Vec<Component> {
        let part = |name: &str, return_x| Component { name: name.into(), return_x };
        let base = &scanned[BASE];
        let mut all = vec![part("lines", self.lines_x(base)), part("scatter", self.scatter_x(base))];
        if scanned.len() > 1 {
            all.push(part("free spins", free));
        }
        all
    }

    /// Mean line pay of one spin, multiplied, in total stakes.
    fn lines_x(&self, part: &Scanned<'_>) -> BigRational {
        let sum: u128 = part.classes.iter().map(|class| class.sum).sum();
        ratio(sum * u128::from(part.multiplier), part.mode.spin.cycle() * u128::from(self.units()))
    }

    /// Mean scatter pay of one spin, multiplied, in total stakes.
    fn scatter_x(&self, part: &Scanned<'_>) -> BigRational {
        let spread = part.spread(self);
        spread.mean_of(|count| ratio(spread.scatter_units[count] * u64::from(part.multiplier), self.units()))
    }

    /// The highest pay of one spin in total stakes, and how many of them a round gives on average.
    fn top(&self, scanned: &[Scanned<'_>]) -> (BigRational, Odds) {
        let best = scanned.iter().map(|part| part.top(self).0).max().unwrap_or(0);
        let often = scanned.iter().filter(|part| part.top(self).0 == best).map(|part| &part.per_round * part.top(self).1);
        (ratio(best, self.units()), Odds::Exact(often.fold(BigRational::zero(), |sum, part| sum + part)))
    }

    fn mode_json(&self, part: &Scanned<'_>) -> Value {
        let spread = part.spread(self);
        let (mean, variance) = spread.moments(|_| BigRational::zero());
        let units = ratio(self.units(), 1);
        let paying = (0..part.classes.len()).fold(part.mode.spin.cycle(), |ways, count| ways - spread.blank_ways(count));
        let (top, odds) = part.top(self);
        let class =
            |(count, class): (usize, &Class)| json!({"scatters": count, "ways": class.ways.to_string(), "free_spins": spread.spins[count]});
        json!({
            "mode": part.mode.name,
            "combinations": part.mode.spin.cycle().to_string(),
            "multiplier": part.multiplier,
            "spins_per_round": ratio_json(&part.per_round),
            "return_per_spin": ratio_json(&(mean / &units)),
            "lines_per_spin": ratio_json(&self.lines_x(part)),
            "scatter_per_spin": ratio_json(&self.scatter_x(part)),
            "variance_per_spin": value(&(variance / (&units * &units))),
            "hit_rate_per_spin": ratio_json(&ratio(paying, part.mode.spin.cycle())),
            "free_spins_won_per_spin": ratio_json(&spread.spins_mean()),
            "max_win_x": value(&ratio(top, self.units())),
            "max_win_odds_per_spin": odds_json(&Odds::Exact(odds)),
            "scatters": part.classes.iter().enumerate().map(class).collect::<Vec<_>>(),
        })
    }
}

impl Scanned<'_> {
    fn spread<'a>(&'a self, slots: &Slots) -> Spread<'a> {
        Spread::new(slots, self.mode, &self.classes, self.multiplier)
    }

    /// The highest pay of one spin in units, and its probability.
    fn top(&self, slots: &Slots) -> (u64, BigRational) {
        let spread = self.spread(slots);
        let pays = self.classes.iter().zip(&spread.scatter_units).filter(|(class, _)| class.ways > 0);
        let pays: Vec<(u64, u128)> =
            pays.map(|(class, scatter)| ((class.max + scatter) * u64::from(self.multiplier), class.max_ways)).collect();
        let best = pays.iter().map(|(pay, _)| *pay).max().unwrap_or(0);
        let ways: u128 = pays.iter().filter(|(pay, _)| *pay == best).map(|(_, ways)| ways).sum();
        (best, ratio(ways, spread.cycle))
    }
}

/// One minus the chance that the paid spin and everything that it wins pay nothing.
fn hit_rate<'a>(base: &Spread<'_>, after: impl Fn(usize) -> Option<&'a Blank>) -> Odds {
    let (mut exact, mut solved) = (BigRational::zero(), 0.0_f64);
    let mut rational = true;
    for count in 0..base.classes.len() {
        let ways = ratio(base.blank_ways(count), base.cycle);
        let power = i32::try_from(base.spins[count]).expect("at most SPINS_MAX spins");
        match after(count).filter(|_| !ways.is_zero()) {
            None => exact += ways,
            Some(Blank::Exact(blank)) => exact += ways * blank.pow(power),
            Some(Blank::Solved(blank)) => {
                rational = false;
                solved = f64::mul_add(value(&ways), blank.powi(power), solved);
            }
        }
    }
    let paying = BigRational::one() - exact;
    if rational {
        Odds::Exact(paying)
    } else {
        Odds::Solved(f64::mul_add(-1.0, solved, value(&paying)))
    }
}

impl Analysed for Slots {
    /// The lowest level; every level returns the same, since pays are whole units.
    fn reference_bet(&self) -> pb::Bet {
        let steps = i64::try_from(self.stake.steps[0] * self.stake.units).expect("a checked stake");
        pb::Bet { family: Some(pb::bet::Family::Slots(pb::SlotsBet { stake_micros: steps * STEP })) }
    }

    fn randomness(&self) -> &'static str {
        "REEL_STOP: one draw for each reel of each spin, from the left, uniform over the strip."
    }

    fn exact(&self, threads: usize) -> Result<Exact, Error> {
        if let Some(mode) = self.modes.iter().find(|mode| mode.spin.cycle() > CYCLE_MAX) {
            let message = format!("mode \"{}\" has {} combinations; up to {CYCLE_MAX} are enumerated", mode.name, mode.spin.cycle());
            return Err(Error::NotExact { message });
        }
        let scanned = self.scanned(threads);
        let mut details = Map::new();
        details.insert("modes".into(), scanned.iter().map(|part| self.mode_json(part)).collect());
        let method = "full enumeration of every mode; free spins solved as a branching process, without a cap".into();
        Ok(Exact { method, bets: vec![self.figures(&scanned)], details })
    }

    fn table<'a>(&'a self, bet: &pb::Bet) -> Result<Box<dyn Table + 'a>, Error> {
        self.unit_stake(bet, STEP)?;
        Ok(Box::new(Rounds { slots: self }))
    }
}

/// Rounds in units of stake.
struct Rounds<'a> {
    slots: &'a Slots,
}

impl Table for Rounds<'_> {
    fn strategy(&self) -> String {
        "no decisions".into()
    }

    fn stake(&self) -> i64 {
        i64::try_from(self.slots.units()).expect("at most LINES_MAX units")
    }

    fn play(&self, stream: &mut Stream, rounds: u64, tally: &mut Tally) -> Result<(), Error> {
        let stake = self.stake();
        for _ in 0..rounds {
            let units = self.slots.round(stream, &mut |_| tally.spins += 1)?;
            let paid = i64::try_from(units).map_err(|_| Error::Amount { message: "a round's win leaves 63 bits".into() })?;
            tally.add(stake, paid);
        }
        Ok(())
    }
}
