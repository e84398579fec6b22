//! Hot calls with one message: answers, refusals, deadlines, callers that leave.

use crate::house::{callers, collect, comes, echo, frame, Gate, House, HOT};
use croupier_front::{status::Status, Inbox, Outcome};
use flate2::{write::GzEncoder, Compression};
use std::{io::Write, time::Duration};

#[test]
fn a_call_is_answered_by_the_owner() {
    let house = House::new(echo());
    callers(async {
        let answer = house.caller().await.unary(HOT, &[], frame(b"hello")).await.unwrap();
        assert_eq!((answer.http.as_u16(), answer.status(), &answer.body[..]), (200, "0", &frame(b"hello")[..]));
        assert_eq!(answer.headers["content-type"], "application/grpc");
    });
}

#[test]
fn a_message_may_come_in_pieces() {
    let house = House::new(echo());
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(HOT, &[]).await;
        for byte in frame(b"piece by piece") {
            upload.send_data(vec![byte].into(), false).unwrap();
            tokio::task::yield_now().await;
        }
        upload.send_data(Vec::new().into(), true).unwrap();
        assert_eq!(&collect(response).await.unwrap().body[5..], b"piece by piece");
    });
}

#[test]
fn a_whole_burst_costs_few_wake_ups() {
    let batches = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (counted, gate) = (std::sync::Arc::clone(&batches), Gate::default());
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::new(Box::new(move |calls| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        opened.pass();
        answer(calls)
    }));
    callers(async {
        let caller = house.caller().await;
        let first = tokio::spawn({
            let caller = caller.clone();
            async move { caller.unary(HOT, &[], frame(b"first")).await.unwrap() }
        });
        comes(|| house.waiting() == 1).await;
        let rest: Vec<_> = (0..50_u8)
            .map(|index| {
                let caller = caller.clone();
                tokio::spawn(async move { caller.unary(HOT, &[], frame(&[index])).await.unwrap() })
            })
            .collect();
        comes(|| house.waiting() == 51).await;
        gate.open();
        assert_eq!(&first.await.unwrap().body[5..], b"first");
        for (index, one) in rest.into_iter().enumerate() {
            assert_eq!(usize::from(one.await.unwrap().body[5]), index);
        }
        // The first, the rest, and what was still on its way to the queue when the rest was taken.
        assert!(batches.load(std::sync::atomic::Ordering::SeqCst) <= 4);
    });
}

#[test]
fn a_status_is_said_as_grpc_says_it() {
    let house = House::new(Box::new(|calls| {
        calls.iter().map(|call| (call.ticket, Outcome::Status(Status::new(9, "50 % zu wenig für ä\n", &[0, 255, 1])))).collect()
    }));
    callers(async {
        let answer = house.caller().await.unary(HOT, &[], frame(b"")).await.unwrap();
        assert_eq!((answer.http.as_u16(), answer.status()), (200, "9"));
        assert_eq!(answer.headers["grpc-message"], "50 %25 zu wenig f%C3%BCr %C3%A4%0A");
        assert_eq!(answer.headers["grpc-status-details-bin"], "AP8B");
    });
}

#[test]
fn an_owner_that_hangs_costs_a_deadline() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::new(Box::new(move |calls| {
        opened.pass();
        answer(calls)
    }));
    callers(async {
        let caller = house.caller().await;
        let late = caller.unary(HOT, &[("grpc-timeout", "50m")], frame(b"late")).await.unwrap();
        assert_eq!(late.status(), "4");
        // It is with the owner still, so its place is kept until the owner gives it back.
        assert_eq!(house.waiting(), 1);
        gate.open();
        assert_eq!(caller.unary(HOT, &[("grpc-timeout", "5S")], frame(b"next")).await.unwrap().status(), "0");
        comes(|| house.waiting() == 0).await;
        assert_eq!(house.refused("deadline_exceeded"), 1);
    });
}

#[test]
fn nobody_decides_for_callers_that_have_left() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::new(Box::new(move |calls| {
        opened.pass();
        answer(calls)
    }));
    callers(async {
        let caller = house.caller().await;
        let (held, mut upload) = caller.open(HOT, &[]).await;
        upload.send_data(frame(b"held").into(), true).unwrap();
        comes(|| house.seen.lock().unwrap().len() == 1).await;
        let (left, mut upload) = caller.open(HOT, &[]).await;
        upload.send_data(frame(b"left").into(), true).unwrap();
        let other = house.caller().await;
        let (gone, mut other_upload) = other.open(HOT, &[]).await;
        other_upload.send_data(frame(b"gone").into(), true).unwrap();
        comes(|| house.waiting() == 3).await;
        upload.send_reset(h2::Reason::CANCEL);
        comes(|| house.cancelled() == 1).await;
        drop((left, gone, other_upload, other));
        comes(|| house.cancelled() == 2).await;
        gate.open();
        collect(held).await.unwrap();
        assert_eq!(caller.unary(HOT, &[], frame(b"last")).await.unwrap().status(), "0");
        assert_eq!(house.seen.lock().unwrap()[..], [&b"held"[..], b"last"]);
        comes(|| house.waiting() == 0).await;
    });
}

#[test]
fn gzip_is_understood() {
    let house = House::new(echo());
    callers(async {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&vec![7; 100_000]).unwrap();
        let mut body = frame(&encoder.finish().unwrap());
        body[0] = 1;
        let answer = house.caller().await.unary(HOT, &[("grpc-encoding", "gzip")], body).await.unwrap();
        assert_eq!((answer.status(), &answer.body[5..]), ("0", &vec![7; 100_000][..]));
    });
}

#[test]
fn the_owner_learns_who_calls_and_until_when() {
    let (sender, seen) = std::sync::mpsc::channel();
    let house = House::new(Box::new(move |calls| {
        for call in &calls {
            let authorization = call.authorization.as_ref().map(|value| value.to_str().unwrap().to_owned());
            sender.send((authorization, call.deadline_ms, call.peer.address.clone())).unwrap();
        }
        calls.iter().map(|call| (call.ticket, Inbox::message(b""))).collect()
    }));
    callers(async {
        let stream = house.tcp().await;
        let address = stream.local_addr().unwrap().to_string();
        let caller = crate::house::Caller::over(stream).await;
        caller.unary(HOT, &[("authorization", "Bearer abc"), ("grpc-timeout", "60S")], frame(b"")).await.unwrap();
        caller.unary(HOT, &[], frame(b"")).await.unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let (authorization, deadline_ms, peer) = seen.recv().unwrap();
        assert_eq!((authorization.as_deref(), &peer), (Some("Bearer abc"), &address));
        assert!(Duration::from_millis(deadline_ms).abs_diff(now + Duration::from_secs(60)) < Duration::from_secs(5));
        assert_eq!(seen.recv().unwrap(), (None, 0, address));
    });
}
