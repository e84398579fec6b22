//! One connection: its calls, its health, its age.

use crate::{
    door::{Door, Phase},
    hot,
    inbox::Peer,
};
use bytes::Bytes;
use h2::{server, Ping, PingPong, Reason};
use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{timeout_at, Instant, Sleep},
};

const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
const UNSENT_BYTES_MAX: usize = 256 << 10;

/// Serves one connection until it ends. TLS, if any, is done; what is left of the handshake must be done by `deadline`.
pub(crate) async fn serve<T: AsyncRead + AsyncWrite + Unpin>(door: Rc<Door>, io: T, peer: Arc<Peer>, deadline: Instant) {
    let mut builder = server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(door.limits.streams_max)
        .max_header_list_size(door.limits.header_bytes_max)
        .max_send_buffer_size(UNSENT_BYTES_MAX);
    let Ok(Ok(mut h2)) = timeout_at(deadline, builder.handshake::<_, Bytes>(io)).await else { return };
    let ping = h2.ping_pong().expect("it is asked for once");
    let opened = Instant::now();
    let timer = Box::pin(tokio::time::sleep_until(opened + door.limits.keepalive));
    let retires = door.limits.age.map(|age| opened + jittered(age));
    Connection { door, peer, h2, ping, timer, retires, unanswered_ping: None, phase: Phase::Serving, watcher: None }.await;
}

struct Connection<T> {
    door: Rc<Door>,
    peer: Arc<Peer>,
    h2: server::Connection<T, Bytes>,
    ping: PingPong,
    /// Fires at whatever is due first.
    timer: Pin<Box<Sleep>>,
    /// When it is asked to go, and then, when it is cut off.
    retires: Option<Instant>,
    /// When the ping that is under way counts as lost.
    unanswered_ping: Option<Instant>,
    phase: Phase,
    watcher: Option<usize>,
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
                Poll::Ready(Some(Ok((request, respond)))) => hot::begin(&this.door, &this.peer, request, respond),
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        this.door.look_after();
        if let Poll::Ready(Ok(_)) = this.ping.poll_pong(context) {
            this.unanswered_ping = None;
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
        if phase == self.phase {
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
        if self.unanswered_ping.is_some_and(|lost| lost <= now) {
            return true;
        }
        if self.retires.is_some_and(|retires| retires <= now) {
            if self.phase == Phase::Serving {
                self.follow(Phase::Draining);
                self.retires = Some(now + self.door.limits.age_grace);
            } else {
                self.retires = None;
                self.follow(Phase::Cut);
            }
        }
        let mut due = now + self.door.limits.keepalive;
        if self.unanswered_ping.is_none() && self.ping.send_ping(Ping::opaque()).is_ok() {
            self.unanswered_ping = Some(now + self.door.limits.keepalive_timeout);
        }
        for other in [self.unanswered_ping, self.retires].into_iter().flatten() {
            due = due.min(other);
        }
        self.timer.as_mut().reset(due);
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
