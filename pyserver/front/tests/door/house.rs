//! A door with an owner thread and a server behind it, and callers that speak HTTP/2 frame by frame where they must.

use bytes::{Bytes, BytesMut};
use croupier_front::{
    counts::MethodCounts,
    status::{Canned, Status},
    Call, FrontDoor, Inbox, Limits, Method, Outcome, Settings, Tls,
};
use h2::{client, RecvStream, SendStream};
use http::{HeaderMap, Request, Response, StatusCode};
use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        Arc, Mutex,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::net::{TcpStream, UnixListener};

pub const HOT: &str = "/test.Hot/Call";
pub const LANE: &str = "/test.Hot/Lane";
pub const COLD: &str = "/test.Cold/Call";

/// What the owner thread does with a batch.
pub type Decide = Box<dyn FnMut(Vec<Call>) -> Vec<(u64, Outcome)> + Send>;

pub fn echo() -> Decide {
    Box::new(|calls| calls.iter().map(|call| (call.ticket, Inbox::message(&call.message))).collect())
}

/// Streams may be opened by anybody but an `authorization: nobody`.
fn opened(call: &Call) -> Outcome {
    let is_nobody = call.authorization.as_ref().is_some_and(|value| value == "nobody");
    if is_nobody {
        Outcome::Status(Status::new(16, "who are you", b""))
    } else {
        Inbox::message(b"")
    }
}

/// A gate that tests open when they are ready.
#[derive(Clone, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    pub fn open(&self) {
        self.0.store(true, SeqCst);
    }

    pub fn pass(&self) {
        until(|| self.0.load(SeqCst));
    }
}

/// Waits until something holds; a test that waits ten seconds has failed.
pub fn until(mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < patience, "it never came");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The same for callers, whose own connections go on meanwhile.
pub async fn comes(mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < patience, "it never came");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A running door, the thread that owns its inbox, and the server behind it.
pub struct House {
    pub door: Arc<FrontDoor>,
    pub inbox: Arc<Inbox>,
    pub seen: Arc<Mutex<Vec<Bytes>>>,
    pub behind: Behind,
    stopping: Arc<AtomicBool>,
    owner: Option<JoinHandle<()>>,
}

impl House {
    pub fn new(decide: Decide) -> Self {
        Self::with(decide, 1_000, Limits::default(), None)
    }

    pub fn with(decide: Decide, calls_max: usize, limits: Limits, tls: Option<Tls>) -> Self {
        Self::saying(&Bytes::new(), decide, calls_max, limits, tls)
    }

    /// `overloaded` is what a message of a stream is answered where too many wait.
    pub fn saying(overloaded: &Bytes, mut decide: Decide, calls_max: usize, limits: Limits, tls: Option<Tls>) -> Self {
        let inbox = Arc::new(Inbox::new(calls_max));
        let behind = Behind::start();
        let method =
            |path: &str, streamed| Method { path: path.into(), streamed, inbox: Arc::clone(&inbox), overloaded: overloaded.clone() };
        let door = FrontDoor::bind(Settings {
            listen: "127.0.0.1:0".into(),
            shares_port: false,
            inner: Some(behind.inner()),
            backend: behind.socket.clone(),
            methods: vec![method(HOT, false), method(LANE, true)],
            tls,
            limits,
            canned: Canned::plain(),
            latency_bounds_us: vec![1_000, 1_000_000],
        })
        .expect("a port is free");
        door.start().expect("a thread is to be had");
        let (stopping, seen) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<Bytes>>>::default());
        let owner = thread::spawn({
            let (inbox, stopping, seen) = (Arc::clone(&inbox), Arc::clone(&stopping), Arc::clone(&seen));
            move || {
                while inbox.wait(1, None) && !stopping.load(SeqCst) {
                    let (openings, calls): (Vec<_>, Vec<_>) = inbox.take().into_iter().partition(|call| call.is_opening);
                    inbox.give_back(openings.iter().map(|call| (call.ticket, opened(call))));
                    seen.lock().unwrap().extend(calls.iter().map(|call| call.message.clone()));
                    inbox.give_back(decide(calls));
                }
            }
        });
        Self { door: Arc::new(door), inbox, seen, behind, stopping, owner: Some(owner) }
    }

    pub fn waiting(&self) -> usize {
        self.door.counts().waiting.load(SeqCst)
    }

    pub fn connections(&self) -> usize {
        self.door.counts().connections.load(SeqCst)
    }

    pub fn refused(&self, name: &str) -> u64 {
        let totals = self.door.counts().methods.iter().map(MethodCounts::totals);
        totals.map(|totals| totals.refusals.iter().find(|(refusal, _)| *refusal == name).expect("a refusal").1).sum()
    }

    pub fn cancelled(&self) -> u64 {
        self.door.counts().methods.iter().map(|method| method.totals().cancelled).sum()
    }

    pub async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.door.address()).await.expect("it listens")
    }

    pub async fn caller(&self) -> Caller {
        Caller::over(self.tcp().await).await
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.door.stop(Duration::ZERO);
        self.stopping.store(true, SeqCst);
        self.inbox.notify();
        let ended = self.owner.take().expect("it is joined once").join();
        assert!(ended.is_ok() || thread::panicking(), "the owner thread failed");
    }
}

