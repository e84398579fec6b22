//! Random numbers. `stream` is the only source that production reaches; `scripted` lets a test choose.
//!
//! - `stream`: the keystream of one round and its unbiased draws.
//! - `choose`: shuffles and weighted picks.
//! - `health`: continuous tests of a stream and of the operating system's entropy; both fail closed.
//! - `self_test`: known answers, run before the first round.

pub mod choose;
pub mod health;
pub mod scripted;
mod self_test;
pub mod stream;

pub use self_test::self_test;
pub use stream::Stream;

use crate::pb::{Draw, DrawPurpose};

/// A source of unbiased draws.
pub trait Draws {
    /// A number uniform in [0, range). `range` must be 1 or more.
    fn below(&mut self, purpose: DrawPurpose, range: u64) -> u64;
}

/// Notes every draw that passes through it, for the outcome.
pub struct Recorded<'a> {
    stream: &'a mut Stream,
    draws: Vec<Draw>,
}

impl<'a> Recorded<'a> {
    /// Records what is drawn from `stream`.
    pub fn new(stream: &'a mut Stream) -> Self {
        Self { stream, draws: Vec::with_capacity(8) }
    }

    /// The draws so far, in order.
    pub fn into_draws(self) -> Vec<Draw> {
        self.draws
    }
}

impl Draws for Recorded<'_> {
    fn below(&mut self, purpose: DrawPurpose, range: u64) -> u64 {
        let value = self.stream.below(purpose, range);
        self.draws.push(Draw { purpose: purpose.into(), range, value, word: self.stream.last_word() });
        value
    }
}
