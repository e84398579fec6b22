//! Stage "spin": every reel stops at a place drawn uniformly from its strip.

use crate::pb::DrawPurpose;
use crate::rng::Draws;

/// The most reels that a model may have.
pub const REELS_MAX: usize = 8;
/// The most rows of a window.
pub const ROWS_MAX: usize = 8;
/// The longest strip.
pub const STRIP_MAX: usize = 1_000;

/// Index of a symbol in the model's list.
pub type Symbol = u8;

/// Where each reel stopped: the index of the symbol in its top row. Places past the last reel stay 0.
pub type Stops = [u16; REELS_MAX];

/// The reels of one mode.
#[derive(Debug, Clone)]
pub struct Spin {
    rows: usize,
    /// Each strip with its first `rows - 1` symbols repeated at the end, so that a window is a slice.
    strips: Vec<Vec<Symbol>>,
    lengths: Vec<u64>,
}

impl Spin {
    /// The stage for checked strips: 1 to `REELS_MAX` of them, each with at least `rows` symbols.
    pub fn new(strips: &[Vec<Symbol>], rows: usize) -> Self {
        let lengths = strips.iter().map(|strip| strip.len() as u64).collect();
        let wrapped = strips.iter().map(|strip| strip.iter().chain(&strip[..rows - 1]).copied().collect()).collect();
        Self { rows, strips: wrapped, lengths }
    }

    /// How many reels there are.
    pub fn reels(&self) -> usize {
        self.lengths.len()
    }

    /// How many places `reel` can stop at.
    #[allow(clippy::cast_possible_truncation, reason = "a strip has at most STRIP_MAX symbols")]
    pub fn length(&self, reel: usize) -> u16 {
        self.lengths[reel] as u16
    }

    /// How many ways the reels can stop.
    pub fn cycle(&self) -> u128 {
        self.lengths.iter().map(|&length| u128::from(length)).product()
    }

    /// Draws where each reel stops, reel by reel from the left.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "a strip has at most STRIP_MAX symbols")]
    pub fn draw<D: Draws>(&self, draws: &mut D) -> Stops {
        let mut stops = [0; REELS_MAX];
        for (stop, &length) in stops.iter_mut().zip(&self.lengths) {
            *stop = draws.below(DrawPurpose::ReelStop, length) as u16;
        }
        stops
    }

    /// What `reel` shows when it stops at `stop`, top to bottom.
    #[inline]
    pub fn column(&self, reel: usize, stop: u16) -> &[Symbol] {
        &self.strips[reel][usize::from(stop)..usize::from(stop) + self.rows]
    }

    /// How often each symbol is on `reel`, by index; `symbols` is the length of the model's list.
    pub fn weights(&self, reel: usize, symbols: usize) -> Vec<u64> {
        let mut weights = vec![0; symbols];
        self.strips[reel][..usize::from(self.length(reel))].iter().for_each(|&symbol| weights[usize::from(symbol)] += 1);
        weights
    }
}
