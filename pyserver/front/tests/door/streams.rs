//! Hot streams: one call a message, answers in order, bounds, ends.

use crate::house::{callers, collect, comes, echo, frame, Gate, House, LANE};
use bytes::{Buf, Bytes, BytesMut};
use croupier_front::{status::Status, Inbox, Limits, Outcome};
use std::time::Duration;

/// The messages of a body.
fn messages(mut body: Bytes) -> Vec<Bytes> {
    let mut messages = Vec::new();
    while body.has_remaining() {
        assert_eq!(body.get_u8(), 0);
        let length = body.get_u32() as usize;
        messages.push(body.split_to(length));
    }
    messages
}

#[test]
fn answers_come_in_the_order_of_the_messages() {
    let mut answer = echo();
    let house = House::new(Box::new(move |calls| answer(calls).into_iter().rev().collect()));
    callers(async {
        let caller = house.caller().await;
        let sent: Vec<Vec<u8>> = (0..1_000).map(|number: usize| number.to_string().repeat(number % 50).into_bytes()).collect();
        let mut body = BytesMut::new();
        for message in &sent {
            body.extend_from_slice(&frame(message));
        }
        let (response, mut upload) = caller.open(LANE, &[]).await;
        let mut body = body.freeze();
        while body.has_remaining() {
            upload.send_data(body.split_to(body.len().min(777)), false).unwrap();
            tokio::task::yield_now().await;
        }
        upload.send_data(Bytes::new(), true).unwrap();
        let answer = collect(response).await.unwrap();
        assert_eq!(answer.status(), "0");
        assert_eq!(messages(answer.body.clone()), sent);
        comes(|| house.waiting() == 0).await;
    });
}

#[test]
fn one_stream_has_only_so_much_waiting() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::with(
        Box::new(move |calls| {
            opened.pass();
            answer(calls)
        }),
        1_000,
        Limits { stream_waiting_max: 8, ..Limits::default() },
        None,
    );
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(LANE, &[]).await;
        upload.send_data(frame(b"x").repeat(100).into(), true).unwrap();
        comes(|| house.waiting() == 8).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(house.waiting(), 8);
        gate.open();
        assert_eq!(messages(collect(response).await.unwrap().body).len(), 100);
    });
}

#[test]
fn a_full_inbox_slows_a_stream_and_loses_nothing() {
    let house = House::with(echo(), 3, Limits::default(), None);
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(LANE, &[]).await;
        upload.send_data(frame(b"x").repeat(100).into(), true).unwrap();
        let answer = collect(response).await.unwrap();
        assert_eq!((answer.status(), messages(answer.body.clone()).len()), ("0", 100));
    });
}

#[test]
fn a_full_inbox_may_refuse_messages_in_their_place() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let decide = Box::new(move |calls: Vec<croupier_front::Call>| {
        if !calls.is_empty() {
            opened.pass();
        }
        answer(calls)
    });
    let house = House::saying(&Bytes::from("full"), decide, 3, Limits::default(), None);
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(LANE, &[]).await;
        comes(|| response_has_begun(&house)).await;
        upload.send_data(frame(b"x").repeat(5).into(), true).unwrap();
        comes(|| house.refused("overloaded") == 2).await;
        gate.open();
        let answer = collect(response).await.unwrap();
        assert_eq!(
            (answer.status(), messages(answer.body.clone())),
            ("0", [&b"x"[..], b"x", b"x", b"full", b"full"].map(Bytes::from).to_vec())
        );
    });
}

/// Whether a stream was opened and its opening answered.
fn response_has_begun(house: &House) -> bool {
    house.waiting() == 0 && house.door.counts().methods[1].totals().buckets.iter().sum::<u64>() == 1
}

#[test]
fn a_stream_may_be_refused_before_it_asks() {
    let house = House::new(echo());
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(LANE, &[("authorization", "nobody")]).await;
        let answer = collect(response).await.unwrap();
        assert_eq!((answer.status(), answer.body.len()), ("16", 0));
        let _ = upload.send_data(frame(b"x").into(), true);
        let (response, mut upload) = caller.open(LANE, &[("authorization", "nobody")]).await;
        upload.send_data(Bytes::new(), true).unwrap();
        assert_eq!(collect(response).await.unwrap().status(), "16");
        assert!(house.seen.lock().unwrap().is_empty());
        comes(|| house.waiting() == 0).await;
    });
}

