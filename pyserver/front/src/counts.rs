//! What the door counts; written by its own thread, read by any.

use crate::status::Refusal;
use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

/// One hot method's calls.
#[derive(Debug)]
pub struct MethodCounts {
    buckets: Vec<AtomicU64>,
    sum_us: AtomicU64,
    refusals: [AtomicU64; Refusal::ALL.len()],
    cancelled: AtomicU64,
}

/// A method's counts at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodTotals {
    /// Calls by latency, from the headers' arrival to the answer's dispatch, one bucket more than there are bounds; not cumulative.
    pub buckets: Vec<u64>,
    /// Sum of the latencies in microseconds.
    pub sum_us: u64,
    /// Calls that the door refused, by the refusal's name.
    pub refusals: Vec<(&'static str, u64)>,
    /// Calls whose caller went away before there was an answer.
    pub cancelled: u64,
}

/// Everything a door counts.
#[derive(Debug)]
pub struct Counts {
    bounds_us: Vec<u64>,
    /// The hot methods, in the settings' order.
    pub methods: Vec<MethodCounts>,
    /// Connections that are open.
    pub connections: AtomicUsize,
    /// Connections that were closed as they came, because too many were open.
    pub connections_refused: AtomicU64,
    /// Hot calls that wait for an answer.
    pub waiting: AtomicUsize,
    /// Calls that are being forwarded.
    pub forwarded: AtomicUsize,
    /// Calls of other methods than the hot ones that the door refused.
    pub forwarded_refused: AtomicU64,
}

impl Counts {
    /// Nothing yet, for so many methods.
    pub fn new(bounds_us: Vec<u64>, methods: usize) -> Self {
        let buckets = bounds_us.len() + 1;
        let fresh = || MethodCounts {
            buckets: std::iter::repeat_with(AtomicU64::default).take(buckets).collect(),
            sum_us: AtomicU64::default(),
            refusals: Default::default(),
            cancelled: AtomicU64::default(),
        };
        Self {
            bounds_us,
            methods: std::iter::repeat_with(fresh).take(methods).collect(),
            connections: AtomicUsize::default(),
            connections_refused: AtomicU64::default(),
            waiting: AtomicUsize::default(),
            forwarded: AtomicUsize::default(),
            forwarded_refused: AtomicU64::default(),
        }
    }

    /// A call of a hot method has its answer.
    pub fn took(&self, method: usize, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = self.bounds_us.partition_point(|bound| *bound < us);
        let counts = &self.methods[method];
        counts.buckets[bucket].fetch_add(1, Relaxed);
        counts.sum_us.fetch_add(us, Relaxed);
    }

    /// The door refused a call of a hot method.
    pub fn refused(&self, method: usize, refusal: Refusal) {
        self.methods[method].refusals[refusal as usize].fetch_add(1, Relaxed);
    }

    /// The caller of a hot method went away.
    pub fn cancelled(&self, method: usize) {
        self.methods[method].cancelled.fetch_add(1, Relaxed);
    }
}

impl MethodCounts {
    /// As they are now.
    pub fn totals(&self) -> MethodTotals {
        MethodTotals {
            buckets: self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect(),
            sum_us: self.sum_us.load(Relaxed),
            refusals: Refusal::ALL.map(|refusal| (refusal.name(), self.refusals[refusal as usize].load(Relaxed))).into(),
            cancelled: self.cancelled.load(Relaxed),
        }
    }
}
