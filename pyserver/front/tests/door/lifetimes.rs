//! How connections begin, age and end, and how the door leaves service.

use crate::house::{callers, collect, comes, echo, frame, until, Caller, Gate, House, COLD, HOT};
use croupier_front::Limits;
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

fn impatient() -> Limits {
    let ms = Duration::from_millis;
    Limits { handshake: ms(100), keepalive: ms(100), keepalive_timeout: ms(100), ..Limits::default() }
}

async fn is_closed(stream: &mut tokio::net::TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.is_ok()
}

#[test]
fn a_preface_that_does_not_come_is_not_awaited_for_ever() {
    let house = House::with(echo(), 10, impatient(), None);
    callers(async {
        for begun in [&PREFACE[..0], &PREFACE[..10], PREFACE] {
            let mut stream = house.tcp().await;
            stream.write_all(begun).await.unwrap();
            assert!(is_closed(&mut stream).await);
        }
        comes(|| house.connections() == 0).await;
    });
}

#[test]
fn a_peer_that_answers_no_ping_is_gone() {
    let house = House::with(echo(), 10, impatient(), None);
    callers(async {
        let mut stream = house.tcp().await;
        stream.write_all(&[PREFACE, EMPTY_SETTINGS].concat()).await.unwrap();
        assert!(is_closed(&mut stream).await, "it reads, but never answers");
        comes(|| house.connections() == 0).await;
    });
}

#[test]
fn headers_that_never_end_do_not_keep_a_connection() {
    let house = House::with(echo(), 10, impatient(), None);
    callers(async {
        let mut stream = house.tcp().await;
        // A HEADERS frame without END_HEADERS, announced with 16 bytes, which come one by one.
        stream.write_all(&[PREFACE, EMPTY_SETTINGS, &[0, 0, 16, 1, 0, 0, 0, 0, 1]].concat()).await.unwrap();
        let dribble = async {
            while stream.write_all(&[0x82]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), dribble).await.expect("it is closed");
        comes(|| house.connections() == 0).await;
    });
}

#[test]
fn a_peer_that_answers_pings_may_be_idle() {
    let house = House::with(echo(), 10, impatient(), None);
    callers(async {
        let caller = house.caller().await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(caller.unary(HOT, &[], frame(b"")).await.unwrap().status(), "0");
    });
}

#[test]
fn an_old_connection_is_asked_to_go_and_finishes_its_calls() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let limits = Limits { age: Some(Duration::from_millis(100)), age_grace: Duration::from_secs(20), ..Limits::default() };
    let house = House::with(
        Box::new(move |calls| {
            opened.pass();
            answer(calls)
        }),
        10,
        limits,
        None,
    );
    callers(async {
        let caller = house.caller().await;
        let (response, mut upload) = caller.open(HOT, &[]).await;
        upload.send_data(frame(b"old").into(), true).unwrap();
        comes(|| house.waiting() == 1).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let refused = caller.0.clone().ready().await;
        assert!(refused.is_err_and(|error| error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)));
        gate.open();
        assert_eq!(collect(response).await.unwrap().status(), "0");
        comes(|| house.connections() == 0).await;
    });
}

#[test]
fn the_grace_of_an_old_connection_ends() {
    let ms = Duration::from_millis;
    let house = House::with(echo(), 10, Limits { age: Some(ms(50)), age_grace: ms(50), ..Limits::default() }, None);
    callers(async {
        let caller = house.caller().await;
        let (response, upload) = caller.open(COLD, &[("x-do", "hang")]).await;
        assert!(collect(response).await.is_err());
        drop(upload);
        comes(|| house.connections() == 0 && house.behind.resets.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    });
}

#[test]
fn a_drain_finishes_calls_and_takes_no_connection() {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut answer = echo();
    let house = House::new(Box::new(move |calls| {
        opened.pass();
        answer(calls)
    }));
    callers(async {
        let caller = house.caller().await;
        let mut unestablished = house.tcp().await;
        let (response, mut upload) = caller.open(HOT, &[]).await;
        upload.send_data(frame(b"in flight").into(), true).unwrap();
        comes(|| house.waiting() == 1 && house.connections() == 2).await;
        let door = Arc::clone(&house.door);
        let stopping = std::thread::spawn(move || door.stop(Duration::from_secs(10)));
        assert!(is_closed(&mut unestablished).await);
        comes(|| std::net::TcpStream::connect(house.door.address()).is_err()).await;
        assert!(house.door.is_running());
        gate.open();
        assert_eq!(&collect(response).await.unwrap().body[5..], b"in flight");
        tokio::task::spawn_blocking(move || assert!(stopping.join().unwrap(), "nothing was left")).await.unwrap();
        assert!(!house.door.is_running());
    });
}

#[test]
fn what_outlasts_the_grace_is_cut_off() {
    let house = House::new(echo());
    callers(async {
        let caller = house.caller().await;
        let (response, upload) = caller.open(COLD, &[("x-do", "hang")]).await;
        comes(|| house.door.counts().forwarded.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
        let mut deaf = house.tcp().await;
        deaf.write_all(&[PREFACE, EMPTY_SETTINGS].concat()).await.unwrap();
        comes(|| house.connections() == 2).await;
        let door = Arc::clone(&house.door);
        let all_ended = tokio::task::spawn_blocking(move || door.stop(Duration::from_millis(100))).await.unwrap();
        assert!(!all_ended);
        assert!(!house.door.is_running());
        assert!(collect(response).await.is_err());
        drop(upload);
    });
}

#[test]
fn a_door_that_was_not_started_stops_at_once_and_frees_its_port() {
    let house = House::new(echo());
    let address = house.door.address();
    drop(house);
    until(|| std::net::TcpListener::bind(address).is_ok());
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = croupier_front::Settings {
        listen: taken.local_addr().unwrap().to_string(),
        shares_port: false,
        inner: None,
        backend: "nowhere".into(),
        methods: Vec::new(),
        tls: None,
        limits: Limits::default(),
        canned: croupier_front::status::Canned::plain(),
        latency_bounds_us: Vec::new(),
    };
    assert_eq!(croupier_front::FrontDoor::bind(settings).err().unwrap().kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn many_connections_come_and_go() {
    let house = House::new(echo());
    callers(async {
        for _ in 0..20 {
            let mut all = Vec::new();
            for _ in 0..20 {
                all.push(house.caller().await);
            }
            for caller in &all {
                assert_eq!(caller.unary(HOT, &[], frame(b"")).await.unwrap().status(), "0");
            }
        }
        comes(|| house.connections() == 0).await;
        let last: Caller = house.caller().await;
        assert_eq!(last.unary(HOT, &[], frame(b"")).await.unwrap().status(), "0");
    });
}