#[test]
fn a_status_ends_a_stream_behind_the_answers_before_it() {
    let house = House::new(Box::new(|calls| {
        let refused = |call: &croupier_front::Call| &call.message[..] == b"bad";
        calls
            .iter()
            .map(|call| {
                let outcome =
                    if refused(call) { Outcome::Status(Status::new(16, "who are you", b"")) } else { Inbox::message(&call.message) };
                (call.ticket, outcome)
            })
            .collect()
    }));
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(LANE, &[]).await;
        let body = [frame(b"one"), frame(b"two"), frame(b"bad"), frame(b"three")].concat();
        upload.send_data(body.into(), false).unwrap();
        let answer = collect(response).await.unwrap();
        assert_eq!(answer.status(), "16");
        assert_eq!(messages(answer.body.clone()), [&b"one"[..], b"two"]);
        comes(|| house.waiting() == 0).await;
    });
}

#[test]
fn a_caller_that_leaves_leaves_nothing_behind() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::new(Box::new(move |calls| {
        opened.pass();
        answer(calls)
    }));
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(LANE, &[]).await;
        upload.send_data(frame(b"held").into(), false).unwrap();
        comes(|| house.seen.lock().unwrap().len() == 1).await;
        upload.send_data(frame(b"left").repeat(20).into(), false).unwrap();
        comes(|| house.waiting() == 21).await;
        upload.send_reset(h2::Reason::CANCEL);
        drop(response);
        comes(|| house.cancelled() == 1).await;
        gate.open();
        comes(|| house.waiting() == 0).await;
        assert_eq!(house.seen.lock().unwrap().len(), 1);
    });
}

#[test]
fn a_drain_ends_streams_once_what_they_asked_is_answered() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::new(Box::new(move |calls| {
        opened.pass();
        answer(calls)
    }));
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(LANE, &[]).await;
        upload.send_data(frame(b"asked").into(), false).unwrap();
        comes(|| house.waiting() == 1).await;
        house.door.drain();
        gate.open();
        let answer = collect(response).await.unwrap();
        assert_eq!((answer.status(), messages(answer.body.clone())), ("14", vec![Bytes::from("asked")]));
        comes(|| house.connections() == 0).await;
    });
}

#[test]
fn a_stream_has_a_deadline_too() {
    let house = House::new(echo());
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(LANE, &[("grpc-timeout", "50m")]).await;
        upload.send_data(frame(b"one").into(), false).unwrap();
        let answer = collect(response).await.unwrap();
        assert_eq!((answer.status(), messages(answer.body.clone()).len()), ("4", 1));
    });
}

#[test]
fn a_caller_that_does_not_read_stops_its_own_stream_only() {
    let house = House::with(echo(), 1_000, Limits { stream_waiting_max: 4, ..Limits::default() }, None);
    callers(async {
        let (mut sender, connection) =
            h2::client::Builder::new().initial_window_size(1_000).handshake::<_, Bytes>(house.tcp().await).await.unwrap();
        tokio::spawn(connection);
        let (response, mut upload) = {
            sender = sender.ready().await.unwrap();
            sender.send_request(crate::house::request(LANE, &[]), false).unwrap()
        };
        upload.send_data(frame(&[7; 900]).repeat(20).into(), true).unwrap();
        let mut body = response.await.unwrap().into_body();
        comes(|| house.seen.lock().unwrap().len() >= 4).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(house.seen.lock().unwrap().len() <= 8, "{}", house.seen.lock().unwrap().len());
        let other = house.caller().await;
        assert_eq!(other.unary(crate::house::HOT, &[], frame(b"")).await.unwrap().status(), "0");
        let mut bytes = 0;
        while let Some(chunk) = body.data().await {
            let length = chunk.unwrap().len();
            bytes += length;
            body.flow_control().release_capacity(length).unwrap();
        }
        assert_eq!(bytes, 20 * 905);
    });
}
