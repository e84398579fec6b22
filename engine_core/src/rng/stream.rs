//! The stream of one round: `ChaCha20` (RFC 8439) keyed by HMAC-SHA256(server seed, client seed ":" round number).

use super::health::{check_buffer, Failure};
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
    buffer: [u8; BUFFER_WORDS * 4],
    next: usize,
    taken: u64,
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
        Self {
            cipher: ChaCha20::new(key.into(), &[0; 12].into()),
            buffer: [0; BUFFER_WORDS * 4],
            next: BUFFER_WORDS,
            taken: 0,
            failure: None,
        }
    }

    /// The next 32-bit word.
    pub fn word(&mut self) -> u32 {
        if self.next == BUFFER_WORDS {
            self.refill();
        }
        let at = self.next * 4;
        self.next += 1;
        self.taken += 1;
        u32::from_le_bytes([self.buffer[at], self.buffer[at + 1], self.buffer[at + 2], self.buffer[at + 3]])
    }

    #[cold]
    fn refill(&mut self) {
        self.buffer.fill(0);
        self.cipher.apply_keystream(&mut self.buffer);
        self.next = 0;
        if self.failure.is_none() {
            self.failure = check_buffer(&self.buffer).err();
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
        self.taken - 1
    }
}

impl Draws for Stream {
    /// Lemire's multiply-shift with rejection (ACM TOMACS 29(1), 2019, algorithm 5): word x range, high half is the value.
    fn below(&mut self, _purpose: DrawPurpose, range: u64) -> u64 {
        let range32 = u32::try_from(range).expect("ranges above 2^32 - 1 are not drawn by any family");
        let mut product = u64::from(self.word()) * u64::from(range32);
        if (product as u32) < range32 {
            let threshold = range32.wrapping_neg() % range32;
            while (product as u32) < threshold {
                product = u64::from(self.word()) * u64::from(range32);
            }
        }
        product >> 32
    }
}
