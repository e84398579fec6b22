//! The stream of one round: `ChaCha20` (RFC 8439) keyed by HMAC-SHA256(server seed, client seed ":" round number).

use super::health::{check_words, Failure};
use super::Draws;
use crate::error::Error;
use crate::pb::DrawPurpose;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::ChaCha20;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Words a block of keystream holds here: four `ChaCha20` blocks.
const BUFFER_WORDS: usize = 64;

/// A keystream read as little-endian 32-bit words from counter 0 under an all-zero nonce.
pub struct Stream {
    cipher: ChaCha20,
    buffer: [u32; BUFFER_WORDS],
    /// Index of the next word in the buffer.
    next: usize,
    /// Buffers filled so far.
    filled: u64,
    failure: Option<Failure>,
}

impl Stream {
    /// The stream of round `number` under a server seed and a client seed.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    pub fn for_round(server_seed: &[u8; 32], client_seed: &str, number: u64) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(server_seed).expect("HMAC takes keys of any length");
        mac.update(client_seed.as_bytes());
        mac.update(b":");
        mac.update(number.to_string().as_bytes());
        Self::from_key(&mac.finalize().into_bytes().into())
    }

    /// The stream of a raw 256-bit key, for simulation and known-answer tests.
    pub fn from_key(key: &[u8; 32]) -> Self {
        let cipher = ChaCha20::new(key.into(), &[0; 12].into());
        Self { cipher, buffer: [0; BUFFER_WORDS], next: BUFFER_WORDS, filled: 0, failure: None }
    }

    /// The next 32-bit word.
    #[inline]
    pub fn word(&mut self) -> u32 {
        if self.next >= BUFFER_WORDS {
            self.refill();
        }
        let word = self.buffer[self.next];
        self.next += 1;
        word
    }

    #[cold]
    fn refill(&mut self) {
        let mut bytes = [0; BUFFER_WORDS * 4];
        self.cipher.apply_keystream(&mut bytes);
        for (word, bytes) in self.buffer.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        (self.next, self.filled) = (0, self.filled + 1);
        if self.failure.is_none() {
            self.failure = check_words(&self.buffer).err();
        }
    }

    /// Whether everything drawn so far may be used. To be asked after the last draw and before an outcome leaves the engine.
    ///
    /// # Errors
    /// `Error::RngUnhealthy` if a health test failed on any part of the stream read so far.
    pub fn health(&self) -> Result<(), Error> {
        self.failure.map_or(Ok(()), |failure| Err(Error::RngUnhealthy { test: failure.name() }))
    }

    /// Index of the first word of the last draw's accepted value.
    pub fn last_word(&self) -> u64 {
        (self.filled * BUFFER_WORDS as u64 + self.next as u64) - BUFFER_WORDS as u64 - 1
    }
}

impl Draws for Stream {
    /// Lemire's multiply-shift with rejection (ACM TOMACS 29(1), 2019, algorithm 5): word x range, high half is the value.
    #[inline]
    fn below(&mut self, _purpose: DrawPurpose, range: u64) -> u64 {
        assert!(range > 0 && u32::try_from(range).is_ok(), "a draw below {range}; ranges are 1 to 2^32 - 1");
        loop {
            if let Some(value) = scale::<32>(self.word().into(), range) {
                return value;
            }
        }
    }
}

