//! Where connections come in: the port, and the Unix socket for other doors of the same node.

use crate::{
    connection::{self, Caller, Open},
    door::Door,
    inbox::Peer,
    settings::Settings,
    tls,
};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{self, SocketAddr, ToSocketAddrs},
    os::unix,
    path::Path,
    rc::Rc,
    sync::{atomic::Ordering::Relaxed, Arc},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::spawn_local,
    time::{sleep, timeout_at, Instant},
};
use tokio_rustls::TlsAcceptor;

const BACKLOG: i32 = 1_024;
/// How long nothing is accepted after accepting has failed, mostly because the process has no more files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Addresses that are taken already; nothing is accepted yet.
pub(crate) struct Listening {
    port: net::TcpListener,
    inner: Option<unix::net::UnixListener>,
}

impl Listening {
    pub fn bind(settings: &Settings) -> io::Result<Self> {
        let inner = settings.inner.as_deref().map(bind_inner).transpose()?;
        Ok(Self { port: bind_any(&settings.listen, settings.shares_port)?, inner })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.port.local_addr()
    }
}

fn bind_any(listen: &str, shares_port: bool) -> io::Result<net::TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "no such address");
    for address in listen.to_socket_addrs()? {
        match bind(address, shares_port) {
            Ok(listening) => return Ok(listening),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind(address: SocketAddr, shares_port: bool) -> io::Result<net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shares_port)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_inner(path: &Path) -> io::Result<unix::net::UnixListener> {
    let listening = unix::net::UnixListener::bind(path)?;
    listening.set_nonblocking(true)?;
    Ok(listening)
}

/// What accepts connections.
pub(crate) struct Listeners {
    port: TcpListener,
    acceptor: Option<TlsAcceptor>,
    inner: Option<UnixListener>,
}

impl Listeners {
    pub fn new(listening: Listening, acceptor: Option<TlsAcceptor>) -> io::Result<Self> {
        let inner = listening.inner.map(UnixListener::from_std).transpose()?;
        Ok(Self { port: TcpListener::from_std(listening.port)?, acceptor, inner })
    }

    /// Waits for one connection and begins to serve it.
    pub async fn welcome(&self, door: &Rc<Door>) {
        let accepted = tokio::select! {
            accepted = self.port.accept() => accepted.map(|(stream, address)| self.greet(door, stream, address)),
            accepted = accept_inner(self.inner.as_ref()) => accepted.map(|stream| greet_door(door, stream)),
        };
        if accepted.is_err() {
            sleep(ACCEPT_PAUSE).await;
        }
    }

    fn greet(&self, door: &Rc<Door>, stream: TcpStream, address: SocketAddr) {
        let Some((open, deadline)) = opened(door) else { return };
        // Small frames are not to wait for acknowledgements of earlier ones.
        let _ = stream.set_nodelay(true);
        let mut peer = Peer { address: address.to_string(), certificate: String::new() };
        let Some(acceptor) = &self.acceptor else {
            spawn_local(connection::establish(open, stream, Caller::Known(Arc::new(peer)), deadline));
            return;
        };
        let handshake = acceptor.accept(stream);
        spawn_local(async move {
            let handshake = timeout_at(deadline, Box::pin(handshake));
            if let Some(Ok(Ok(stream))) = open.door().while_serving(handshake).await {
                peer.certificate = tls::common_name(stream.get_ref().1);
                // A task of its own keeps nothing of the handshake.
                spawn_local(connection::establish(open, stream, Caller::Known(Arc::new(peer)), deadline));
            }
        });
    }
}

async fn accept_inner(inner: Option<&UnixListener>) -> io::Result<UnixStream> {
    match inner {
        Some(inner) => Ok(inner.accept().await?.0),
        None => std::future::pending().await,
    }
}

fn greet_door(door: &Rc<Door>, stream: UnixStream) {
    if let Some((open, deadline)) = opened(door) {
        spawn_local(connection::establish(open, stream, Caller::Door, deadline));
    }
}

/// A place for one more connection, and when its handshake must be done.
fn opened(door: &Rc<Door>) -> Option<(Open, Instant)> {
    if door.counts.connections.load(Relaxed) >= door.limits.connections_max {
        door.counts.connections_refused.fetch_add(1, Relaxed);
        return None;
    }
    Some((Open::new(Rc::clone(door)), Instant::now() + door.limits.handshake))
}
