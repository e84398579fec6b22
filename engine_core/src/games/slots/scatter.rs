//! Stage "pay.scatter": scatters pay by their number anywhere in the window, in total stakes.

use super::spin::{Spin, Stops, Symbol};

/// The scatters of one mode: how many each stop shows, and what they pay.
#[derive(Debug, Clone)]
pub struct Scatter {
    /// The number of scatters in each reel's window by stop, reel after reel.
    shown: Vec<u8>,
    /// Where each reel begins in `shown`, and where the last one ends.
    first: Vec<usize>,
    /// What `n` scatters pay in total stakes, from n = 0 to the most that can show.
    pays: Vec<u32>,
}

impl Scatter {
    /// `pays[n - 1]` is what n scatters pay in total stakes; an absent one pays nothing.
    pub fn new(spin: &Spin, symbol: Symbol, pays: &[u32]) -> Self {
        let count = |column: &[Symbol]| u8::try_from(column.iter().filter(|&&s| s == symbol).count()).expect("a column has at most 8 rows");
        let (mut shown, mut first, mut max) = (Vec::new(), vec![0], 0);
        for reel in 0..spin.reels() {
            let counts: Vec<u8> = (0..spin.length(reel)).map(|stop| count(spin.column(reel, stop))).collect();
            max += usize::from(counts.iter().copied().max().unwrap_or(0));
            shown.extend(counts);
            first.push(shown.len());
        }
        let pays = (0..=max).map(|n| if n == 0 { 0 } else { pays.get(n - 1).copied().unwrap_or(0) }).collect();
        Self { shown, first, pays }
    }

    /// How many scatters the window shows.
    #[inline]
    pub fn count(&self, stops: &Stops) -> usize {
        self.first[1..]
            .iter()
            .zip(&self.first)
            .zip(stops)
            .map(|((_, first), &stop)| usize::from(self.shown[first + usize::from(stop)]))
            .sum()
    }

    /// How many scatters `reel` shows at `stop`.
    #[inline]
    pub fn shown(&self, reel: usize, stop: u16) -> usize {
        usize::from(self.shown[self.first[reel] + usize::from(stop)])
    }

    /// What `count` scatters pay in total stakes.
    #[inline]
    pub fn pay(&self, count: usize) -> u64 {
        u64::from(self.pays[count])
    }

    /// The most scatters that a window can show.
    pub fn count_max(&self) -> usize {
        self.pays.len() - 1
    }

    /// Exact treatment: the number of ways in which the reels from `first` on show 0, 1, 2 … scatters.
    pub fn ways(&self, first: usize) -> Vec<u64> {
        let mut ways = vec![0; self.pays.len()];
        ways[0] = 1;
        for reel in first..self.first.len() - 1 {
            let mut next = vec![0; ways.len()];
            for &shown in &self.shown[self.first[reel]..self.first[reel + 1]] {
                for count in 0..ways.len() - usize::from(shown) {
                    next[count + usize::from(shown)] += ways[count];
                }
            }
            ways = next;
        }
        ways
    }
}
