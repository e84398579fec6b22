//! Checked integer money: micros of a currency, floored to the currency's step.

use crate::error::Error;

/// Micros of the currency's unit, 1,000,000 a unit.
pub type Micros = i64;

/// `stake x numerator / denominator`, floored to a multiple of `step`.
///
/// # Errors
/// `Error::Amount` if an operand is negative, `denominator` or `step` is not positive, or the result leaves the range.
pub fn pay(stake: Micros, numerator: u64, denominator: u64, step: Micros) -> Result<Micros, Error> {
    if stake < 0 || denominator == 0 || step <= 0 {
        return Err(overflow("a pay needs a stake of 0 or more, a denominator and a step above 0"));
    }
    let exact = i128::from(stake).checked_mul(i128::from(numerator)).ok_or_else(|| overflow("a pay leaves the range of money"))?;
    let floored = exact / i128::from(denominator) / i128::from(step) * i128::from(step);
    Micros::try_from(floored).map_err(|_| overflow("a pay leaves the range of money"))
}

/// `a + b`.
///
/// # Errors
/// `Error::Amount` if the sum leaves the range.
pub fn add(a: Micros, b: Micros) -> Result<Micros, Error> {
    a.checked_add(b).ok_or_else(|| overflow("a sum leaves the range of money"))
}

fn overflow(message: &str) -> Error {
    Error::Amount { message: message.into() }
}