/// A word of `BITS` bits scaled to [0, range), or `None` for the words that must be rejected so that every value has as many words as any
/// other. `BITS` is at most 32 and `range` below 2^BITS.
#[inline]
fn scale<const BITS: u32>(word: u64, range: u64) -> Option<u64> {
    let product = word * range;
    let low = product & ((1 << BITS) - 1);
    // Only a low part below the range can be below 2^BITS mod range, so the division is rare.
    let rejected = low < range && low < (1 << BITS) % range;
    (!rejected).then_some(product >> BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Whether every value below `range` has exactly floor(2^BITS / range) words.
    fn is_unbiased<const BITS: u32>(range: u64, counts: &mut [u32]) -> bool {
        counts.fill(0);
        for word in 0..1_u64 << BITS {
            if let Some(value) = scale::<BITS>(word, range) {
                counts[usize::try_from(value).expect("below the range")] += 1;
            }
        }
        let (values, above) = counts.split_at(usize::try_from(range).expect("small"));
        let each = u32::try_from((1_u64 << BITS) / range).expect("small");
        values.iter().all(|&count| count == each) && above.iter().all(|&count| count == 0)
    }

    /// R5: exhaustive over every word of 8 bits and every range; of 16 bits, every range to 300 and others up to the last one.
    #[test]
    fn scaling_is_unbiased_for_every_word() {
        assert!((1..256).all(|range| is_unbiased::<8>(range, &mut [0; 256])));
        let mut words = vec![0; 1 << 16];
        let ranges = (1..300).chain((300..65_536).step_by(997)).chain([10_000, 10_001, 32_767, 32_768, 32_769, 65_534, 65_535]);
        for range in ranges {
            assert!(is_unbiased::<16>(range, &mut words), "{range}");
        }
    }

    /// R5: the control: a plain remainder is biased, and the same count shows it.
    #[test]
    fn the_count_would_catch_a_remainder() {
        let mut words = [0; 6];
        (0..256).for_each(|word: usize| words[word % 6] += 1);
        assert!(words.iter().any(|&count| count != words[0]));
    }

    /// R2: 100,000 streams of one server seed, and as many of neighbouring seeds and clients, share none of their first 256 bits.
    #[test]
    fn no_two_streams_start_alike() {
        let mut seen: HashSet<[u32; 8]> = HashSet::new();
        let mut first = |mut stream: Stream| seen.insert(std::array::from_fn(|_| stream.word()));
        for number in 0..100_000_u64 {
            assert!(first(Stream::for_round(&[7; 32], "client", number)));
            let mut other = [0; 32];
            other[..8].copy_from_slice(&number.to_le_bytes());
            assert!(first(Stream::for_round(&other, "client", 0)));
        }
        assert!(first(Stream::for_round(&[7; 32], "Client", 0)));
    }

    /// The word index of a draw is that of its accepted word, rejected ones included.
    #[test]
    fn the_last_word_is_counted_over_buffers() {
        let mut stream = Stream::from_key(&[3; 32]);
        for index in 0..200 {
            stream.word();
            assert_eq!(stream.last_word(), index);
        }
    }

    /// The first word whose product with `range` reaches `value`; 2^32 for the range itself.
    fn first_word(value: u64, range: u32) -> u64 {
        (value << 32).div_ceil(u64::from(range))
    }

    /// R5: over all 2^32 words every value of a range comes equally often. The words of one value lie side by side and the low half of the
    /// product grows along them, so the rejected ones are the first; counting them for every value counts every word.
    #[test]
    fn every_value_has_the_same_number_of_words() {
        for range in [1, 2, 3, 5, 6, 7, 13, 25, 37, 38, 39, 43, 52, 311, 312, 416, 1_000, 4_096, 10_000, 10_001, 65_537] {
            for value in 0..range {
                let (first, end) = (first_word(u64::from(value), range), first_word(u64::from(value) + 1, range));
                let accepted = (first..end).find(|&at| scale::<32>(at, range.into()).is_some()).expect("some word gives each value");
                assert_eq!(end - accepted, (1 << 32) / u64::from(range), "value {value} of {range}");
                for at in [accepted, accepted + (end - accepted) / 2, end - 1] {
                    assert_eq!(scale::<32>(at, range.into()), Some(value.into()));
                }
            }
        }
    }

    /// R5: the largest ranges, where half of the words and more are rejected, by full count of the words around each value's border.
    #[test]
    fn large_ranges_reject_all_that_would_bias() {
        for range in [(1 << 31) + 1, 3 << 30, u32::MAX - 1, u32::MAX] {
            for value in [0, 1, 2, 1_000_003, range / 2, range - 2, range - 1] {
                let words = first_word(u64::from(value), range)..first_word(u64::from(value) + 1, range);
                let given = words.filter(|&at| scale::<32>(at, range.into()).is_some()).count();
                assert_eq!(given, 1, "value {value} of {range}");
            }
        }
    }
}
