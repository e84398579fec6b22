//! What a door is told when it is made.

use crate::{inbox::Inbox, status::Canned, tls::Tls};
use bytes::Bytes;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// A method that the owner thread answers.
pub struct Method {
    /// As in the request's path: "/croupier.v1.RoundService/Play".
    pub path: String,
    /// Each message of the request's stream is a call of its own, answered in order by a stream.
    pub streamed: bool,
    /// Where its calls wait.
    pub inbox: Arc<Inbox>,
    /// What one message of a stream is answered where too many calls wait; empty: the stream is not read on until there is room.
    pub overloaded: Bytes,
}

/// Bounds on what callers may ask of the door. Nothing is unbounded.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that are open at once; further ones are closed as they come.
    pub connections_max: usize,
    /// Calls and streams of every kind that are open at once, before further ones are refused.
    pub calls_max: usize,
    /// Calls that are open at once on one connection.
    pub streams_max: u32,
    /// Size of a message, compressed or not.
    pub message_bytes_max: usize,
    /// Bytes of all hot messages together that wait for an answer, or have begun to arrive, by their announced lengths.
    pub held_bytes_max: usize,
    /// Size of a call's headers, as HTTP/2 counts it: names, values, and 32 bytes each.
    pub header_bytes_max: u32,
    /// Answers of one stream that its caller has not taken, before no more of its messages are read.
    pub stream_waiting_max: usize,
    /// How long TLS and the HTTP/2 preface may take.
    pub handshake: Duration,
    /// How long the message of a unary call may take to arrive; of a forwarded call, its body, unless its answer has begun.
    pub body: Duration,
    /// How often the door asks whether the peer still is there.
    pub keepalive: Duration,
    /// How long the peer may take to say so.
    pub keepalive_timeout: Duration,
    /// After which age, give or take a tenth, a connection is asked to go.
    pub age: Option<Duration>,
    /// How long its calls may take to finish then.
    pub age_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            calls_max: 20_000,
            streams_max: 1_024,
            message_bytes_max: 1 << 20,
            held_bytes_max: 64 << 20,
            header_bytes_max: 16 << 10,
            stream_waiting_max: 256,
            handshake: Duration::from_secs(10),
            body: Duration::from_secs(20),
            keepalive: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            age: None,
            age_grace: Duration::from_secs(60),
        }
    }
}

/// Everything a door is told.
pub struct Settings {
    /// "host:port"; port 0 takes a free one.
    pub listen: String,
    /// Whether other processes may listen at the same port, each for a share of its connections.
    pub shares_port: bool,
    /// A Unix socket for other doors of the same node, whose word for who calls is taken.
    pub inner: Option<PathBuf>,
    /// The Unix socket of the server that answers every other method.
    pub backend: PathBuf,
    /// The hot methods.
    pub methods: Vec<Method>,
    /// TLS at the port; None for plain text.
    pub tls: Option<Tls>,
    /// Bounds.
    pub limits: Limits,
    /// What the door's own refusals say.
    pub canned: Canned,
    /// Upper bounds of the latency histogram's buckets, rising, in microseconds.
    pub latency_bounds_us: Vec<u64>,
}
