//! Closed loops: each caller sends its next call when the last one was answered, until the time is up.

use crate::pb::PlayRequest;
use crate::plan::{Method, Plan};
use crate::requests::Requests;
use crate::tally::Tally;
use crate::wire::{send, Answers, Connection};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

struct Shared {
    plan: Plan,
    requests: Requests,
    tally: Tally,
    end: Instant,
}

/// Runs the plan; fails only where no load could be made.
pub async fn run(plan: Plan) -> Result<Tally, String> {
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        connections.push(Connection::open(&plan.address, &plan.authorization).await?);
    }
    let requests = Requests::new(&plan)?;
    let end = Instant::now() + Duration::from_millis(plan.duration_ms);
    let shared = Rc::new(Shared { plan, requests, tally: Tally::start(), end });
    let callers: Vec<_> = (0..shared.plan.callers)
        .map(|number| tokio::task::spawn_local(caller(connections[number % connections.len()].clone(), Rc::clone(&shared))))
        .collect();
    for caller in callers {
        caller.await.map_err(|e| e.to_string())?;
    }
    Rc::into_inner(shared).map(|shared| shared.tally).ok_or_else(|| "a caller is still running".into())
}

async fn caller(mut connection: Connection, shared: Rc<Shared>) {
    while Instant::now() < shared.end {
        let done = match shared.plan.method {
            Method::Play => play(&mut connection, &shared).await,
            Method::PlayBatch => play_batch(&mut connection, &shared).await,
            Method::PlayStream => play_stream(&mut connection, &shared).await,
        };
        if let Err(what) = done {
            shared.tally.wrong(what);
            return;
        }
    }
}

async fn play(connection: &mut Connection, shared: &Shared) -> Result<(), String> {
    let request = shared.requests.play(shared.requests.session());
    let started = Instant::now();
    let answer = connection.unary(Method::Play.path(), &request).await?;
    let latency = started.elapsed();
    shared.requests.check_play(answer, &request)?;
    shared.tally.right(1, latency);
    Ok(())
}

async fn play_batch(connection: &mut Connection, shared: &Shared) -> Result<(), String> {
    let request = shared.requests.play_batch(shared.plan.batch);
    let started = Instant::now();
    let answer = connection.unary(Method::PlayBatch.path(), &request).await?;
    let latency = started.elapsed();
    shared.requests.check_batch(answer, &request)?;
    shared.tally.right(request.plays.len(), latency);
    Ok(())
}

/// One stream for the whole run: the window is filled, then each answer makes room for one more play.
async fn play_stream(connection: &mut Connection, shared: &Shared) -> Result<(), String> {
    let session = shared.requests.session();
    let mut waiting: VecDeque<(Instant, PlayRequest)> = VecDeque::with_capacity(shared.plan.window);
    let (response, mut sender) = connection.start(Method::PlayStream.path()).await?;
    let mut send_one = |waiting: &mut VecDeque<_>| {
        let request = shared.requests.play_stream(session);
        send(&mut sender, &request)?;
        waiting.push_back((Instant::now(), request.play.unwrap_or_default()));
        Ok::<(), String>(())
    };
    for _ in 0..shared.plan.window {
        send_one(&mut waiting)?;
    }
    let mut answers = Answers::of(response).await?;
    while let Some((started, asked)) = waiting.pop_front() {
        let answer = answers.next().await?.ok_or("the stream ended early")?;
        let latency = started.elapsed();
        shared.requests.check_stream(answer, &asked)?;
        shared.tally.right(1, latency);
        if Instant::now() < shared.end {
            send_one(&mut waiting)?;
        }
    }
    sender.send_data(bytes::Bytes::new(), true).map_err(|e| e.to_string())?;
    match answers.next().await? {
        None => Ok(()),
        Some(_) => Err("an answer that nobody asked for".into()),
    }
}