/// A server behind the door that answers each call with its body, after its headers as a message; `x-do` asks for more.
pub struct Behind {
    pub socket: PathBuf,
    pub resets: Arc<AtomicUsize>,
    folder: PathBuf,
}

static FOLDERS: AtomicUsize = AtomicUsize::new(0);

impl Behind {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("door-{}-{}", std::process::id(), FOLDERS.fetch_add(1, SeqCst)));
        std::fs::create_dir(&folder).expect("a folder of its own");
        let socket = folder.join("behind.sock");
        let resets = Arc::<AtomicUsize>::default();
        let listening = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        listening.set_nonblocking(true).expect("a socket that does not block");
        let counted = Arc::clone(&resets);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async { accept(UnixListener::from_std(listening).expect("a socket"), counted).await });
        });
        Self { socket, resets, folder }
    }
}

impl Behind {
    /// Where the house's door takes in other doors.
    pub fn inner(&self) -> PathBuf {
        self.folder.join("inner.sock")
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn accept(listener: UnixListener, resets: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let resets = Arc::clone(&resets);
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(stream).await.expect("the door speaks HTTP/2");
            while let Some(Ok((request, respond))) = connection.accept().await {
                tokio::spawn(answer(request, respond, Arc::clone(&resets)));
            }
        });
    }
}

async fn answer(request: Request<RecvStream>, mut respond: h2::server::SendResponse<Bytes>, resets: Arc<AtomicUsize>) {
    let (head, mut body) = request.into_parts();
    match head.headers.get("x-do").map(|value| value.to_str().expect("ASCII")) {
        Some("hang") => {
            let _ = std::future::poll_fn(|context| respond.poll_reset(context)).await;
            resets.fetch_add(1, SeqCst);
            return;
        }
        Some("reset") => return respond.send_reset(h2::Reason::REFUSED_STREAM),
        _ => {}
    }
    let mut names: Vec<_> = head.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    names.sort();
    // The door may cancel the call at any time.
    let Ok(mut answer) = respond.send_response(Response::new(()), false) else { return };
    let _ = answer.send_data(format!("{} {}\n", head.uri, names.join(", ")).into(), false);
    while let Some(Ok(chunk)) = body.data().await {
        let _ = body.flow_control().release_capacity(chunk.len());
        let _ = answer.send_data(chunk, false);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().expect("a status"));
    trailers.insert("x-end", "yes".parse().expect("a trailer"));
    let _ = answer.send_trailers(trailers);
}

/// What a call brought.
#[derive(Debug)]
pub struct Answer {
    pub http: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

impl Answer {
    /// The gRPC status, from the trailers or, where there is no message, the headers.
    pub fn status(&self) -> &str {
        let place = if self.trailers.is_empty() { &self.headers } else { &self.trailers };
        place.get("grpc-status").map_or("none", |value| value.to_str().expect("ASCII"))
    }
}

/// One connection of a caller.
#[derive(Clone)]
pub struct Caller(pub client::SendRequest<Bytes>);

impl Caller {
    pub async fn over<T>(stream: T) -> Self
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        // With its default window h2 takes a few hundred small answers at once for a flood.
        let mut builder = client::Builder::new();
        let handshake = builder.initial_connection_window_size(1 << 24).handshake(stream);
        let (sender, connection) = handshake.await.expect("the door speaks HTTP/2");
        tokio::spawn(connection);
        Self(sender)
    }

    /// Opens a call; its body is the caller's to send.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> (client::ResponseFuture, SendStream<Bytes>) {
        let mut sender = self.0.clone().ready().await.expect("the connection is open");
        sender.send_request(request(path, headers), false).expect("the door takes calls")
    }

    pub async fn unary(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Result<Answer, h2::Error> {
        let (response, mut upload) = self.open(path, headers).await;
        upload.send_data(body.into(), true)?;
        collect(response).await
    }
}

pub fn request(path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::post(format!("http://test{path}")).header("te", "trailers");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).expect("a request")
}

pub async fn collect(response: client::ResponseFuture) -> Result<Answer, h2::Error> {
    let (head, mut stream) = response.await?.into_parts();
    let mut body = BytesMut::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk?;
        stream.flow_control().release_capacity(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    let trailers = stream.trailers().await?.unwrap_or_default();
    Ok(Answer { http: head.status, headers: head.headers, body: body.freeze(), trailers })
}

/// A message with its prefix.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("it is small");
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// Runs a test's callers.
pub fn callers<T>(work: impl std::future::Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(25), work).await.expect("it takes no longer than that") })
}
