//! Calls that are not hot go byte by byte to the server behind the door: headers, bodies, trailers, resets, in both directions.

use crate::{
    door::Door,
    head,
    inbox::Peer,
    room::Seat,
    status::{percent_decoded, percent_encoded, Refusal},
};
use bytes::Bytes;
use h2::{client, server::SendResponse, Reason, RecvStream, SendStream};
use http::{header::HOST, uri::Uri, HeaderMap, HeaderName, HeaderValue, Request, Response, Version};
use std::{
    cell::Cell,
    future::{pending, poll_fn, Future},
    rc::Rc,
    sync::{atomic::Ordering::Relaxed, Arc},
    time::{Duration, Instant},
};

/// Prefix of the headers by which the door tells the server behind it who calls; nobody else may set one.
const OWN_PREFIX: &str = "croupier-";
const PEER: HeaderName = HeaderName::from_static("croupier-peer");
const CERTIFICATE: HeaderName = HeaderName::from_static("croupier-certificate");

/// How much longer than its caller the server behind the door may take.
const SLACK: Duration = Duration::from_secs(1);

/// Which end broke, and how.
enum Broken {
    Source(h2::Error),
    Sink,
}

/// Forwards one call to its end.
pub(crate) async fn forward(door: Rc<Door>, peer: Arc<Peer>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let _seat = Seat::taken(&door);
    door.counts.forwarded.fetch_add(1, Relaxed);
    if let Err(refusal) = exchange(&door, &peer, request, &mut respond).await {
        door.reject(refusal, &mut respond);
    }
    door.counts.forwarded.fetch_sub(1, Relaxed);
}

/// An error is told to the caller, so it can be one only before the answer's headers have gone.
async fn exchange(door: &Door, peer: &Peer, request: Request<RecvStream>, respond: &mut SendResponse<Bytes>) -> Result<(), Refusal> {
    let timeout = head::timeout(request.headers()).unwrap_or_default();
    let (request, body) = readdressed(request, peer)?;
    let mut backend = door.backend.ready().await.map_err(|_| Refusal::BackendUnavailable)?;
    let ends_at_once = body.is_end_stream();
    let (response, upload) = backend.send_request(request, ends_at_once).map_err(|_| Refusal::BackendUnavailable)?;
    let settled = Cell::new(ends_at_once);
    let upward = async {
        if !ends_at_once {
            match pump(body, upload).await {
                // The caller has gone: dropping the rest resets the call behind the door.
                Err(Broken::Source(_)) => return,
                // The server wants no more of the body, or is gone; which, its answer tells.
                Ok(()) | Err(Broken::Sink) => settled.set(true),
            }
        }
        pending::<()>().await;
    };
    tokio::select! {
        result = download(response, respond, &settled, overdue(timeout)) => result,
        () = upward => Ok(()),
        () = stalled(&settled, door.limits.body) => Err(Refusal::DeadlineExceeded),
    }
}

/// A body that has not come after a while, for a call that has not begun to be answered either: it would keep its seat for ever, and nobody has
/// asked yet for credentials. Streams in which both sides talk are settled by the first answer.
async fn stalled(settled: &Cell<bool>, patience: Duration) {
    tokio::time::sleep(patience).await;
    if settled.get() {
        pending::<()>().await;
    }
}

/// The server behind the door keeps deadlines itself; this is for the case that it hangs.
async fn overdue(timeout: Option<Duration>) {
    match timeout.and_then(|timeout| Instant::now().checked_add(timeout + SLACK)) {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => pending().await,
    }
}

async fn download(
    response: client::ResponseFuture,
    respond: &mut SendResponse<Bytes>,
    settled: &Cell<bool>,
    overdue: impl Future<Output = ()>,
) -> Result<(), Refusal> {
    tokio::pin!(overdue);
    let response = tokio::select! {
        response = response => response,
        () = &mut overdue => return Err(Refusal::DeadlineExceeded),
        _ = poll_fn(|context| respond.poll_reset(context)) => return Ok(()),
    };
    settled.set(true);
    let (mut head, body) = match response {
        Ok(response) => response.into_parts(),
        Err(error) => return pass_on(&error, respond),
    };
    head.version = Version::HTTP_2;
    let ends_at_once = body.is_end_stream();
    let Ok(mut answer) = respond.send_response(Response::from_parts(head, ()), ends_at_once) else { return Ok(()) };
    if ends_at_once {
        return Ok(());
    }
    let pumped = tokio::select! {
        pumped = pump_until_reset(body, &mut answer) => pumped,
        () = &mut overdue => {
            answer.send_reset(Reason::CANCEL);
            return Ok(());
        }
    };
    if let Err(Broken::Source(error)) = pumped {
        answer.send_reset(reason(&error));
    }
    Ok(())
}

