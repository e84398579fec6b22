//! Calls that are not hot: they arrive as they were sent, and so does what comes back.

use crate::house::{callers, collect, comes, echo, frame, House, COLD};
use croupier_front::Limits;
use std::{sync::atomic::Ordering::SeqCst, time::Duration};

#[test]
fn headers_bodies_and_trailers_pass() {
    let house = House::new(echo());
    callers(async {
        let headers = [("x-mine", "kept"), ("croupier-peer", "forged"), ("croupier-anything", "forged"), ("grpc-timeout", "10S")];
        let body = frame(&vec![9; 3_000_000]);
        let answer = house.caller().await.unary(COLD, &headers, body.clone()).await.unwrap();
        assert_eq!((answer.status(), answer.trailers["x-end"].to_str().unwrap()), ("0", "yes"));
        let end = answer.body.iter().position(|byte| *byte == b'\n').unwrap();
        let head = std::str::from_utf8(&answer.body[..end]).unwrap();
        assert!(head.contains("x-mine: \"kept\"") && head.contains("grpc-timeout: \"10S\"") && head.contains(COLD), "{head}");
        assert!(head.contains("croupier-peer: \"127.0.0.1:") && !head.contains("forged"), "{head}");
        assert_eq!(&answer.body[end + 1..], &body[..]);
    });
}

#[test]
fn cancellation_and_resets_pass() {
    let house = House::new(echo());
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(COLD, &[("x-do", "hang")]).await;
        comes(|| house.door.counts().forwarded.load(SeqCst) == 1).await;
        upload.send_reset(h2::Reason::CANCEL);
        drop(response);
        comes(|| house.behind.resets.load(SeqCst) == 1).await;
        let (response, mut upload) = caller.open(COLD, &[("x-do", "hang")]).await;
        upload.send_data(frame(b"").into(), true).unwrap();
        comes(|| house.door.counts().forwarded.load(SeqCst) == 1).await;
        upload.send_reset(h2::Reason::CANCEL);
        drop(response);
        comes(|| house.behind.resets.load(SeqCst) == 2).await;
        let reset = caller.unary(COLD, &[("x-do", "reset")], frame(b"")).await.unwrap_err();
        assert_eq!(reset.reason(), Some(h2::Reason::REFUSED_STREAM));
        comes(|| house.door.counts().forwarded.load(SeqCst) == 0).await;
    });
}

#[test]
fn a_connection_that_breaks_cancels_what_it_asked() {
    let house = House::new(echo());
    callers(async {
        let caller = house.caller().await;
        let (response, upload) = caller.open(COLD, &[("x-do", "hang")]).await;
        comes(|| house.door.counts().forwarded.load(SeqCst) == 1).await;
        drop((response, upload, caller));
        comes(|| house.behind.resets.load(SeqCst) == 1).await;
    });
}

#[test]
fn a_server_behind_that_hangs_costs_a_deadline_and_little_more() {
    let house = House::new(echo());
    callers(async {
        let answer = house.caller().await.unary(COLD, &[("x-do", "hang"), ("grpc-timeout", "20m")], frame(b"")).await.unwrap();
        assert_eq!(answer.status(), "4");
        comes(|| house.behind.resets.load(SeqCst) == 1).await;
    });
}

#[test]
fn a_body_that_does_not_come_is_not_awaited_for_ever() {
    let house = House::with(echo(), 10, Limits { body: Duration::from_millis(50), ..Limits::default() }, None);
    callers(async {
        let caller = house.caller().await;
        let (response, _upload) = caller.open(COLD, &[("x-do", "hang")]).await;
        assert_eq!(collect(response).await.unwrap().status(), "4");
        comes(|| house.behind.resets.load(SeqCst) == 1).await;
        // Whose body is whole, or whose answer has begun, may take its time.
        let (whole, mut upload) = caller.open(COLD, &[("x-do", "hang")]).await;
        upload.send_data(frame(b"").into(), true).unwrap();
        let (talking, mut talk) = caller.open(COLD, &[]).await;
        let mut answer = talking.await.unwrap().into_body();
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert_eq!(house.door.counts().forwarded.load(SeqCst), 2);
        talk.send_data(frame(b"late").into(), true).unwrap();
        while let Some(chunk) = answer.data().await {
            answer.flow_control().release_capacity(chunk.unwrap().len()).unwrap();
        }
        assert_eq!(answer.trailers().await.unwrap().unwrap()["grpc-status"], "0");
        drop(whole);
    });
}

#[test]
fn a_server_behind_that_is_not_there_is_unavailable() {
    let house = House::new(echo());
    std::fs::remove_file(&house.behind.socket).unwrap();
    callers(async {
        let answer = house.caller().await.unary(COLD, &[], frame(b"")).await.unwrap();
        assert_eq!(answer.status(), "14");
    });
}

#[test]
fn a_slow_reader_holds_up_nobody_else() {
    let house = House::with(echo(), 10, Limits::default(), None);
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(COLD, &[]).await;
        upload.send_data(vec![1; 3_000_000].into(), true).unwrap();
        let unread = response.await.unwrap().into_body();
        let other = house.caller().await;
        for _ in 0..20 {
            let (response, mut upload) = other.open(COLD, &[]).await;
            upload.send_data(vec![2; 10_000].into(), true).unwrap();
            assert!(collect(response).await.unwrap().body.ends_with(&[2; 10_000]));
        }
        drop(unread);
    });
}
