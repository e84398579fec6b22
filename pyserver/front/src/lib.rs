//! The front door of a Croupier server: HTTP/2 and gRPC without Python.
//!
//! A few hot methods wait in an [`Inbox`] for the owner thread, which takes everything that is queued and answers in batches; every other
//! call is forwarded byte by byte to the server behind the door, over a Unix socket. The door's own thread never takes Python's lock.
//!
//! - `thread`: class [`FrontDoor`]: bind, start, drain, stop.
//! - `listener`: where connections come in.
//! - `connection`: one connection: its calls, pings, age.
//! - `head`: what the headers of a call say.
//! - `hot`, `stream`: the way of a hot call, unary or one message of a stream, to the queue.
//! - `frame`: messages with their prefix.
//! - `inbox`: the queue between the two threads.
//! - `calls`, `door`: calls that wait for an answer; answering, refusing, forgetting them.
//! - `tls`, `x509`: TLS, and the name in a caller's certificate.
//! - `room`: what open calls take of the door.
//! - `proxy`, `backend`: everything else.
//! - `settings`, `status`, `counts`: what the door is told, says and counts.

mod backend;
mod calls;
mod connection;
pub mod counts;
mod door;
mod frame;
mod gather;
mod head;
mod hot;
mod inbox;
mod listener;
mod proxy;
mod room;
mod settings;
pub mod status;
mod stream;
mod thread;
mod tls;
mod x509;

pub use inbox::{Call, Inbox, Outcome, Peer, Ticket};
pub use settings::{Limits, Method, Settings};
pub use thread::FrontDoor;
pub use tls::Tls;
