//! What was measured.

use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Counts the answers of all callers. Shared on one thread.
pub struct Tally {
    started: Instant,
    counts: RefCell<Counts>,
}

#[derive(Default)]
struct Counts {
    calls: u64,
    rounds: u64,
    latencies_us: Vec<u32>,
    wrong: BTreeMap<String, u64>,
    elapsed: Duration,
}

/// The tally as it is printed.
#[derive(Serialize)]
pub struct Report {
    /// Answers that passed every check; of a stream, its messages.
    calls: u64,
    rounds: u64,
    elapsed_us: u64,
    /// Share of the time that the generator itself was busy, in per mille: near 1,000 means that it was the limit.
    busy_per_mille: u64,
    p50_us: u32,
    p99_us: u32,
    p999_us: u32,
    /// What was wrong with other answers, and how often.
    wrong: BTreeMap<String, u64>,
}

impl Tally {
    /// Starts the clock.
    pub fn start() -> Self {
        Self { started: Instant::now(), counts: RefCell::default() }
    }

    /// An answer of `rounds` rounds that passed every check.
    pub fn right(&self, rounds: usize, latency: Duration) {
        let mut counts = self.counts.borrow_mut();
        counts.calls += 1;
        counts.rounds += rounds as u64;
        counts.latencies_us.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        counts.elapsed = self.started.elapsed();
    }

    /// An answer that was not what it had to be.
    pub fn wrong(&self, what: String) {
        *self.counts.borrow_mut().wrong.entry(what).or_default() += 1;
    }

    /// Percentiles over everything counted.
    pub fn report(&self) -> Report {
        let mut counts = self.counts.borrow_mut();
        counts.latencies_us.sort_unstable();
        let sorted = &counts.latencies_us;
        let at = |per_mille: usize| sorted.get((sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0);
        let elapsed_us = u64::try_from(counts.elapsed.as_micros()).unwrap_or(u64::MAX).max(1);
        Report {
            calls: counts.calls,
            rounds: counts.rounds,
            elapsed_us,
            busy_per_mille: cpu_us() * 1000 / elapsed_us,
            p50_us: at(500),
            p99_us: at(990),
            p999_us: at(999),
            wrong: counts.wrong.clone(),
        }
    }
}

/// CPU time of this process from /proc, in microseconds; 0 where there is no such file. Ticks are 1/100 s on every Linux that matters here.
fn cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10_000
}
