//! What callers may not do, and what they are told.

use crate::house::{callers, collect, comes, echo, frame, Gate, House, COLD, HOT, LANE};
use croupier_front::Limits;
use flate2::{write::GzEncoder, Compression};
use std::{io::Write, sync::atomic::Ordering::SeqCst, time::Duration};

fn small() -> Limits {
    Limits { message_bytes_max: 1_000, ..Limits::default() }
}

#[test]
fn a_full_inbox_refuses_until_there_is_room() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::with(
        Box::new(move |calls| {
            opened.pass();
            answer(calls)
        }),
        2,
        Limits::default(),
        None,
    );
    callers(async {
        let caller = house.caller().await;
        let mut held = Vec::new();
        for _ in 0..2 {
            let (response, mut upload) = caller.open(HOT, &[]).await;
            upload.send_data(frame(b"held").into(), true).unwrap();
            held.push(response);
        }
        comes(|| house.waiting() == 2).await;
        assert_eq!(caller.unary(HOT, &[], frame(b"more")).await.unwrap().status(), "8");
        assert_eq!(house.refused("overloaded"), 1);
        gate.open();
        for response in held {
            assert_eq!(collect(response).await.unwrap().status(), "0");
        }
        assert_eq!(caller.unary(HOT, &[], frame(b"now")).await.unwrap().status(), "0");
    });
}

#[test]
fn a_message_that_is_too_large_is_refused_by_its_prefix() {
    let house = House::with(echo(), 10, small(), None);
    callers(async {
        let caller = house.caller().await;
        assert_eq!(caller.unary(HOT, &[], frame(&[0; 1_000])).await.unwrap().status(), "0");
        assert_eq!(caller.unary(HOT, &[], frame(&[0; 1_001])).await.unwrap().status(), "8");
        // Five bytes are enough to know.
        let (response, mut upload) = caller.open(HOT, &[]).await;
        upload.send_data(vec![0, 0xff, 0xff, 0xff, 0xff].into(), false).unwrap();
        assert_eq!(collect(response).await.unwrap().status(), "8");
        assert_eq!(house.refused("too_large"), 2);
    });
}

#[test]
fn a_bomb_is_not_inflated() {
    let house = House::with(echo(), 10, small(), None);
    callers(async {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&[0; 1_001]).unwrap();
        let mut body = frame(&encoder.finish().unwrap());
        body[0] = 1;
        assert!(body.len() < 100);
        assert_eq!(house.caller().await.unary(HOT, &[("grpc-encoding", "gzip")], body).await.unwrap().status(), "8");
    });
}

#[test]
fn unknown_encodings_are_unimplemented() {
    let house = House::new(echo());
    callers(async {
        let answer = house.caller().await.unary(HOT, &[("grpc-encoding", "snappy")], frame(b"")).await.unwrap();
        assert_eq!(answer.status(), "12");
        assert_eq!(answer.headers["grpc-accept-encoding"], "identity,gzip");
    });
}

#[test]
fn what_is_no_grpc_is_told_so_in_http() {
    let house = House::new(echo());
    callers(async {
        let caller = house.caller().await;
        for path in [HOT, COLD, "/"] {
            for wrong in ["text/plain", "application/json", "application/grpcx", ""] {
                assert_eq!(caller.unary(path, &[("content-type", wrong)], frame(b"")).await.unwrap().http.as_u16(), 415, "{wrong}");
            }
            let get = http::Request::get(format!("http://test{path}")).header("content-type", "application/grpc").body(()).unwrap();
            let (response, _) = caller.0.clone().ready().await.unwrap().send_request(get, true).unwrap();
            assert_eq!(collect(response).await.unwrap().http.as_u16(), 405);
        }
        for right in ["application/grpc+proto", "application/grpc;charset=utf-8"] {
            assert_eq!(caller.unary(HOT, &[("content-type", right)], frame(b"")).await.unwrap().status(), "0");
        }
    });
}

#[test]
fn bodies_that_are_no_one_message_are_malformed() {
    let house = House::new(echo());
    callers(async {
        let caller = house.caller().await;
        let two = [frame(b"a"), frame(b"b")].concat();
        let mut flagged = frame(b"a");
        flagged[0] = 1;
        let mut odd = frame(b"a");
        odd[0] = 2;
        for body in [Vec::new(), vec![0; 4], frame(b"abc")[..7].to_vec(), two, flagged, odd] {
            assert_eq!(caller.unary(HOT, &[], body.clone()).await.unwrap().status(), "13", "{body:?}");
        }
        for wrong in ["", "5", "S", "123456789S", "-1S", "5s"] {
            assert_eq!(caller.unary(HOT, &[("grpc-timeout", wrong)], frame(b"")).await.unwrap().status(), "13", "{wrong}");
        }
        assert_eq!(caller.unary(HOT, &[], frame(b"fine")).await.unwrap().status(), "0");
    });
}

#[test]
fn headers_have_a_limit() {
    let house = House::with(echo(), 10, Limits { header_bytes_max: 2_000, ..Limits::default() }, None);
    callers(async {
        let caller = house.caller().await;
        let long = "x".repeat(3_000);
        let answer = caller.unary(HOT, &[("x-long", &long)], frame(b"")).await;
        assert!(answer.is_err_and(|error| !error.is_go_away()) || caller.0.clone().ready().await.is_ok());
        assert_eq!(caller.unary(HOT, &[("x-long", &long[..1_000])], frame(b"")).await.unwrap().status(), "0");
    });
}

