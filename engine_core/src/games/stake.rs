//! What a model lets a player stake, in steps of the currency, so that one model serves every currency.

use crate::amount::Micros;
use crate::error::Error;
use crate::model::error_at;
use toml::Spanned;

/// The most steps that any model may allow: with steps of up to a million micros every pay stays far inside an `i64`.
const STEPS_MAX: u32 = 100_000_000;

/// Bounds of one stake. The table `{ min_steps = …, max_steps = … }` of a model file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakeRange {
    min_steps: u32,
    max_steps: Spanned<u32>,
}

impl StakeRange {
    /// Refuses bounds that no stake can meet. `text` is the model file.
    ///
    /// # Errors
    /// `Error::Model` with the line of `max_steps`.
    pub fn check(&self, text: &str) -> Result<(), Error> {
        let max = *self.max_steps.get_ref();
        if self.min_steps == 0 || max < self.min_steps || max > STEPS_MAX {
            let message =
                format!("min_steps = {}, max_steps = {max}; stakes need 1 <= min_steps <= max_steps <= {STEPS_MAX}", self.min_steps);
            return Err(error_at(text, &self.max_steps.span(), message));
        }
        Ok(())
    }

    /// Passes a stake in micros that is a whole number of `step`s within the bounds. `field` is its path inside the bet.
    ///
    /// # Errors
    /// `Error::Bet` with the bounds in micros; `Error::Amount` for a step that is not positive or too large.
    pub fn accept(&self, stake: Micros, step: Micros, field: &str) -> Result<Micros, Error> {
        let steps = whole_steps(stake, step, field)?;
        let (min, max) = (i64::from(self.min_steps), self.max_steps());
        if steps < min || steps > max {
            let bound = |steps: i64| {
                steps.checked_mul(step).ok_or_else(|| Error::Amount { message: format!("a step of {step} micros is too large") })
            };
            return Err(refused(
                field,
                format!("{stake} micros is outside the stakes of this game, {} to {} micros", bound(min)?, bound(max)?),
            ));
        }
        Ok(stake)
    }

    /// The smallest stake in steps.
    pub fn min_steps(&self) -> i64 {
        self.min_steps.into()
    }

    /// The largest stake in steps.
    pub fn max_steps(&self) -> i64 {
        i64::from(*self.max_steps.get_ref())
    }
}

/// How many steps a stake is, where it is a positive whole number of them.
fn whole_steps(stake: Micros, step: Micros, field: &str) -> Result<i64, Error> {
    if step <= 0 {
        return Err(Error::Amount { message: format!("a currency's step is above 0, not {step} micros") });
    }
    if stake <= 0 || stake % step != 0 {
        return Err(refused(field, format!("{stake} micros is no positive multiple of the currency's step of {step} micros")));
    }
    Ok(stake / step)
}

fn refused(field: &str, message: String) -> Error {
    Error::Bet { field: field.into(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(min_steps: u32, max_steps: u32) -> Result<StakeRange, Error> {
        let text = format!("min_steps = {min_steps}\nmax_steps = {max_steps}\n");
        let range: StakeRange = toml::from_str(&text).expect("well-formed");
        range.check(&text).map(|()| range)
    }

    /// A stake is accepted exactly when it is a whole number of steps within the bounds; hostile amounts and steps are refused without a panic.
    #[test]
    fn accepts_whole_steps_within_bounds() {
        let range = range(2, 5).expect("a range");
        let table = [
            (20_000, 10_000, true),
            (50_000, 10_000, true),
            (10_000, 10_000, false),
            (60_000, 10_000, false),
            (25_000, 10_000, false),
            (0, 10_000, false),
            (-20_000, 10_000, false),
            (i64::MIN, 10_000, false),
            (i64::MAX, 1, false),
            (i64::MAX, i64::MAX, false),
            (20_000, 0, false),
            (20_000, -10_000, false),
            (i64::MIN, -1, false),
        ];
        for (stake, step, accepted) in table {
            assert_eq!(range.accept(stake, step, "stake_micros").is_ok(), accepted, "{stake} in steps of {step}");
        }
    }

    /// A model whose bounds no stake can meet is refused with its line.
    #[test]
    fn refuses_empty_ranges() {
        for (min, max) in [(0, 5), (6, 5), (1, STEPS_MAX + 1)] {
            assert!(matches!(range(min, max).map(|_| ()), Err(Error::Model { line: 2, .. })), "{min}..{max}");
        }
    }
}
