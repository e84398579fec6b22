//! UUIDv7 (RFC 9562): time-ordered ids, as clients make them.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes ids that are unique in this process and, by the start time mixed in, between processes.
pub struct Ids {
    salt: u64,
    made: Cell<u64>,
}

impl Ids {
    /// A maker of ids.
    pub fn new() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.subsec_nanos());
        Self { salt: u64::from(started) << 32 ^ u64::from(std::process::id()), made: Cell::new(0) }
    }

    /// The next id in its canonical text form.
    pub fn next(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let made = self.made.get() + 1;
        self.made.set(made);
        let millis = now.as_millis() & 0xffff_ffff_ffff;
        let fraction = now.subsec_micros() % 1000 * 4;
        let tail = mix(self.salt ^ mix(made));
        format!(
            "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
            millis >> 16,
            millis & 0xffff,
            fraction,
            0x8000 | (tail >> 48) & 0x3fff,
            tail & 0xffff_ffff_ffff
        )
    }
}

/// The finalizer of `SplitMix64`: a bijection, so different counts never give the same bits.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::Ids;
    use std::collections::HashSet;

    /// Ids have the form that the server insists on, and do not repeat.
    #[test]
    fn ids_are_distinct_version_7() {
        let ids = Ids::new();
        let made: HashSet<String> = (0..100_000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 100_000);
        assert!(made.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'7' && b"89ab".contains(&id.as_bytes()[19])));
    }
}
