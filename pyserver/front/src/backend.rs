//! The connection to the server behind the door.

use crate::settings::Limits;
use bytes::Bytes;
use h2::client::SendRequest;
use std::{io, path::PathBuf, time::Duration};
use tokio::{net::UnixStream, sync::Mutex, time::timeout};

const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// One HTTP/2 connection over a Unix socket, made when it is first needed and made anew when it is lost.
pub(crate) struct Backend {
    socket: PathBuf,
    header_bytes_max: u32,
    connection: Mutex<Option<SendRequest<Bytes>>>,
}

impl Backend {
    pub fn new(socket: PathBuf, limits: &Limits) -> Self {
        Self { socket, header_bytes_max: limits.header_bytes_max, connection: Mutex::default() }
    }

    /// Ready to take one request.
    pub async fn ready(&self) -> io::Result<SendRequest<Bytes>> {
        let mut connection = self.connection.lock().await;
        if let Some(known) = connection.take() {
            if let Ok(ready) = known.ready().await {
                *connection = Some(ready.clone());
                return Ok(ready);
            }
        }
        let fresh = timeout(PATIENCE, self.connect()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        *connection = Some(fresh.clone());
        drop(connection);
        fresh.ready().await.map_err(io::Error::other)
    }

    async fn connect(&self) -> io::Result<SendRequest<Bytes>> {
        let socket = UnixStream::connect(&self.socket).await?;
        let (sender, connection) = h2::client::Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(self.header_bytes_max)
            .enable_push(false)
            .handshake(socket)
            .await
            .map_err(io::Error::other)?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }
}
