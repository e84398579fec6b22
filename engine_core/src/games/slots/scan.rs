//! Full enumeration of one mode: every way in which its reels can stop, counted once.
//!
//! Evaluation is incremental: reel by reel from the left, only lines that are still alive are looked at, and as soon as none is, all ways in
//! which the remaining reels can stop are counted at once, by how many scatters they show.

use super::lines::{Group, Lines};
use super::scatter::Scatter;
use super::Mode;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All ways of stopping that show one number of scatters. Sums are of line wins in units of stake, before any multiplier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Class {
    /// How many ways there are.
    pub ways: u128,
    /// How many of them win nothing on lines.
    pub blank: u128,
    /// Sum of the line wins.
    pub sum: u128,
    /// Sum of their squares.
    pub sum_squared: u128,
    /// The highest line win.
    pub max: u64,
    /// How many ways win that much.
    pub max_ways: u128,
}

impl Class {
    fn add(&mut self, ways: u64, win: u64) {
        let (n, w) = (u128::from(ways), u128::from(win));
        self.ways += n;
        self.blank += if win == 0 { n } else { 0 };
        self.sum += n * w;
        self.sum_squared += n * w * w;
        self.top(n, win);
    }

    fn merge(&mut self, other: &Self) {
        self.ways += other.ways;
        self.blank += other.blank;
        self.sum += other.sum;
        self.sum_squared += other.sum_squared;
        self.top(other.max_ways, other.max);
    }

    fn top(&mut self, ways: u128, win: u64) {
        if ways > 0 && (win > self.max || self.max_ways == 0) {
            (self.max, self.max_ways) = (win, ways);
        } else if win == self.max {
            self.max_ways += ways;
        }
    }
}

/// Enumerates a mode over `threads` threads. The classes are by number of scatters, from 0; their sums are the same for any number of threads.
pub fn scan(mode: &Mode, threads: usize) -> Vec<Class> {
    let next = AtomicUsize::new(0);
    let tasks = usize::from(mode.spin.length(0));
    let work = || {
        let mut scanner = Scanner::new(mode);
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks {
                return scanner.classes;
            }
            scanner.first(u16::try_from(task).expect("a strip has at most STRIP_MAX symbols"));
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.clamp(1, tasks)).map(|_| scope.spawn(work)).collect();
        let mut classes = work();
        for other in others {
            let part = other.join().expect("a scan does not panic");
            classes.iter_mut().zip(&part).for_each(|(class, more)| class.merge(more));
        }
        classes
    })
}

/// The state of one thread's walk.
struct Scanner<'a> {
    mode: &'a Mode,
    lines: Option<&'a Lines>,
    scatter: Option<&'a Scatter>,
    /// Lines alive before each reel.
    alive: Vec<Vec<Group>>,
    /// `Scatter::ways` of the reels from each one on.
    rest: Vec<Vec<u64>>,
    classes: Vec<Class>,
}

impl<'a> Scanner<'a> {
    fn new(mode: &'a Mode) -> Self {
        let reels = mode.spin.reels();
        let product = |first: usize| (first..reels).map(|reel| u64::from(mode.spin.length(reel))).product();
        let rest: Vec<Vec<u64>> =
            (0..=reels).map(|first| mode.scatter.as_ref().map_or_else(|| vec![product(first)], |scatter| scatter.ways(first))).collect();
        let classes = vec![Class::default(); rest[0].len()];
        Self { mode, lines: mode.lines.as_ref(), scatter: mode.scatter.as_ref(), alive: vec![Vec::new(); reels + 1], rest, classes }
    }

    /// Counts every way in which the first reel stops at `stop`.
    fn first(&mut self, stop: u16) {
        let mut groups = std::mem::take(&mut self.alive[1]);
        groups.clear();
        groups.extend(self.lines.iter().flat_map(|lines| lines.starts(stop)));
        self.alive[1] = groups;
        self.from(1, 0, self.shown(0, stop));
    }

    /// Counts every way in which the reels from `reel` on stop, after `won` units and `scatters` on those before it.
    fn from(&mut self, reel: usize, won: u64, scatters: usize) {
        let Some(lines) = self.lines.filter(|_| !self.alive[reel].is_empty()) else {
            return self.close(reel, won, scatters);
        };
        if reel == self.mode.spin.reels() {
            let last: u64 = self.alive[reel].iter().map(|group| lines.finished(*group)).sum();
            return self.close(reel, won + last, scatters);
        }
        for stop in 0..self.mode.spin.length(reel) {
            let ended = self.advance(lines, reel, stop);
            self.from(reel + 1, won + ended, scatters + self.shown(reel, stop));
        }
    }

    /// Takes the lines alive before `reel` over it; returns what those pay that end there.
    fn advance(&mut self, lines: &Lines, reel: usize, stop: u16) -> u64 {
        let (before, after) = self.alive.split_at_mut(reel + 1);
        let (groups, next) = (&before[reel], &mut after[0]);
        next.clear();
        let mut ended = 0;
        for &group in groups {
            if lines.is_wild(group) {
                ended += lines.split(&self.mode.spin, reel, stop, group, &mut |part| next.push(part));
            } else {
                let mut stays = group;
                ended += lines.keep(reel, stop, &mut stays);
                if !stays.is_empty() {
                    next.push(stays);
                }
            }
        }
        ended
    }

    fn close(&mut self, reel: usize, won: u64, scatters: usize) {
        for (more, &ways) in self.rest[reel].iter().enumerate() {
            if ways > 0 {
                self.classes[scatters + more].add(ways, won);
            }
        }
    }

    fn shown(&self, reel: usize, stop: u16) -> usize {
        self.scatter.map_or(0, |scatter| scatter.shown(reel, stop))
    }
}
