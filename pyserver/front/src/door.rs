//! The state of the door's thread, and what every part of it does with calls: queue them, answer them, refuse them, forget them.

use crate::{
    backend::Backend,
    calls::{Calls, Place},
    counts::Counts,
    frame,
    inbox::{Call, Inbox, Outcome, Ticket},
    settings::{Limits, Settings},
    status::{Canned, Refusal, Status},
    stream::Lane,
};
use bytes::Bytes;
use h2::server::SendResponse;
use http::{header::CONTENT_TYPE, HeaderMap, HeaderValue, Response};
use slab::Slab;
use std::{
    cell::{Cell, RefCell},
    future::Future,
    rc::Rc,
    sync::{atomic::Ordering::Relaxed, Arc},
    task::{Context, Waker},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// How far the door is on its way out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// Nothing new is accepted; what runs may finish.
    Draining,
    /// Everything is cut off.
    Cut,
}

/// Where the answer to a call goes.
pub(crate) enum Reply {
    Unary(SendResponse<Bytes>),
    /// To a stream, which sends its answers in the order of their messages.
    Lane(Rc<Lane>),
}

pub(crate) struct Route {
    pub path: String,
    pub streamed: bool,
    /// What one message of a stream is answered where too many calls wait, framed; empty for nothing.
    pub overloaded: Bytes,
    inbox: usize,
}

struct Post {
    inbox: Arc<Inbox>,
    /// Calls that will be queued once every connection that is ready has been read.
    batch: RefCell<Vec<Call>>,
    /// Calls that have a ticket.
    open: Cell<usize>,
}

/// What the door's thread knows. Everything here happens on that thread.
pub(crate) struct Door {
    pub limits: Limits,
    pub routes: Vec<Route>,
    pub counts: Arc<Counts>,
    pub backend: Backend,
    pub phase: Cell<Phase>,
    /// What wakes each connection and stream when the phase changes.
    pub phase_watchers: RefCell<Slab<Waker>>,
    /// Notified when a connection has ended.
    pub ended: Notify,
    /// Notified when the door leaves service.
    leaving: Notify,
    pub held_bytes: Cell<usize>,
    /// Calls that are open and have no ticket: streams, forwarded calls, calls whose message has not come.
    pub seated: Cell<usize>,
    /// Notified when outcomes have come.
    outcomes: Arc<Notify>,
    canned: Canned,
    posts: Vec<Post>,
    calls: RefCell<Calls<Reply>>,
    gathered: Notify,
    alarm: Notify,
    armed: Cell<Option<Instant>>,
}

impl Door {
    pub fn new(settings: Settings, counts: Arc<Counts>, outcomes: Arc<Notify>) -> Rc<Self> {
        let mut posts: Vec<Post> = Vec::new();
        let mut routes = Vec::new();
        for method in settings.methods {
            let known = posts.iter().position(|post| Arc::ptr_eq(&post.inbox, &method.inbox));
            let inbox = known.unwrap_or_else(|| {
                posts.push(Post { inbox: method.inbox, batch: RefCell::default(), open: Cell::new(0) });
                posts.len() - 1
            });
            let overloaded = if method.overloaded.is_empty() { Bytes::new() } else { frame::framed(&method.overloaded) };
            routes.push(Route { path: method.path, streamed: method.streamed, overloaded, inbox });
        }
        Rc::new(Self {
            backend: Backend::new(settings.backend, &settings.limits),
            limits: settings.limits,
            routes,
            counts,
            phase: Cell::new(Phase::Serving),
            phase_watchers: RefCell::default(),
            ended: Notify::new(),
            leaving: Notify::new(),
            held_bytes: Cell::new(0),
            seated: Cell::new(0),
            outcomes,
            canned: settings.canned,
            posts,
            calls: RefCell::new(Calls::new()),
            gathered: Notify::new(),
            alarm: Notify::new(),
            armed: Cell::new(None),
        })
    }

