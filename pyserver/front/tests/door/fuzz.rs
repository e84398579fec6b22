//! Long runs for a person or a nightly job: `cargo test --release -p croupier_front -- --ignored fuzz`. `FUZZ_SECONDS` says how long one
//! takes (60 by default), `FUZZ_SEED` repeats one. Inputs are mutations of valid conversations, so that they get past the first bytes.
//!
//! They go through real sockets on stable Rust: cargo-fuzz wants a nightly compiler, and the parsers that it would reach alone, h2's and
//! rustls's, are fuzzed by their own projects; what is the door's own is what happens between them.

use crate::house::{callers, echo, frame, House, COLD, HOT, LANE};
use std::{
    env,
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// xorshift64*, so that a seed repeats a run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bound = u64::try_from(bound.max(1)).unwrap();
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound).unwrap()
    }
}

fn http2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// One call's frames: its headers, then its body in as many frames as chance says.
fn call(chance: &mut Chance, stream: u32) -> Vec<Vec<u8>> {
    let path = [HOT, LANE, COLD][chance.below(3)];
    let literal = |name: &str, value: &str| {
        let (name_length, value_length) = (u8::try_from(name.len()).unwrap(), u8::try_from(value.len()).unwrap());
        [&[0, name_length][..], name.as_bytes(), &[value_length], value.as_bytes()].concat()
    };
    let mut block = vec![0x83, 0x86];
    for (name, value) in
        [(":path", path), (":authority", "x"), ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "1S")]
    {
        block.extend(literal(name, value));
    }
    let mut frames = vec![http2_frame(1, 4, stream, &block)];
    let count = if path == LANE { chance.below(5) } else { 1 };
    let body: Vec<u8> = (0..count).flat_map(|_| frame(&vec![7; chance.below(200)])).collect();
    let cut = chance.below(body.len() + 1);
    frames.push(http2_frame(0, 0, stream, &body[..cut]));
    frames.push(http2_frame(0, 1, stream, &body[cut..]));
    if chance.below(4) == 0 {
        frames.push(http2_frame(3, 0, stream, &[0, 0, 0, 8]));
    }
    frames
}

fn conversation(chance: &mut Chance) -> Vec<u8> {
    let calls = 1 + u32::try_from(chance.below(4)).unwrap();
    let mut frames: Vec<_> = (0..calls).flat_map(|index| call(chance, 2 * index + 1)).collect();
    for _ in 0..chance.below(3) {
        let (from, to) = (chance.below(frames.len()), chance.below(frames.len()));
        frames.swap(from, to);
    }
    let mut bytes = [PREFACE, &frames.concat()].concat();
    for _ in 0..chance.below(6) {
        let at = chance.below(bytes.len());
        match chance.below(4) {
            0 => bytes[at] = u8::try_from(chance.below(256)).unwrap(),
            1 => bytes[at] ^= 1 << chance.below(8),
            2 => bytes.truncate(at.max(PREFACE.len())),
            _ => {
                let end = (at + chance.below(40)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

#[test]
#[ignore = "a long run"]
fn fuzz_conversations() {
    let number = |name, default| env::var(name).ok().map_or(default, |text| text.parse().expect("a number"));
    let seed = number("FUZZ_SEED", u64::from(std::process::id()) << 32 | 1);
    println!("FUZZ_SEED={seed}");
    let mut chance = Chance(seed.max(1));
    let house = House::new(echo());
    let over = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 60));
    let mut runs = 0_u64;
    while Instant::now() < over {
        callers(async {
            for _ in 0..100 {
                let mut stream = house.tcp().await;
                let _ = stream.write_all(&conversation(&mut chance)).await;
                let _ = stream.shutdown().await;
                let mut answer = Vec::new();
                let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("it is closed");
            }
            assert_eq!(house.caller().await.unary(HOT, &[], frame(b"well?")).await.unwrap().status(), "0");
        });
        runs += 100;
    }
    crate::house::until(|| house.waiting() == 0 && house.connections() == 0);
    println!("{runs} conversations");
}
