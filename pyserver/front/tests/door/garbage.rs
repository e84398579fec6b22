//! Peers that do not speak HTTP/2, or speak it to do harm: their connection ends, the door goes on.

use crate::house::{callers, comes, echo, frame, House, COLD, HOT};
use croupier_front::Limits;
use proptest::prelude::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Sends bytes and ends; returns once the door has ended too.
async fn say(house: &House, bytes: &[u8]) {
    let mut stream = house.tcp().await;
    // The door may close before everything is said.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("it is closed");
}

async fn is_well(house: &House) {
    assert_eq!(house.caller().await.unary(HOT, &[], frame(b"well?")).await.unwrap().status(), "0");
}

#[test]
fn other_protocols_are_shown_out() {
    let house = House::new(echo());
    callers(async {
        for bytes in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01", b"\0", b"SSH-2.0-x\r\n", &vec![0xff; 100_000]]
        {
            say(&house, bytes).await;
        }
        is_well(&house).await;
        comes(|| house.connections() <= 1).await;
    });
}

#[test]
fn frames_of_any_kind_are_survived() {
    let house = House::new(echo());
    let any_frame =
        (any::<u8>(), any::<u8>(), 0_u32..8, proptest::collection::vec(any::<u8>(), 0..64)).prop_map(|(kind, flags, stream, payload)| {
            let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
            [&length[1..], &[kind % 12, flags], &stream.to_be_bytes(), &payload].concat()
        });
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(frames in proptest::collection::vec(any_frame, 1..20))| {
        callers(say(&house, &[PREFACE, &frames.concat()].concat()));
    });
    callers(is_well(&house));
}

#[test]
fn a_flood_of_resets_ends_its_connection_only() {
    let house = House::new(echo());
    callers(async {
        // Each call's headers (POST http / with the authority and content type of one hot call) with a reset right behind them.
        let block =
            [&[0x83, 0x86, 0x44, u8::try_from(HOT.len()).unwrap()][..], HOT.as_bytes(), &[0x41, 1, b'x', 0x5f, 16], b"application/grpc"]
                .concat();
        let mut flood = PREFACE.to_vec();
        for call in 0..20_000_u32 {
            let stream = (2 * call + 1).to_be_bytes();
            let length = u32::try_from(block.len()).unwrap().to_be_bytes();
            flood.extend([&length[1..], &[1, 4], &stream, &block, &[0, 0, 4, 3, 0], &stream, &[0, 0, 0, 8]].concat());
        }
        say(&house, &flood).await;
        is_well(&house).await;
        comes(|| house.waiting() == 0).await;
    });
}

#[test]
fn floods_of_pings_settings_and_empty_frames_are_survived() {
    let house = House::new(echo());
    callers(async {
        let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[7; 8]].concat();
        let settings = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
        let continuation = vec![0, 0, 0, 9, 0, 0, 0, 0, 1];
        let opening = vec![0, 0, 1, 1, 0, 0, 0, 0, 1, 0x83];
        say(&house, &[PREFACE, &ping.repeat(50_000)].concat()).await;
        say(&house, &[PREFACE, &settings.repeat(50_000)].concat()).await;
        say(&house, &[PREFACE, &opening, &continuation.repeat(100_000)].concat()).await;
        is_well(&house).await;
    });
}

#[test]
fn any_headers_get_an_answer() {
    let house = House::with(echo(), 10, Limits::default(), None);
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = proptest::collection::vec(("[a-z][a-z0-9-]{0,20}", proptest::collection::vec(0x20_u8..0x7f, 0..60)), 0..10);
    proptest!(config, |(headers in strategy, timeout in "[0-9]{1,8}[HMSmun]", cold in any::<bool>())| {
        callers(async {
            let caller = house.caller().await;
            let path = if cold { COLD } else { HOT };
            let mut request = crate::house::request(path, &[("grpc-timeout", &timeout)]);
            for (name, value) in &headers {
                if !matches!(name.as_str(), "te" | "connection" | "upgrade" | "content-length" | "x-do") {
                    let name = http::HeaderName::try_from(name).unwrap();
                    request.headers_mut().append(name, http::HeaderValue::from_bytes(value).unwrap());
                }
            }
            let (response, mut upload) = caller.0.clone().ready().await.unwrap().send_request(request, false).unwrap();
            let _ = upload.send_data(frame(b"x").into(), true);
            let answer = crate::house::collect(response).await.unwrap();
            assert!(["0", "4", "12", "13", "none"].contains(&answer.status()), "{answer:?}");
        });
    });
}
