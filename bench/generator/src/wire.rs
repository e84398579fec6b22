//! gRPC on one HTTP/2 connection: as little as it takes, so that the generator costs a few microseconds a call.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Uri};
use prost::Message;
use std::future::poll_fn;

const PREFIX_BYTES: usize = 5;
/// Windows so large that flow control never holds an answer up.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 24;
const STREAM_WINDOW_BYTES: u32 = 1 << 22;

/// One connection; clones share it.
#[derive(Clone)]
pub struct Connection {
    sender: SendRequest<Bytes>,
    /// What all requests have in common; each has a path besides.
    head: Request<()>,
}

/// The answers on one stream.
pub struct Answers {
    body: RecvStream,
    received: BytesMut,
}

impl Connection {
    /// Connects to `address`.
    pub async fn open(address: &str, authorization: &str) -> Result<Self, String> {
        let socket = tokio::net::TcpStream::connect(address).await.map_err(|e| format!("{address}: {e}"))?;
        socket.set_nodelay(true).map_err(|e| e.to_string())?;
        let mut builder = h2::client::Builder::new();
        builder.initial_connection_window_size(CONNECTION_WINDOW_BYTES).initial_window_size(STREAM_WINDOW_BYTES);
        let (sender, connection) = builder.handshake(socket).await.map_err(|e| e.to_string())?;
        tokio::task::spawn_local(async move {
            // A connection that breaks shows as an error of each call on it.
            let _ = connection.await;
        });
        let head = Request::post("http://croupier/")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "20S")
            .header("authorization", authorization)
            .body(())
            .map_err(|e| e.to_string())?;
        Ok(Self { sender, head })
    }

    /// One request, one answer.
    pub async fn unary(&mut self, path: &Uri, request: &impl Message) -> Result<Bytes, String> {
        let (response, mut sender) = self.start(path).await?;
        sender.send_data(frame(request), true).map_err(|e| e.to_string())?;
        let mut answers = Answers::of(response).await?;
        let answer = answers.next().await?.ok_or("no answer")?;
        match answers.next().await? {
            None => Ok(answer),
            Some(_) => Err("more than one answer".into()),
        }
    }

    /// A stream: send with `send`, then turn the future into `Answers`.
    pub async fn start(&mut self, path: &Uri) -> Result<(ResponseFuture, SendStream<Bytes>), String> {
        let mut request = self.head.clone();
        request.uri_mut().clone_from(path);
        poll_fn(|context| self.sender.poll_ready(context)).await.map_err(|e| e.to_string())?;
        self.sender.send_request(request, false).map_err(|e| e.to_string())
    }
}

/// Sends one more message of a stream.
pub fn send(sender: &mut SendStream<Bytes>, request: &impl Message) -> Result<(), String> {
    sender.send_data(frame(request), false).map_err(|e| e.to_string())
}

impl Answers {
    /// Waits for the head of the response. A gRPC server sends it with its first answer.
    pub async fn of(response: ResponseFuture) -> Result<Self, String> {
        let response = response.await.map_err(|e| e.to_string())?;
        if response.status() != 200 {
            return Err(format!("HTTP {}", response.status()));
        }
        if response.headers().contains_key("grpc-status") {
            check_status(response.headers())?;
        }
        Ok(Self { body: response.into_body(), received: BytesMut::new() })
    }

    /// The next message; None after the trailers said OK.
    pub async fn next(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            if let Some(message) = self.take() {
                return Ok(Some(message));
            }
            let Some(data) = self.body.data().await else { break };
            let data = data.map_err(|e| e.to_string())?;
            self.body.flow_control().release_capacity(data.len()).map_err(|e| e.to_string())?;
            self.received.extend_from_slice(&data);
        }
        if !self.received.is_empty() {
            return Err("the stream ended inside a message".into());
        }
        let trailers = self.body.trailers().await.map_err(|e| e.to_string())?;
        check_status(&trailers.ok_or("no trailers")?).map(|()| None)
    }

    fn take(&mut self) -> Option<Bytes> {
        let prefix = self.received.get(..PREFIX_BYTES)?;
        let length = usize::try_from(u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]])).ok()?;
        if self.received.len() < PREFIX_BYTES + length {
            return None;
        }
        self.received.advance(PREFIX_BYTES);
        Some(self.received.split_to(length).freeze())
    }
}

fn check_status(headers: &HeaderMap) -> Result<(), String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    match text("grpc-status") {
        "0" => Ok(()),
        status => Err(format!("status {status}: {}", text("grpc-message"))),
    }
}

fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + length);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode_raw(&mut framed);
    framed.freeze()
}
