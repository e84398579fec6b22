//! A hot stream: each message is a call of its own, and the answers go out in the order of the messages.

use crate::{
    door::{Door, Phase, Reply},
    frame::{Encoding, Reader},
    hot::Head,
    inbox::{Call, Outcome, Ticket},
    room::{Room, Seat},
    status::{Refusal, Status},
};
use bytes::{Bytes, BytesMut};
use h2::{server::SendResponse, RecvStream, SendStream};
use http::{header::CONTENT_TYPE, HeaderMap, HeaderValue, Response};
use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{ready, Context, Poll, Waker},
    time::Instant,
};

const FRAME_BYTES: usize = 16 << 10;

/// Whether the owner lets the stream go on.
enum Opening {
    Asked(Ticket),
    Granted,
    Refused(Status),
}

/// The calls of one stream that its caller has no answer to, oldest first.
pub(crate) struct Lane {
    opening: RefCell<Opening>,
    waiting: RefCell<VecDeque<(Ticket, Option<Outcome>)>>,
    waker: RefCell<Option<Waker>>,
}

impl Lane {
    /// Takes the outcome of one of its calls.
    pub fn finish(&self, ticket: Ticket, outcome: Outcome) {
        if matches!(*self.opening.borrow(), Opening::Asked(asked) if asked == ticket) {
            *self.opening.borrow_mut() = match outcome {
                Outcome::Status(status) => Opening::Refused(status),
                Outcome::Message(_) | Outcome::Dropped => Opening::Granted,
            };
        } else if let Some(entry) = self.waiting.borrow_mut().iter_mut().find(|(waiting, _)| *waiting == ticket) {
            entry.1 = Some(outcome);
        }
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Messages at the front, up to a frame's worth at once, since many small frames cost a caller more than a few larger ones; and what
    /// ends the stream behind them, if that is decided too.
    fn take_decided(&self) -> (Bytes, Option<Outcome>) {
        let mut waiting = self.waiting.borrow_mut();
        let mut messages = BytesMut::new();
        while messages.len() < FRAME_BYTES && is_decided(waiting.front()) {
            match waiting.pop_front().and_then(|(_, outcome)| outcome) {
                // The only one, as it mostly is where a caller waits for each, is not copied.
                Some(Outcome::Message(message)) if messages.is_empty() && !is_decided(waiting.front()) => return (message, None),
                Some(Outcome::Message(message)) => messages.extend_from_slice(&message),
                end => return (messages.freeze(), end),
            }
        }
        (messages.freeze(), None)
    }

    fn front_is_decided(&self) -> bool {
        is_decided(self.waiting.borrow().front())
    }
}

fn is_decided(entry: Option<&(Ticket, Option<Outcome>)>) -> bool {
    entry.is_some_and(|(_, outcome)| outcome.is_some())
}

struct Streaming {
    door: Rc<Door>,
    head: Head,
    lane: Rc<Lane>,
    reader: Reader,
    /// A message for which there was no room.
    unqueued: Option<Bytes>,
    room: Room,
    body: RecvStream,
    answers: SendStream<Bytes>,
    body_ended: bool,
    _seat: Seat,
}

/// How a stream ends.
enum End {
    Status(Status),
    Ok,
    /// Nobody is there to be told.
    Gone,
}

/// Serves one stream to its end.
pub(crate) async fn serve(room: Room, head: Head, encoding: Encoding, body: RecvStream, mut respond: SendResponse<Bytes>) {
    let door = Rc::clone(room.door());
    let mut response = Response::new(());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let Ok(answers) = respond.send_response(response, false) else { return };
    let lane = Rc::new(Lane { opening: RefCell::new(Opening::Granted), waiting: RefCell::default(), waker: RefCell::default() });
    let reader = Reader::new(door.limits.message_bytes_max, encoding);
    let seat = Seat::taken(&door);
    let deadline = head.deadline;
    ask_to_open(&door, &head, &lane);
    let (unqueued, body_ended) = (None, false);
    let mut streaming = Streaming { door: Rc::clone(&door), head, lane, reader, unqueued, room, body, answers, body_ended, _seat: seat };
    let key = poll_fn(|context| Poll::Ready(door.phase_watchers.borrow_mut().insert(context.waker().clone()))).await;
    let end = tokio::select! {
        end = poll_fn(|context| streaming.poll_end(context)) => end,
        () = sleep_until(deadline) => End::Status(streaming.refused(Refusal::DeadlineExceeded)),
    };
    door.phase_watchers.borrow_mut().remove(key);
    streaming.finish(end);
}

/// Asks the owner whether the stream may be opened at all, so that it is refused even if no message ever comes. Where no call has room, its
/// messages are refused instead, or ask for themselves.
fn ask_to_open(door: &Door, head: &Head, lane: &Rc<Lane>) {
    if door.has_room(head.method, 0) {
        let call = Call { is_opening: true, ..head.call(Bytes::new()) };
        *lane.opening.borrow_mut() = Opening::Asked(door.queue(Reply::Lane(Rc::clone(lane)), head.started, call));
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

impl Streaming {
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        self.lane.waker.borrow_mut().get_or_insert_with(|| context.waker().clone());
        if self.answers.poll_reset(context).is_ready() {
            return Poll::Ready(End::Gone);
        }
        loop {
            if let Opening::Refused(status) = &*self.lane.opening.borrow() {
                return Poll::Ready(End::Status(status.clone()));
            }
            if let Some(end) = self.send_decided(context) {
                return Poll::Ready(end);
            }
            let is_granted = matches!(*self.lane.opening.borrow(), Opening::Granted);
            let is_empty = is_granted && self.lane.waiting.borrow().is_empty();
            let is_draining = self.door.phase.get() != Phase::Serving;
            if is_empty && self.body_ended {
                return Poll::Ready(End::Ok);
            }
            if is_empty && is_draining {
                return Poll::Ready(End::Status(self.refused(Refusal::Draining)));
            }
            if self.body_ended || is_draining || self.lane.waiting.borrow().len() >= self.door.limits.stream_waiting_max {
                return Poll::Pending;
            }
            if let Err(end) = ready!(self.poll_read(context)) {
                return Poll::Ready(end);
            }
        }
    }

    /// Sends the answers at the front as far as the caller's window lets it; Some if one of them ends the stream.
    fn send_decided(&mut self, context: &mut Context<'_>) -> Option<End> {
        while self.lane.front_is_decided() {
            self.answers.reserve_capacity(1);
            if self.answers.capacity() == 0 {
                match self.answers.poll_capacity(context) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(_) => return Some(End::Gone),
                    Poll::Pending => return None,
                }
            }
            let (messages, end) = self.lane.take_decided();
            if !messages.is_empty() && self.answers.send_data(messages, false).is_err() {
                return Some(End::Gone);
            }
            match end {
                None => {}
                Some(Outcome::Status(status)) => return Some(End::Status(status)),
                Some(_) => return Some(End::Status(self.refused(Refusal::DeadlineExceeded))),
            }
        }
        None
    }

    /// Reads and queues one message, or finds the body's end.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        loop {
            let message = match self.unqueued.take() {
                Some(message) => Ok(Some(message)),
                None => self.reader.next_message(),
            };
            match message {
                Err(refusal) => return Poll::Ready(Err(End::Status(self.refused(refusal)))),
                Ok(Some(message)) => return self.queue(message),
                Ok(None) => {}
            }
            if let Err(refusal) = self.room.become_for(self.reader.announced()) {
                return Poll::Ready(Err(End::Status(self.refused(refusal))));
            }
            match ready!(self.body.poll_data(context)) {
                Some(Ok(chunk)) => {
                    let _ = self.body.flow_control().release_capacity(chunk.len());
                    self.reader.push(chunk);
                }
                Some(Err(_)) => return Poll::Ready(Err(End::Gone)),
                None if self.reader.unfinished() > 0 => return Poll::Ready(Err(End::Status(self.refused(Refusal::Malformed)))),
                None => {
                    self.body_ended = true;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Queues one message, or has it refused in its place, or keeps it until there is room.
    fn queue(&mut self, message: Bytes) -> Poll<Result<(), End>> {
        let method = self.head.method;
        let overloaded = &self.door.routes[method].overloaded;
        if self.door.has_room(method, message.len()) {
            let ticket = self.door.queue(Reply::Lane(Rc::clone(&self.lane)), Instant::now(), self.head.call(message));
            self.lane.waiting.borrow_mut().push_back((ticket, None));
        } else if !overloaded.is_empty() {
            self.door.counts.refused(method, Refusal::Overloaded);
            self.lane.waiting.borrow_mut().push_back((Ticket::default(), Some(Outcome::Message(overloaded.clone()))));
        } else if self.lane.waiting.borrow().is_empty() {
            // With something of its own in the queue it is woken once that is answered; without, it would never be.
            return Poll::Ready(Err(End::Status(self.refused(Refusal::Overloaded))));
        } else {
            self.unqueued = Some(message);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn refused(&self, refusal: Refusal) -> Status {
        self.door.counts.refused(self.head.method, refusal);
        self.door.status(refusal).clone()
    }

    fn finish(mut self, end: End) {
        let mut open: Vec<_> = self.lane.waiting.borrow_mut().drain(..).map(|(ticket, _)| ticket).collect();
        if let Opening::Asked(ticket) = *self.lane.opening.borrow() {
            open.push(ticket);
        }
        self.door.abandon(open);
        let trailers = match end {
            End::Gone => return self.door.counts.cancelled(self.head.method),
            End::Status(status) => status.trailers(),
            End::Ok => HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]),
        };
        let _ = self.answers.send_trailers(trailers);
    }
}
