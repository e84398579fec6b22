//! One connection: its calls, its health, its age.

use crate::{
    door::{Door, Phase},
    gather::Gathered,
    hot,
    inbox::Peer,
    proxy,
    room::Share,
};
use bytes::Bytes;
use h2::{server, Ping, PingPong, Reason};
use http::HeaderMap;
use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    rc::Rc,
    sync::{atomic::Ordering::Relaxed, Arc},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_local,
    time::{timeout_at, Instant, Sleep},
};

const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
const DOOR_WINDOW: u32 = 16 << 20;
const UNSENT_BYTES_MAX: usize = 256 << 10;
/// What unread small DATA frames may cost beside their payload, as h2 counts it: a stream that asks for plays faster than they are answered
/// fills its window with some thousand of them.
const FRAME_OVERHEAD_MAX: usize = 2 << 20;
/// How long a connection that is cut off may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);

/// Who is at the other end.
pub(crate) enum Caller {
    Known(Arc<Peer>),
    /// Another door of the same node, which says it for each call.
    Door,
}

impl Caller {
    fn of(&self, headers: &HeaderMap) -> Arc<Peer> {
        match self {
            Self::Known(peer) => Arc::clone(peer),
            Self::Door => Arc::new(proxy::told_peer(headers)),
        }
    }
}

/// Counts a connection while it is open.
pub(crate) struct Open(Rc<Door>);

impl Open {
    pub fn new(door: Rc<Door>) -> Self {
        door.counts.connections.fetch_add(1, Relaxed);
        Self(door)
    }

    pub fn door(&self) -> &Door {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Its end is an end for the calls that came over it.
        self.0.look_after();
        self.0.counts.connections.fetch_sub(1, Relaxed);
        self.0.ended.notify_one();
    }
}

/// Makes a connection of a stream whose TLS, if any, is done, and leaves it to a task of its own, so that an idle one keeps nothing of its
/// handshake. What is left of that must be done by `deadline`.
pub(crate) async fn establish<T: AsyncRead + AsyncWrite + Unpin + 'static>(open: Open, io: T, caller: Caller, deadline: Instant) {
    let door = open.door();
    let mut builder = server::Builder::new();
    let (window, streams) = match caller {
        Caller::Known(_) => (CONNECTION_WINDOW, door.limits.streams_max),
        // It brings the calls of many.
        Caller::Door => (DOOR_WINDOW, u32::try_from(door.limits.calls_max).unwrap_or(u32::MAX)),
    };
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(window)
        .max_concurrent_streams(streams)
        .max_header_list_size(door.limits.header_bytes_max)
        .max_send_buffer_size(UNSENT_BYTES_MAX)
        .data_frame_budget(FRAME_OVERHEAD_MAX);
    let handshake = timeout_at(deadline, builder.handshake::<_, Bytes>(Gathered(io)));
    let Some(Ok(Ok(mut h2))) = door.while_serving(handshake).await else { return };
    let ping = h2.ping_pong().expect("it is asked for once");
    let opened = Instant::now();
    let asks = opened + door.limits.keepalive;
    let age = door.limits.age.filter(|_| matches!(caller, Caller::Known(_)));
    let retires = age.map(|age| opened + jittered(age));
    let timer = Box::pin(tokio::time::sleep_until(retires.map_or(asks, |retires| retires.min(asks))));
    let door = Rc::clone(&open.0);
    let share = Share::of(&door.limits, matches!(caller, Caller::Door));
    let (phase, is_asked, watcher) = (Phase::Serving, false, None);
    spawn_local(Connection { door, caller, share, h2, ping, timer, asks, is_asked, retires, phase, watcher, _open: open });
}

struct Connection<T> {
    door: Rc<Door>,
    caller: Caller,
    share: Rc<Share>,
    h2: server::Connection<Gathered<T>, Bytes>,
    ping: PingPong,
    /// Fires at whatever is due first.
    timer: Pin<Box<Sleep>>,
    /// When the peer is next asked whether it is there, or counts as lost, if it is asked already.
    asks: Instant,
    is_asked: bool,
    /// When it is asked to go, then when it is cut off, then when it is given up.
    retires: Option<Instant>,
    phase: Phase,
    watcher: Option<usize>,
    /// The last to be dropped: it looks after calls that the end of `h2` leaves behind.
    _open: Open,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Future for Connection<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.watcher.is_none() {
            this.watcher = Some(this.door.phase_watchers.borrow_mut().insert(context.waker().clone()));
        }
        this.follow(this.door.phase.get());
        loop {
            match this.h2.poll_accept(context) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    hot::begin(&this.door, &this.share, &this.caller.of(request.headers()), request, respond);
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        this.door.look_after();
        if let Poll::Ready(Ok(_)) = this.ping.poll_pong(context) {
            this.is_asked = false;
            this.asks = Instant::now() + this.door.limits.keepalive;
        }
        while this.timer.as_mut().poll(context).is_ready() {
            if this.is_over(Instant::now()) {
                return Poll::Ready(());
            }
            // What the timer asked of the connection is done in its next poll.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    fn follow(&mut self, phase: Phase) {
        if phase <= self.phase {
            return;
        }
        self.phase = phase;
        match phase {
            Phase::Serving => {}
            Phase::Draining => self.h2.graceful_shutdown(),
            Phase::Cut => self.h2.abrupt_shutdown(Reason::NO_ERROR),
        }
    }

    /// Does what is due and sets the timer anew; true where the connection is not worth keeping.
    fn is_over(&mut self, now: Instant) -> bool {
        if self.asks <= now {
            if self.is_asked {
                return true;
            }
            self.is_asked = self.ping.send_ping(Ping::opaque()).is_ok();
            self.asks = now + self.door.limits.keepalive_timeout;
        }
        if self.retires.is_some_and(|retires| retires <= now) {
            match self.phase {
                Phase::Serving => self.follow(Phase::Draining),
                Phase::Draining => self.follow(Phase::Cut),
                Phase::Cut => return true,
            }
            self.retires = Some(now + if self.phase == Phase::Cut { FAREWELL } else { self.door.limits.age_grace });
        }
        self.timer.as_mut().reset(self.retires.map_or(self.asks, |retires| retires.min(self.asks)));
        false
    }
}

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        if let Some(watcher) = self.watcher {
            self.door.phase_watchers.borrow_mut().remove(watcher);
        }
    }
}

/// Give or take a tenth, so that connections that were opened together do not all come back together.
fn jittered(age: Duration) -> Duration {
    let tenths_of_permille = u32::try_from(RandomState::new().hash_one(()) % 2_001).expect("it is small");
    age * (9_000 + tenths_of_permille) / 10_000
}