#[test]
fn unfinished_messages_share_a_budget() {
    let house = House::with(echo(), 100, Limits { held_bytes_max: 2_500, ..small() }, None);
    callers(async {
        let begun = frame(&[0; 1_000])[..6].to_vec();
        let mut stuck = Vec::new();
        for _ in 0..2 {
            let caller = house.caller().await;
            let (response, mut upload) = caller.open(HOT, &[]).await;
            upload.send_data(begun.clone().into(), false).unwrap();
            // One connection has room for one of the largest messages.
            let (refused, mut other) = caller.open(HOT, &[]).await;
            other.send_data(begun.clone().into(), false).unwrap();
            assert_eq!(collect(refused).await.unwrap().status(), "8");
            stuck.push((caller, response, upload));
        }
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(HOT, &[]).await;
        upload.send_data(begun.clone().into(), false).unwrap();
        assert_eq!(collect(response).await.unwrap().status(), "8");
        assert_eq!(caller.unary(HOT, &[], frame(&[0; 1_000])).await.unwrap().status(), "8", "whole messages that wait are held too");
        assert_eq!(caller.unary(HOT, &[], frame(&[0; 400])).await.unwrap().status(), "0");
        let (_caller, response, mut upload) = stuck.pop().unwrap();
        upload.send_data(vec![0; 999].into(), true).unwrap();
        assert_eq!(collect(response).await.unwrap().status(), "0");
        assert_eq!(caller.unary(HOT, &[], frame(&[0; 1_000])).await.unwrap().status(), "0");
    });
}

#[test]
fn a_body_that_does_not_come_is_not_awaited_for_ever() {
    let house = House::with(echo(), 10, Limits { body: Duration::from_millis(50), ..Limits::default() }, None);
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(HOT, &[]).await;
        upload.send_data(vec![0, 0].into(), false).unwrap();
        assert_eq!(collect(response).await.unwrap().status(), "4");
        assert_eq!(caller.unary(HOT, &[], frame(b"")).await.unwrap().status(), "0");
    });
}

#[test]
fn connections_have_a_limit() {
    let house = House::with(echo(), 10, Limits { connections_max: 2, ..Limits::default() }, None);
    callers(async {
        let (first, _second) = (house.caller().await, house.caller().await);
        comes(|| house.connections() == 2).await;
        let mut third = house.tcp().await;
        let mut byte = [0];
        assert!(matches!(tokio::io::AsyncReadExt::read(&mut third, &mut byte).await, Ok(0) | Err(_)));
        assert_eq!(house.door.counts().connections_refused.load(SeqCst), 1);
        assert_eq!(first.unary(HOT, &[], frame(b"")).await.unwrap().status(), "0");
        drop(first);
        comes(|| house.connections() == 1).await;
        assert_eq!(house.caller().await.unary(HOT, &[], frame(b"")).await.unwrap().status(), "0");
    });
}

#[test]
fn calls_of_every_kind_share_a_limit() {
    let house = House::with(echo(), 100, Limits { calls_max: 3, ..Limits::default() }, None);
    callers(async {
        let caller = house.caller().await;
        let mut open = Vec::new();
        for (path, headers) in [(COLD, &[("x-do", "hang")][..]), (LANE, &[]), (HOT, &[])] {
            let (response, mut upload) = caller.open(path, headers).await;
            upload.send_data(frame(b"xy")[..6].to_vec().into(), false).unwrap();
            open.push((response, upload));
        }
        comes(|| house.door.counts().forwarded.load(SeqCst) == 1).await;
        for path in [HOT, LANE, COLD] {
            assert_eq!(caller.unary(path, &[], frame(b"")).await.unwrap().status(), "8");
        }
        assert_eq!((house.refused("overloaded"), house.door.counts().forwarded_refused.load(SeqCst)), (2, 1));
        let (response, mut upload) = open.pop().unwrap();
        upload.send_data(b"y".as_slice().into(), true).unwrap();
        assert_eq!(collect(response).await.unwrap().status(), "0");
        assert_eq!(caller.unary(COLD, &[], frame(b"")).await.unwrap().status(), "0");
    });
}

#[test]
fn streams_of_one_connection_have_a_limit() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::with(
        Box::new(move |calls| {
            opened.pass();
            answer(calls)
        }),
        100,
        Limits { streams_max: 3, ..Limits::default() },
        None,
    );
    callers(async {
        let caller = house.caller().await;
        // The limit is known to a caller once it has heard the door's settings, so with its first answer.
        caller.unary(COLD, &[], frame(b"")).await.unwrap();
        let calls: Vec<_> = (0..6)
            .map(|_| {
                let caller = caller.clone();
                tokio::spawn(async move { caller.unary(HOT, &[], frame(b"")).await.unwrap() })
            })
            .collect();
        comes(|| house.waiting() == 3).await;
        gate.open();
        for call in calls {
            assert_eq!(call.await.unwrap().status(), "0");
        }
    });
}