/// The server behind the door has reset the call, or is lost, before it answered.
fn pass_on(error: &h2::Error, respond: &mut SendResponse<Bytes>) -> Result<(), Refusal> {
    if error.is_reset() && error.is_remote() {
        respond.send_reset(reason(error));
        return Ok(());
    }
    Err(Refusal::BackendUnavailable)
}

fn reason(error: &h2::Error) -> Reason {
    error.reason().filter(|_| error.is_reset()).unwrap_or(Reason::INTERNAL_ERROR)
}

async fn pump(from: RecvStream, mut to: SendStream<Bytes>) -> Result<(), Broken> {
    pump_until_reset(from, &mut to).await
}

/// Moves a body and its trailers; no more of it is taken in than has been let out.
async fn pump_until_reset(mut from: RecvStream, to: &mut SendStream<Bytes>) -> Result<(), Broken> {
    loop {
        let chunk = tokio::select! {
            chunk = from.data() => chunk,
            _ = poll_fn(|context| to.poll_reset(context)) => return Err(Broken::Sink),
        };
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(Broken::Source)?;
        let length = chunk.len();
        let is_last = from.is_end_stream();
        send(chunk, is_last, to).await?;
        if is_last {
            return Ok(());
        }
        from.flow_control().release_capacity(length).map_err(Broken::Source)?;
    }
    match from.trailers().await.map_err(Broken::Source)? {
        Some(trailers) => to.send_trailers(trailers).map_err(|_| Broken::Sink),
        None => to.send_data(Bytes::new(), true).map_err(|_| Broken::Sink),
    }
}

async fn send(mut chunk: Bytes, is_last: bool, to: &mut SendStream<Bytes>) -> Result<(), Broken> {
    loop {
        to.reserve_capacity(chunk.len());
        while to.capacity() == 0 && !chunk.is_empty() {
            let Some(Ok(_)) = poll_fn(|context| to.poll_capacity(context)).await else { return Err(Broken::Sink) };
        }
        let part = chunk.split_to(to.capacity().min(chunk.len()));
        to.send_data(part, is_last && chunk.is_empty()).map_err(|_| Broken::Sink)?;
        if chunk.is_empty() {
            return Ok(());
        }
    }
}

/// The same request for the server behind the door, with the caller's identity as the door knows it.
fn readdressed(request: Request<RecvStream>, peer: &Peer) -> Result<(Request<()>, RecvStream), Refusal> {
    let (head, body) = request.into_parts();
    let authority = head.uri.authority().map_or("localhost", |authority| authority.as_str());
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme("http").authority(authority).path_and_query(path).build().map_err(|_| Refusal::Malformed)?;
    let mut forwarded = Request::new(());
    *forwarded.method_mut() = head.method;
    *forwarded.uri_mut() = uri;
    *forwarded.version_mut() = Version::HTTP_2;
    *forwarded.headers_mut() = head.headers;
    identify(forwarded.headers_mut(), peer);
    Ok((forwarded, body))
}

/// Who calls, as another door of the same node has told.
pub(crate) fn told_peer(headers: &HeaderMap) -> Peer {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Peer { address: text(&PEER).to_owned(), certificate: percent_decoded(text(&CERTIFICATE)) }
}

fn identify(headers: &mut HeaderMap, peer: &Peer) {
    let forged: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OWN_PREFIX)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
    headers.remove(HOST);
    headers.insert(PEER, HeaderValue::try_from(&peer.address).expect("an address is ASCII"));
    if !peer.certificate.is_empty() {
        headers.insert(CERTIFICATE, HeaderValue::try_from(percent_encoded(&peer.certificate)).expect("it is ASCII"));
    }
}
