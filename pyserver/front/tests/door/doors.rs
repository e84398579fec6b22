//! Doors of other processes that forward everything to the owner's door, and processes that share a port.

use crate::house::{callers, comes, echo, frame, Caller, House, COLD, HOT, LANE};
use croupier_front::{status::Canned, FrontDoor, Inbox, Limits, Settings};
use std::{collections::HashSet, path::PathBuf, sync::atomic::Ordering::SeqCst, time::Duration};
use tokio::net::TcpStream;

/// A door without hot methods of its own.
fn forwarding(listen: &str, backend: PathBuf) -> FrontDoor {
    let door = FrontDoor::bind(Settings {
        listen: listen.into(),
        shares_port: true,
        inner: None,
        backend,
        methods: Vec::new(),
        tls: None,
        limits: Limits::default(),
        canned: Canned::plain(),
        latency_bounds_us: Vec::new(),
    })
    .expect("a port is free");
    door.start().expect("a thread is to be had");
    door
}

#[test]
fn a_forwarding_door_changes_nothing_for_its_callers() {
    let (sender, peers) = std::sync::mpsc::channel();
    let decide = move |calls: Vec<croupier_front::Call>| {
        for call in &calls {
            sender.send((call.peer.address.clone(), call.peer.certificate.clone(), call.deadline_ms > 0)).unwrap();
        }
        calls.iter().map(|call| (call.ticket, Inbox::message(&call.message))).collect()
    };
    let house = House::new(Box::new(decide));
    let door = forwarding("127.0.0.1:0", house.behind.inner());
    callers(async {
        let stream = TcpStream::connect(door.address()).await.unwrap();
        let address = stream.local_addr().unwrap().to_string();
        let caller = Caller::over(stream).await;
        let headers = [("croupier-peer", "forged"), ("croupier-certificate", "admin"), ("grpc-timeout", "9S")];
        let answer = caller.unary(HOT, &headers, frame(b"hello")).await.unwrap();
        assert_eq!((answer.status(), &answer.body[..]), ("0", &frame(b"hello")[..]));
        assert_eq!(peers.recv().unwrap(), (address.clone(), String::new(), true));
        assert_eq!(caller.unary(LANE, &[], frame(b"x").repeat(20)).await.unwrap().body.len(), 20 * 6);
        assert_eq!(caller.unary(LANE, &[("authorization", "nobody")], frame(b"x")).await.unwrap().status(), "16");
        let told = caller.unary(COLD, &headers, frame(b"")).await.unwrap().body;
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains(&format!("croupier-peer: \"{address}\"")) && !told.contains("forged") && !told.contains("admin"), "{told}");
    });
    assert!(door.stop(Duration::from_secs(5)));
}

#[test]
fn resets_and_many_calls_pass_a_forwarding_door() {
    let house = House::with(echo(), 5_000, Limits { streams_max: 16, ..Limits::default() }, None);
    let door = forwarding("127.0.0.1:0", house.behind.inner());
    callers(async {
        let caller = Caller::over(TcpStream::connect(door.address()).await.unwrap()).await;
        let (response, mut upload) = caller.open(COLD, &[("x-do", "hang")]).await;
        comes(|| house.door.counts().forwarded.load(SeqCst) == 1).await;
        upload.send_reset(h2::Reason::CANCEL);
        drop(response);
        comes(|| house.behind.resets.load(SeqCst) == 1).await;
        let calls: Vec<_> = (0..200_u8)
            .map(|index| {
                let caller = caller.clone();
                tokio::spawn(async move { caller.unary(HOT, &[], frame(&[index])).await.unwrap() })
            })
            .collect();
        for (index, call) in calls.into_iter().enumerate() {
            assert_eq!(usize::from(call.await.unwrap().body[5]), index);
        }
    });
}

#[test]
fn an_owner_that_is_gone_is_unavailable_and_may_come_back() {
    let house = House::new(echo());
    let inner = house.behind.inner();
    let elsewhere = inner.with_extension("away");
    let door = forwarding("127.0.0.1:0", inner.clone());
    std::fs::rename(&inner, &elsewhere).unwrap();
    callers(async {
        let caller = Caller::over(TcpStream::connect(door.address()).await.unwrap()).await;
        assert_eq!(caller.unary(HOT, &[], frame(b"")).await.unwrap().status(), "14");
        std::fs::rename(&elsewhere, &inner).unwrap();
        assert_eq!(caller.unary(HOT, &[], frame(b"")).await.unwrap().status(), "0");
    });
}

#[test]
fn processes_share_a_port() {
    let house = House::new(echo());
    let first = forwarding("127.0.0.1:0", house.behind.inner());
    let second = forwarding(&first.address().to_string(), house.behind.inner());
    assert_eq!(first.address(), second.address());
    callers(async {
        let mut all = Vec::new();
        for _ in 0..64 {
            let caller = Caller::over(TcpStream::connect(first.address()).await.unwrap()).await;
            assert_eq!(caller.unary(HOT, &[], frame(b"")).await.unwrap().status(), "0");
            all.push(caller);
        }
        let open: HashSet<bool> = [&first, &second].map(|door| door.counts().connections.load(SeqCst) > 0).into();
        assert_eq!(open, HashSet::from([true]), "each has a share");
    });
}
