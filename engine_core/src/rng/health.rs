//! Continuous health tests, after NIST SP 800-90B section 4.4: a source that sticks or leans is shut off before anything drawn from it is used.
//!
//! A false alarm costs a round, so each cutoff is set for fewer than one false alarm in 2^40 windows of a good source.

/// The longest run of equal 32-bit words that a good stream may show: a third one has a chance of 2^-64.
const WORD_REPEATS_MAX: usize = 2;

/// A byte that repeats this often in a row fails: `1 + 40 / 8` for full-entropy bytes and a false alarm of 2^-40.
const BYTE_REPETITION_CUTOFF: u32 = 6;

/// Samples in one window of the adaptive proportion test on bytes (SP 800-90B 4.4.2, non-binary sources).
const BYTE_WINDOW: u32 = 512;

/// How often the first byte of a window may come back in it: the binomial tail of 511 trials at 1/256 above it is under 2^-40.
const BYTE_PROPORTION_CUTOFF: u32 = 18;

/// What a health test found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The source repeats one sample.
    Repetition,
    /// One sample, or one value of a bit, comes too often.
    Proportion,
}

impl Failure {
    /// The test's name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repetition => "repetition count",
            Self::Proportion => "adaptive proportion",
        }
    }
}

/// Tests one buffer of a round's stream: no word three times in a row, and as many ones as zeros among its bits within 7.5 standard
/// deviations.
///
/// # Errors
/// The test that failed.
#[inline]
#[allow(clippy::needless_bitwise_bool, reason = "without a branch it compiles to vector instructions")]
pub fn check_words(words: &[u32]) -> Result<(), Failure> {
    // Runs are looked for only where two neighbours are equal, which is rare; both sums here compile to a few vector instructions.
    if words.iter().zip(&words[1..]).fold(false, |any, (one, next)| any | (one == next)) {
        let run = WORD_REPEATS_MAX + 1;
        if words.windows(run).any(|words| words.iter().all(|word| *word == words[0])) {
            return Err(Failure::Repetition);
        }
    }
    let (ones, bits) = (words.iter().map(|word| word.count_ones()).sum::<u32>() as usize, words.len() * 32);
    // Hoeffding: (2 x ones - bits)^2 exceeds 57 x bits with a chance under 2 exp(-57 / 2), which is below 2^-40.
    let lean = (2 * ones).abs_diff(bits);
    if lean * lean > 57 * bits {
        return Err(Failure::Proportion);
    }
    Ok(())
}

/// The state of both tests over the bytes of an entropy source. Once failed it stays failed.
#[derive(Debug, Clone, Default)]
pub struct ByteHealth {
    last: Option<u8>,
    run: u32,
    first: u8,
    seen: u32,
    count: u32,
    failure: Option<Failure>,
}

impl ByteHealth {
    /// Runs both tests over the next bytes of the source.
    ///
    /// # Errors
    /// The first test that failed, now or in an earlier call: the source must not be used again by this process.
    pub fn check(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for &byte in bytes {
            if self.failure.is_some() {
                break;
            }
            self.repetition(byte);
            self.proportion(byte);
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn repetition(&mut self, byte: u8) {
        self.run = if self.last == Some(byte) { self.run + 1 } else { 1 };
        self.last = Some(byte);
        if self.run >= BYTE_REPETITION_CUTOFF {
            self.failure.get_or_insert(Failure::Repetition);
        }
    }

    fn proportion(&mut self, byte: u8) {
        if self.seen == 0 {
            (self.first, self.count) = (byte, 0);
        } else if byte == self.first {
            self.count += 1;
        }
        self.seen = (self.seen + 1) % BYTE_WINDOW;
        if self.count > BYTE_PROPORTION_CUTOFF {
            self.failure.get_or_insert(Failure::Proportion);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn stream_words(len: usize) -> Vec<u32> {
        let mut stream = Stream::from_key(&[5; 32]);
        (0..len).map(|_| stream.word()).collect()
    }

    fn stream_bytes(len: usize) -> Vec<u8> {
        stream_words(len / 4).into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// R13: a good source passes a long run of both tests.
    #[test]
    fn good_bytes_pass() {
        let bytes = stream_bytes(1 << 20);
        assert_eq!(ByteHealth::default().check(&bytes), Ok(()));
        assert!(stream_words(1 << 18).chunks(64).all(|buffer| check_words(buffer).is_ok()));
    }

    /// R13: a source that sticks fails the repetition count, for entropy and for the stream, and stays failed.
    #[test]
    fn stuck_source_fails_closed() {
        let mut health = ByteHealth::default();
        assert_eq!(health.check(&[9; 6]), Err(Failure::Repetition));
        assert_eq!(health.check(&stream_bytes(64)), Err(Failure::Repetition));
        assert_eq!(check_words(&[0; 64]), Err(Failure::Repetition));
        let mut words = stream_words(64);
        words[61] = words[60];
        assert_eq!(check_words(&words), Ok(()));
        words[62] = words[60];
        assert_eq!(check_words(&words), Err(Failure::Repetition));
    }

    /// R13: a byte that comes 20 times in a window of 512 fails, 19 times pass.
    #[test]
    fn leaning_bytes_fail() {
        let window = |hits: usize| -> Vec<u8> {
            let mut bytes: Vec<u8> = (0..512_u32).map(|i| u8::try_from(1 + i % 255).expect("a byte")).collect();
            for byte in &mut bytes {
                *byte = (*byte).max(2);
            }
            bytes[0] = 0;
            (1..hits).for_each(|i| bytes[i * 20] = 0);
            bytes
        };
        assert_eq!(ByteHealth::default().check(&window(19)), Ok(()));
        assert_eq!(ByteHealth::default().check(&window(20)), Err(Failure::Proportion));
    }

    /// R13: a stream whose bits lean to one side fails.
    #[test]
    fn leaning_bits_fail() {
        let words: Vec<u32> = stream_words(64).into_iter().map(|word| word | 0x7E00_7E00).collect();
        assert_eq!(check_words(&words), Err(Failure::Proportion));
    }
}