    /// Goes on to a later phase and tells every connection.
    pub fn go_on_to(&self, phase: Phase) {
        self.phase.set(self.phase.get().max(phase));
        self.leaving.notify_waiters();
        self.phase_watchers.borrow().iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    /// What `work` gives, unless the door leaves service before it is done.
    pub async fn while_serving<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let leaving = self.leaving.notified();
        if self.phase.get() != Phase::Serving {
            return None;
        }
        tokio::select! {
            done = work => Some(done),
            () = leaving => None,
        }
    }

    /// Whether one more call of any kind may be opened.
    pub fn is_full(&self) -> bool {
        self.seated.get() + self.calls.borrow().len() >= self.limits.calls_max
    }

    /// Whether one more call of this method, with a message of so many bytes, may wait for an answer.
    pub fn has_room(&self, route: usize, bytes: usize) -> bool {
        let post = &self.posts[self.routes[route].inbox];
        post.open.get() < post.inbox.calls_max() && self.held_bytes.get() + bytes <= self.limits.held_bytes_max
    }

    /// Queues a call, whose ticket and method it fills in; returns the ticket.
    pub fn queue(&self, reply: Reply, started: Instant, mut call: Call) -> Ticket {
        let post = &self.posts[self.routes[call.method].inbox];
        post.open.set(post.open.get() + 1);
        let mut calls = self.calls.borrow_mut();
        self.held_bytes.set(self.held_bytes.get() + call.message.len());
        call.ticket = calls.insert(&call, started, reply);
        self.counts.waiting.store(calls.len(), Relaxed);
        if let Some(deadline) = call.deadline {
            self.arm(deadline);
        }
        let ticket = call.ticket;
        watch(&mut calls, ticket);
        let mut batch = post.batch.borrow_mut();
        if batch.is_empty() {
            self.gathered.notify_one();
        }
        batch.push(call);
        ticket
    }

    /// Hands the calls of every connection that was ready to their owners, with one wake-up. Never returns.
    pub async fn flush(&self) {
        loop {
            self.gathered.notified().await;
            for post in &self.posts {
                let mut batch = post.batch.borrow_mut();
                if !batch.is_empty() {
                    post.inbox.fill(&mut batch);
                }
            }
        }
    }

    /// Sends the answers that come back. Never returns.
    pub async fn answer(&self) {
        loop {
            self.outcomes.notified().await;
            let now = Instant::now();
            for post in &self.posts {
                for (ticket, outcome) in post.inbox.outcomes() {
                    self.finish(ticket, outcome, now);
                }
            }
            self.counts.waiting.store(self.calls.borrow().len(), Relaxed);
        }
    }

