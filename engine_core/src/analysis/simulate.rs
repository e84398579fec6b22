//! Parallel simulation. Rounds are cut into blocks of a fixed size and block `b` draws from a stream keyed by (seed, b), so the result
//! is the same for every number of threads.

use super::{Table, Tally};
use crate::error::Error;
use crate::rng::Stream;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;

/// Rounds in one block; the last one may be shorter.
pub const BLOCK_ROUNDS: u64 = 1 << 16;

/// How much is simulated, and from which seed.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds in all, 1 or more.
    pub rounds: u64,
    /// The same seed gives the same result.
    pub seed: u64,
    /// Threads to use, 1 or more.
    pub threads: usize,
}

/// Plays `plan.rounds` rounds. `progress` is told the rounds done so far, after each block and from whichever thread finished it; it
/// answers whether to go on.
///
/// # Errors
/// `Error::RngUnhealthy`, `Error::Amount`, and `Error::NotExact` if `progress` stopped the run.
pub fn simulate(table: &dyn Table, plan: Plan, progress: &(dyn Fn(u64) -> bool + Sync)) -> Result<Tally, Error> {
    let next = AtomicU64::new(0);
    let stopped = AtomicBool::new(false);
    let total: Mutex<Result<Tally, Error>> = Mutex::new(Ok(Tally::default()));
    let blocks = plan.rounds.div_ceil(BLOCK_ROUNDS);
    let work = || loop {
        let block = next.fetch_add(1, Ordering::Relaxed);
        if block >= blocks || stopped.load(Ordering::Relaxed) {
            return;
        }
        let played = play_block(table, plan, block);
        let mut total = total.lock().expect("no thread panics while it holds the sums");
        match (&mut *total, played) {
            (Ok(sum), Ok(tally)) => {
                sum.merge(&tally);
                if !progress(sum.rounds) {
                    *total = Err(Error::NotExact { message: "the simulation was stopped".into() });
                }
            }
            (Ok(_), Err(error)) => *total = Err(error),
            (Err(_), _) => {}
        }
        stopped.fetch_or(total.is_err(), Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for _ in 1..plan.threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    total.into_inner().expect("no thread panics while it holds the sums")
}

fn play_block(table: &dyn Table, plan: Plan, block: u64) -> Result<Tally, Error> {
    let mut stream = block_stream(plan.seed, block);
    let mut tally = Tally::default();
    table.play(&mut stream, BLOCK_ROUNDS.min(plan.rounds - block * BLOCK_ROUNDS), &mut tally)?;
    stream.health()?;
    Ok(tally)
}

/// The stream of one block.
fn block_stream(seed: u64, block: u64) -> Stream {
    let mut hash = Sha256::new();
    hash.update(b"croupier simulation");
    hash.update(seed.to_le_bytes());
    hash.update(block.to_le_bytes());
    Stream::from_key(&hash.finalize().into())
}
