//! The way of a hot call from its headers to the queue.

use crate::{
    door::{Door, Reply},
    frame::{Encoding, Reader},
    head,
    inbox::{Call, Peer, Ticket},
    proxy,
    room::{Room, Seat, Share},
    status::Refusal,
    stream,
};
use bytes::Bytes;
use h2::{server::SendResponse, RecvStream};
use http::{header::AUTHORIZATION, HeaderValue, Request, Response};
use std::{
    rc::Rc,
    sync::{atomic::Ordering::Relaxed, Arc},
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// What the headers of a hot call say.
pub(crate) struct Head {
    pub method: usize,
    pub started: Instant,
    pub deadline: Option<Instant>,
    pub deadline_ms: u64,
    pub authorization: Option<HeaderValue>,
    pub peer: Arc<Peer>,
}

impl Head {
    /// One message of it as a call; the door fills in the ticket.
    pub fn call(&self, message: Bytes) -> Call {
        Call {
            ticket: Ticket::default(),
            method: self.method,
            is_opening: false,
            message,
            started: self.started,
            deadline: self.deadline,
            deadline_ms: self.deadline_ms,
            authorization: self.authorization.clone(),
            peer: Arc::clone(&self.peer),
        }
    }
}

/// Begins any call: hot ones go to their queue, others are forwarded.
pub(crate) fn begin(door: &Rc<Door>, share: &Rc<Share>, peer: &Arc<Peer>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    if let Some(status) = head::not_grpc(request.method(), request.headers()) {
        let mut response = Response::new(());
        *response.status_mut() = status;
        let _ = respond.send_response(response, true);
        return;
    }
    let path = request.uri().path();
    let hot = door.routes.iter().position(|route| route.path == path);
    if door.is_full() {
        match hot {
            Some(method) => door.counts.refused(method, Refusal::Overloaded),
            None => _ = door.counts.forwarded_refused.fetch_add(1, Relaxed),
        }
        return door.reject(Refusal::Overloaded, &mut respond);
    }
    let Some(method) = hot else {
        tokio::task::spawn_local(proxy::forward(Rc::clone(door), Arc::clone(peer), request, respond));
        return;
    };
    match read_head(method, peer, &request) {
        Ok((head, encoding)) if door.routes[method].streamed => {
            tokio::task::spawn_local(stream::serve(
                Room::none(Rc::clone(door), Rc::clone(share)),
                head,
                encoding,
                request.into_body(),
                respond,
            ));
        }
        Ok((head, encoding)) => unary(Room::none(Rc::clone(door), Rc::clone(share)), head, encoding, request.into_body(), respond),
        Err(refusal) => door.refuse(method, refusal, &mut respond),
    }
}

fn read_head(method: usize, peer: &Arc<Peer>, request: &Request<RecvStream>) -> Result<(Head, Encoding), Refusal> {
    let headers = request.headers();
    let encoding = head::encoding(headers)?;
    let timeout = head::timeout(headers)?;
    let started = Instant::now();
    let head = Head {
        method,
        started,
        // A deadline beyond what the clock can tell is none.
        deadline: timeout.and_then(|timeout| started.checked_add(timeout)),
        deadline_ms: timeout.map_or(0, unix_ms_in),
        authorization: headers.get(AUTHORIZATION).cloned(),
        peer: Arc::clone(peer),
    };
    Ok((head, encoding))
}

/// The whole message mostly has come with its headers; then the call is queued at once, and no task is made for it.
fn unary(room: Room, head: Head, encoding: Encoding, mut body: RecvStream, mut respond: SendResponse<Bytes>) {
    let door = room.door();
    let mut reader = Reader::new(door.limits.message_bytes_max, encoding);
    match poll_message(&mut reader, &mut body, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(message)) => queue(door, &head, message, respond),
        Poll::Ready(Err(Broken::Refused(refusal))) => door.refuse(head.method, refusal, &mut respond),
        Poll::Ready(Err(Broken::Gone)) => door.counts.cancelled(head.method),
        Poll::Pending => {
            tokio::task::spawn_local(slow(room, head, reader, body, respond));
        }
    }
}

/// Waits for the rest of a message, but not for ever.
async fn slow(mut room: Room, head: Head, mut reader: Reader, mut body: RecvStream, mut respond: SendResponse<Bytes>) {
    let door = Rc::clone(room.door());
    let patience = head.started + door.limits.body;
    let until = head.deadline.map_or(patience, |deadline| deadline.min(patience));
    let _seat = Seat::taken(&door);
    let message = std::future::poll_fn(|context| {
        let message = poll_message(&mut reader, &mut body, context);
        match room.become_for(reader.announced()) {
            Err(refusal) if message.is_pending() => Poll::Ready(Err(Broken::Refused(refusal))),
            _ => message,
        }
    });
    let message = tokio::time::timeout_at(until.into(), message).await;
    drop(room);
    match message {
        Ok(Ok(message)) => queue(&door, &head, message, respond),
        Ok(Err(Broken::Refused(refusal))) => door.refuse(head.method, refusal, &mut respond),
        Ok(Err(Broken::Gone)) => door.counts.cancelled(head.method),
        Err(_) => door.refuse(head.method, Refusal::DeadlineExceeded, &mut respond),
    }
}

fn queue(door: &Door, head: &Head, message: Bytes, mut respond: SendResponse<Bytes>) {
    if !door.has_room(head.method, message.len()) {
        return door.refuse(head.method, Refusal::Overloaded, &mut respond);
    }
    door.queue(Reply::Unary(respond), head.started, head.call(message));
}

/// Why a body brings no message.
pub(crate) enum Broken {
    Refused(Refusal),
    /// The caller has reset the stream, or the connection is gone.
    Gone,
}

/// The one message of a unary call, once its body has ended.
fn poll_message(reader: &mut Reader, body: &mut RecvStream, context: &mut Context<'_>) -> Poll<Result<Bytes, Broken>> {
    loop {
        let chunk = match body.poll_data(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Broken::Gone)),
            Poll::Ready(Some(Ok(chunk))) => chunk,
            Poll::Ready(None) => return Poll::Ready(reader.only_message().map_err(Broken::Refused)),
        };
        let _ = body.flow_control().release_capacity(chunk.len());
        reader.push(chunk);
        if let Err(refusal) = reader.check_only() {
            return Poll::Ready(Err(Broken::Refused(refusal)));
        }
    }
}

fn unix_ms_in(timeout: Duration) -> u64 {
    let due = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(timeout);
    u64::try_from(due.as_millis()).unwrap_or(u64::MAX)
}