    /// Answers calls whose callers give up, whatever their owner does. Never returns.
    pub async fn expire(&self) {
        loop {
            let Some(due) = self.armed.get() else {
                self.alarm.notified().await;
                continue;
            };
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => self.expire_until(Instant::now()),
                () = self.alarm.notified() => {}
            }
        }
    }

    /// Looks after calls to whose streams something has happened: where the caller has gone, nobody needs to decide.
    pub fn look_after(&self) {
        let mut calls = self.calls.borrow_mut();
        for ticket in calls.touched() {
            if watch(&mut calls, ticket) {
                let method = self.forget(&mut calls, ticket);
                self.counts.cancelled(method);
            }
        }
    }

    /// The caller of these calls has gone.
    pub fn abandon(&self, tickets: impl IntoIterator<Item = Ticket>) {
        let mut calls = self.calls.borrow_mut();
        for ticket in tickets {
            if calls.get_mut(ticket).is_some() {
                self.forget(&mut calls, ticket);
            }
        }
    }

    /// Answers a call of a hot method with a refusal of the door's own.
    pub fn refuse(&self, method: usize, refusal: Refusal, respond: &mut SendResponse<Bytes>) {
        self.counts.refused(method, refusal);
        self.reject(refusal, respond);
    }

    /// Answers any call with a refusal of the door's own.
    pub fn reject(&self, refusal: Refusal, respond: &mut SendResponse<Bytes>) {
        let mut headers = self.canned.of(refusal).trailers_only();
        if refusal == Refusal::EncodingUnknown {
            headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity,gzip"));
        }
        send_only_headers(respond, headers);
    }

    /// The status of a refusal.
    pub fn status(&self, refusal: Refusal) -> &Status {
        self.canned.of(refusal)
    }

    fn finish(&self, ticket: Ticket, outcome: Outcome, now: Instant) {
        let Some(place) = self.calls.borrow_mut().remove(ticket) else { return };
        let open = &self.posts[self.routes[place.method].inbox].open;
        open.set(open.get() - 1);
        self.held_bytes.set(self.held_bytes.get() - place.bytes);
        let Place { method, started, reply: Some(reply), .. } = place else { return };
        self.counts.took(method, now.saturating_duration_since(started));
        match (reply, outcome) {
            (Reply::Unary(mut respond), Outcome::Message(message)) => send_message(&mut respond, message),
            (Reply::Unary(mut respond), Outcome::Status(status)) => send_only_headers(&mut respond, status.trailers_only()),
            (Reply::Unary(mut respond), Outcome::Dropped) => self.refuse(method, Refusal::DeadlineExceeded, &mut respond),
            (Reply::Lane(lane), outcome) => lane.finish(ticket, outcome),
        }
    }

    fn expire_until(&self, now: Instant) {
        let (expired, next) = self.calls.borrow().expired(now);
        self.armed.set(next.map(|next| next.max(now + Duration::from_millis(1))));
        for ticket in expired {
            let mut calls = self.calls.borrow_mut();
            let Some(place) = calls.get_mut(ticket) else { continue };
            let (method, started, reply) = (place.method, place.started, place.reply.take());
            self.forget(&mut calls, ticket);
            drop(calls);
            self.counts.took(method, now.saturating_duration_since(started));
            match reply {
                Some(Reply::Unary(mut respond)) => self.refuse(method, Refusal::DeadlineExceeded, &mut respond),
                Some(Reply::Lane(lane)) => lane.finish(ticket, Outcome::Status(self.status(Refusal::DeadlineExceeded).clone())),
                None => {}
            }
        }
    }

    fn arm(&self, deadline: Instant) {
        if self.armed.get().is_none_or(|armed| deadline < armed) {
            self.armed.set(Some(deadline));
            self.alarm.notify_one();
        }
    }

    /// Nobody waits for this call any more; its place stays until the ticket comes back. Returns its method.
    fn forget(&self, calls: &mut Calls<Reply>, ticket: Ticket) -> usize {
        let place = calls.get_mut(ticket).expect("the caller has found it");
        place.reply = None;
        let post = &self.posts[self.routes[place.method].inbox];
        if post.batch.borrow().iter().any(|call| call.ticket == ticket) {
            // Still on the way to the queue: hand it over first, so that it can be crossed out there.
            post.inbox.fill(&mut post.batch.borrow_mut());
        }
        post.inbox.give_up(ticket);
        place.method
    }
}

/// Asks to be woken when the caller of a unary call goes away; true if it has gone.
fn watch(calls: &mut Calls<Reply>, ticket: Ticket) -> bool {
    let waker = calls.waker(ticket).clone();
    match calls.get_mut(ticket).and_then(|place| place.reply.as_mut()) {
        Some(Reply::Unary(respond)) => respond.poll_reset(&mut Context::from_waker(&waker)).is_ready(),
        _ => false,
    }
}

/// The whole answer of a unary call. A caller that has gone is no error.
fn send_message(respond: &mut SendResponse<Bytes>, message: Bytes) {
    let mut response = Response::new(());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let Ok(mut stream) = respond.send_response(response, false) else { return };
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let _ = stream.send_data(message, false).and_then(|()| stream.send_trailers(trailers));
}

fn send_only_headers(respond: &mut SendResponse<Bytes>, headers: HeaderMap) {
    let mut response = Response::new(());
    *response.headers_mut() = headers;
    let _ = respond.send_response(response, true);
}
