//! What an exact analysis says about a model.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;
use serde_json::{Map, Value};

/// The exact figures of a model.
#[derive(Debug, Clone)]
pub struct Exact {
    /// How they were found: "full enumeration of 9,765,625 combinations" …
    pub method: String,
    /// Each kind of bet whose figures differ; the reference bet comes first.
    pub bets: Vec<Figures>,
    /// What else belongs into the PAR sheet of this family, under its own keys.
    pub details: Map<String, Value>,
}

/// The exact figures of one kind of bet. All amounts are multiples of the round's first stake.
#[derive(Debug, Clone)]
pub struct Figures {
    /// The bet, for people: "20 lines", "straight", "over or under, 5,000 rolls of 10,001" …
    pub bet: String,
    /// The mean payout.
    pub return_x: BigRational,
    /// The variance of the payout.
    pub variance: BigRational,
    /// How often a round pays anything.
    pub hit_rate: Odds,
    /// The top award: the most that a round pays, or, where free spins can go on without end, the most that one spin of it pays.
    pub award_max_x: BigRational,
    /// How many such awards a round gives on average, which is its probability where there can be only one.
    pub award_max: Odds,
    /// Parts that add up to the return.
    pub components: Vec<Component>,
}

/// One part of a return.
#[derive(Debug, Clone)]
pub struct Component {
    /// "lines", "scatter", "free spins" …
    pub name: String,
    /// Its share of the return.
    pub return_x: BigRational,
}

/// A probability.
#[derive(Debug, Clone)]
pub enum Odds {
    /// As a rational.
    Exact(BigRational),
    /// The solution of an equation that has no rational one, to the precision of a double.
    Solved(f64),
}

impl Odds {
    /// The probability as a double.
    pub fn value(&self) -> f64 {
        match self {
            Self::Exact(ratio) => value(ratio),
            Self::Solved(solved) => *solved,
        }
    }
}

/// `numerator / denominator`.
///
/// # Panics
/// If the denominator is 0.
pub fn ratio(numerator: impl Into<BigInt>, denominator: impl Into<BigInt>) -> BigRational {
    BigRational::new(numerator.into(), denominator.into())
}

/// The nearest double, for people; infinite where none is near.
pub fn value(ratio: &BigRational) -> f64 {
    ratio.to_f64().unwrap_or(f64::INFINITY)
}
