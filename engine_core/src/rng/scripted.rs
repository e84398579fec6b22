//! Draws chosen by a test.

use super::Draws;
use crate::pb::DrawPurpose;

/// Answers the given values in order, and panics where a test gave too few or one out of range.
pub struct Scripted {
    values: std::vec::IntoIter<u64>,
}

impl Scripted {
    /// The values to answer, in order.
    pub fn new(values: impl Into<Vec<u64>>) -> Self {
        Self { values: values.into().into_iter() }
    }
}

impl Draws for Scripted {
    fn below(&mut self, purpose: DrawPurpose, range: u64) -> u64 {
        let value = self.values.next().unwrap_or_else(|| panic!("the script has no value left for {purpose:?}"));
        assert!(value < range, "the script's {value} for {purpose:?} is not below {range}");
        value
    }
}
