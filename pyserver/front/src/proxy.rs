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
    let settled = Cell::new(false);
    let upward = async {
        if !ends_at_once {
            match pump(body, upload, &settled).await {
                // The caller has gone: dropping the rest resets the call behind the door.
                Err(Broken::Source(_)) => return,
                // The server wants no more of the body, or is gone; which, its answer tells.
                Err(Broken::Sink) => settled.set(true),
                Ok(()) => {}
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

/// A body of which no whole message has come after a while, for a call that has not begun to be answered either: the server would wait for it, and the call
/// keep its seat, for ever, and nobody has asked yet for credentials. Streams without a message are settled by the first answer.
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
        pumped = pump_until_reset(body, &mut answer, |_| {}) => pumped,
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

async fn pump(from: RecvStream, mut to: SendStream<Bytes>, settled: &Cell<bool>) -> Result<(), Broken> {
    let mut first = FirstMessage::default();
    pump_until_reset(from, &mut to, |chunk| {
        if first.is_whole_with(chunk) {
            settled.set(true);
        }
    })
    .await
}

/// How much has come of a body's first message: five bytes, the last four of which are its length, and the message.
#[derive(Default)]
struct FirstMessage {
    prefix: [u8; 5],
    seen: usize,
}

impl FirstMessage {
    fn is_whole_with(&mut self, chunk: &[u8]) -> bool {
        for (place, byte) in self.prefix.iter_mut().skip(self.seen).zip(chunk) {
            *place = *byte;
        }
        self.seen = self.seen.saturating_add(chunk.len());
        let [_, length @ ..] = self.prefix;
        self.seen >= self.prefix.len() && self.seen - self.prefix.len() >= u32::from_be_bytes(length) as usize
    }
}

/// Moves a body and its trailers; no more of it is taken in than has been let out.
async fn pump_until_reset(mut from: RecvStream, to: &mut SendStream<Bytes>, mut watch: impl FnMut(&[u8])) -> Result<(), Broken> {
    loop {
        let chunk = tokio::select! {
            chunk = from.data() => chunk,
            _ = poll_fn(|context| to.poll_reset(context)) => return Err(Broken::Sink),
        };
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(Broken::Source)?;
        watch(&chunk);
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

#[cfg(test)]
mod tests {
    use super::FirstMessage;
    use proptest::prelude::*;

    proptest! {
        /// However a body is cut into chunks, its first message is whole exactly when its last byte has come.
        #[test]
        fn the_first_message_is_whole_with_its_last_byte(message in proptest::collection::vec(any::<u8>(), 0..40), rest in 0_usize..9, cut in 1_usize..9) {
            let mut body = vec![0];
            body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            body.extend(&message);
            let whole = body.len();
            body.extend(vec![7; rest]);
            let (mut first, mut seen) = (FirstMessage::default(), 0);
            for chunk in body.chunks(cut) {
                seen += chunk.len();
                prop_assert_eq!(first.is_whole_with(chunk), seen >= whole);
            }
        }
    }
}
