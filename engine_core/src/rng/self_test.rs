//! Known-answer tests that a process runs before its first round, so that a miscompiled or damaged generator never deals.

use super::{Draws, Stream};
use crate::error::Error;
use crate::pb::DrawPurpose;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// RFC 8439 appendix A.1, test vectors 1 and 2: the all-zero key at block counters 0 and 1, as little-endian words.
const ZERO_KEY_WORDS: [u32; 32] = [
    0xade0_b876,
    0x903d_f1a0,
    0xe56a_5d40,
    0x28bd_8653,
    0xb819_d2bd,
    0x1aed_8da0,
    0xccef_36a8,
    0xc70d_778b,
    0x7c59_41da,
    0x8d48_5751,
    0x3fe0_2477,
    0x374a_d8b8,
    0xf4b8_436a,
    0x1ca1_1815,
    0x69b6_87c3,
    0x8665_eeb2,
    0xbee7_079f,
    0x7a38_5155,
    0x7c97_ba98,
    0x0d08_2d73,
    0xa029_0fcb,
    0x6965_e348,
    0x3e53_c612,
    0xed7a_ee32,
    0x7621_b729,
    0x434e_e69c,
    0xb033_71d5,
    0xd539_d874,
    0x281f_ed31,
    0x45fb_0a51,
    0x1f0a_e1ac,
    0x6f4d_794b,
];

/// Server seed 00 01 .. 1f, client seed "croupier", round 7: draws below 1, 2, 6, 37, 52, 10,001 and 2^32 - 1, computed by an independent program.
const ROUND_DRAWS: [(u64, u64); 7] = [(1, 0), (2, 0), (6, 3), (37, 33), (52, 13), (10_001, 7679), (0xFFFF_FFFF, 1_753_065_403)];

/// Checks SHA-256, HMAC-SHA256, the stream and its bounded draws against published and independently computed answers.
///
/// # Errors
/// `Error::RngUnhealthy` with the primitive that answered wrongly.
pub fn self_test() -> Result<(), Error> {
    check(hex(&Sha256::digest(b"abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 known-answer")?;
    check(hex(&jefe()) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "HMAC-SHA256 known-answer")?;
    let mut zero = Stream::from_key(&[0; 32]);
    check(ZERO_KEY_WORDS.iter().all(|&word| zero.word() == word), "ChaCha20 known-answer")?;
    let mut seed = [0; 32];
    (0..).zip(&mut seed).for_each(|(i, byte)| *byte = i);
    let mut round = Stream::for_round(&seed, "croupier", 7);
    check(ROUND_DRAWS.iter().all(|&(range, value)| round.below(DrawPurpose::Unspecified, range) == value), "bounded draw known-answer")
}

/// RFC 4231 test case 2.
fn jefe() -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("HMAC takes keys of any length");
    mac.update(b"what do ya want for nothing?");
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn check(passed: bool, test: &'static str) -> Result<(), Error> {
    if passed {
        Ok(())
    } else {
        Err(Error::RngUnhealthy { test })
    }
}

#[cfg(test)]
mod tests {
    /// R1: the primitives answer their published vectors.
    #[test]
    fn the_generator_passes_its_self_test() {
        super::self_test().expect("every known answer holds");
    }
}
