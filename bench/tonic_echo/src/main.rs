//! A bare tonic server on one thread: every request is decoded, every answer encoded with the messages of croupier.v1, and nothing else happens.
//!
//! `croupier_tonic_echo HOST:PORT FILE`, where FILE holds an encoded `PlayResponse`.

/// The messages of croupier.v1.
#[allow(dead_code, missing_docs, clippy::all, clippy::pedantic, reason = "generated from proto/, which also has what an echo does not use")]
mod pb {
    include!(concat!(env!("OUT_DIR"), "/croupier.v1.rs"));
}

/// The service of three methods.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
mod service {
    include!(concat!(env!("OUT_DIR"), "/croupier.v1.RoundService.rs"));
}

use pb::play_result::Result as Outcome;
use pb::{PlayBatchRequest, PlayBatchResponse, PlayRequest, PlayResponse, PlayResult, PlayStreamRequest, PlayStreamResponse};
use prost::Message;
use service::round_service_server::{RoundService, RoundServiceServer};
use std::error::Error;
use std::pin::Pin;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

/// Answers that never change.
struct Echo {
    answer: PlayResponse,
}

impl Echo {
    fn result(&self) -> PlayResult {
        PlayResult { result: self.answer.round.clone().map(Outcome::Round) }
    }
}

#[tonic::async_trait]
impl RoundService for Echo {
    type PlayStreamStream = Pin<Box<dyn Stream<Item = Result<PlayStreamResponse, Status>> + Send>>;

    async fn play(&self, _request: Request<PlayRequest>) -> Result<Response<PlayResponse>, Status> {
        Ok(Response::new(self.answer.clone()))
    }

    async fn play_batch(&self, request: Request<PlayBatchRequest>) -> Result<Response<PlayBatchResponse>, Status> {
        let results = request.get_ref().plays.iter().map(|_| self.result()).collect();
        Ok(Response::new(PlayBatchResponse { results }))
    }

    async fn play_stream(&self, request: Request<Streaming<PlayStreamRequest>>) -> Result<Response<Self::PlayStreamStream>, Status> {
        let result = self.result();
        let answers = request.into_inner().map(move |asked| asked.map(|_| PlayStreamResponse { result: Some(result.clone()) }));
        Ok(Response::new(Box::pin(answers)))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, listen, file] = arguments.as_slice() else { return Err("usage: croupier_tonic_echo HOST:PORT FILE".into()) };
    let answer = PlayResponse::decode(std::fs::read(file)?.as_slice())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(listen, Echo { answer }))
}

async fn serve(listen: &str, echo: Echo) -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let service = RoundServiceServer::new(echo);
    let accepted = TcpListenerStream::new(listener).map(|socket| socket.and_then(|socket| socket.set_nodelay(true).map(|()| socket)));
    tonic::transport::Server::builder().add_service(service).serve_with_incoming(accepted).await?;
    Ok(())
}
