//! Free spins as a branching process: each free spin pays w and wins k more like itself, so what one is worth with all that follows from
//! it is V = w + V1 + … + Vk. With E[k] < 1 that ends, and
//! E[V] = E[w] / (1 - E[k]), Var[V] = Var[w + k E[V]] / (1 - E[k]).
#![allow(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "a bound is compared with 2^-100, and one equation has no rational root"
)]

use super::scan::Class;
use super::{Mode, Slots, BASE, FREE_SPINS_MAX};
use crate::analysis::figures::{ratio, value};
use num_rational::BigRational;
use num_traits::{One, Zero};

/// A model is refused if a round wins more than `FREE_SPINS_MAX` free spins more often than this.
const TOO_LONG_LOG2: f64 = -100.0;

/// What one spin of a mode can be, by number of scatters; probabilities are `ways` over `cycle`.
pub struct Spread<'a> {
    /// By number of scatters.
    pub classes: &'a [Class],
    /// What the scatters of each class pay, in units.
    pub scatter_units: Vec<u64>,
    /// Free spins won in each class.
    pub spins: Vec<u32>,
    /// What wins are multiplied by.
    pub multiplier: u32,
    /// All ways of stopping.
    pub cycle: u128,
}

/// Mean and variance of one free spin with all that it wins, in units of stake, and the chance that all of it pays nothing.
pub struct Worth {
    pub mean: BigRational,
    pub variance: BigRational,
    pub blank: Blank,
    /// How many spins one free spin comes to, itself included.
    pub spins: BigRational,
}

/// The chance of paying nothing.
pub enum Blank {
    Exact(BigRational),
    /// Where a spin can win more spins without a pay, the chance is the root of a polynomial.
    Solved(f64),
}

impl<'a> Spread<'a> {
    /// The spread of `mode`, whose classes come from a scan.
    pub fn new(slots: &Slots, mode: &Mode, classes: &'a [Class], multiplier: u32) -> Self {
        let pay = |count| mode.scatter.as_ref().map_or(0, |scatter| scatter.pay(count) * slots.units());
        let spins = |count| mode.triggers.award(count).map_or(0, |award| award.spins);
        let counts = 0..classes.len();
        Self {
            classes,
            scatter_units: counts.clone().map(pay).collect(),
            spins: counts.map(spins).collect(),
            multiplier,
            cycle: mode.spin.cycle(),
        }
    }

    /// E[f(scatters) x 1], for f by number of scatters.
    pub fn mean_of(&self, f: impl Fn(usize) -> BigRational) -> BigRational {
        let sum = self.classes.iter().enumerate().fold(BigRational::zero(), |sum, (count, class)| sum + f(count) * ratio(class.ways, 1));
        sum / ratio(self.cycle, 1)
    }

    /// Mean of the free spins won by one spin.
    pub fn spins_mean(&self) -> BigRational {
        self.mean_of(|count| ratio(self.spins[count], 1))
    }

    /// Mean and variance of w + extra(scatters), where w is what the spin pays and `extra` belongs to its number of scatters.
    pub fn moments(&self, extra: impl Fn(usize) -> BigRational) -> (BigRational, BigRational) {
        let (mut first, mut second) = (BigRational::zero(), BigRational::zero());
        let m = ratio(self.multiplier, 1);
        for (count, class) in self.classes.iter().enumerate() {
            // m x line win + c, with c fixed in the class.
            let fixed = &m * ratio(self.scatter_units[count], 1) + extra(count);
            let (ways, sum, squares) = (ratio(class.ways, 1), ratio(class.sum, 1), ratio(class.sum_squared, 1));
            first += &m * &sum + &fixed * &ways;
            second += &m * &m * squares + ratio(2, 1) * &m * &fixed * sum + &fixed * &fixed * ways;
        }
        let cycle = ratio(self.cycle, 1);
        let mean = first / &cycle;
        let variance = second / cycle - &mean * &mean;
        (mean, variance)
    }

    /// Ways in a class in which the spin pays nothing.
    pub fn blank_ways(&self, count: usize) -> u128 {
        if self.scatter_units[count] == 0 {
            self.classes[count].blank
        } else {
            0
        }
    }

    /// What one free spin is worth.
    pub fn worth(&self) -> Worth {
        let ends = BigRational::one() - self.spins_mean();
        let mean = self.moments(|_| BigRational::zero()).0 / &ends;
        let variance = self.moments(|count| ratio(self.spins[count], 1) * &mean).1 / &ends;
        Worth { mean, variance, blank: self.blank(), spins: BigRational::one() / ends }
    }

    /// q = sum over the classes of P(pays nothing, wins k) q^k; its smallest root.
    fn blank(&self) -> Blank {
        let chance = |count: usize| ratio(self.blank_ways(count), self.cycle);
        let counts = 0..self.classes.len();
        if counts.clone().all(|count| self.spins[count] == 0 || self.blank_ways(count) == 0) {
            return Blank::Exact(
                counts.filter(|count| self.spins[*count] == 0).map(chance).fold(BigRational::zero(), |sum, part| sum + part),
            );
        }
        let terms: Vec<(f64, f64)> = counts.map(|count| (value(&chance(count)), f64::from(self.spins[count]))).collect();
        // From 0 the iteration rises to the smallest root, and by E[k] < 1 it converges geometrically.
        let step = |q: f64| terms.iter().map(|(chance, spins)| chance * q.powf(*spins)).sum::<f64>();
        Blank::Solved((0..10_000).fold(0.0, |q, _| step(q)))
    }
}

/// Refuses a mode whose free spins do not end, or may be more than `FREE_SPINS_MAX`.
///
/// # Errors
/// What is wrong and what would be right.
pub fn ends(slots: &Slots, mode: &Mode) -> Result<(), String> {
    let Some(scatter) = mode.scatter.as_ref().filter(|_| mode.triggers.any()) else { return Ok(()) };
    if mode.name == slots.modes()[BASE].name {
        return Ok(());
    }
    let spins = |count| mode.triggers.award(count).map_or(0, |award| award.spins);
    let cycle = mode.spin.cycle() as f64;
    let chances: Vec<(f64, f64)> =
        scatter.ways(0).iter().enumerate().map(|(count, &ways)| (ways as f64 / cycle, f64::from(spins(count)))).collect();
    let mean: f64 = chances.iter().map(|(chance, spins)| chance * spins).sum();
    if mean >= 1.0 {
        return Err(format!("each free spin wins {mean:.3} more on average, so they need not end; it must be below 1"));
    }
    let first = slots.modes()[BASE].triggers.spins_max();
    if too_long_log2(&chances, f64::from(first)) > TOO_LONG_LOG2 {
        return Err(format!(
            "each free spin wins {mean:.3} more on average, so a round could win over {FREE_SPINS_MAX} free spins too often; make it less"
        ));
    }
    Ok(())
}

/// Chernoff's bound on the chance that more than `FREE_SPINS_MAX` free spins follow from `first` ones, as log2:
/// n spins have then won more than n - first, and E[x^(sum of k)] x^-(n - first) bounds that for every x > 1.
fn too_long_log2(chances: &[(f64, f64)], first: f64) -> f64 {
    let n = f64::from(FREE_SPINS_MAX);
    let bound = |x: f64| n * chances.iter().map(|(chance, spins)| chance * x.powf(*spins)).sum::<f64>().log2() - (n - first) * x.log2();
    (1..2_000).map(|i| bound(1.0 + f64::from(i) / 1_000.0)).fold(0.0, f64::min)
}
