//! Closed loops: each caller sends its next call when the last one was answered, until the time is up.

use crate::pb::{GetRoundRequest, GetWalletRequest, PlayRequest};
use crate::plan::{Method, Plan};
use crate::requests::Requests;
use crate::tally::Tally;
use crate::wire::{send, Answers, Connection};
use http::Uri;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

struct Shared {
    plan: Plan,
    requests: Requests,
    paths: Paths,
    tally: Tally,
    end: Instant,
}

/// The HTTP/2 paths, read once.
struct Paths {
    play: Uri,
    play_batch: Uri,
    play_stream: Uri,
    get_round: Uri,
    get_wallet: Uri,
}

impl Paths {
    fn new() -> Self {
        let path = |method: &'static str| Uri::from_static(method);
        Self {
            play: path("http://croupier/croupier.v1.RoundService/Play"),
            play_batch: path("http://croupier/croupier.v1.RoundService/PlayBatch"),
            play_stream: path("http://croupier/croupier.v1.RoundService/PlayStream"),
            get_round: path("http://croupier/croupier.v1.RoundService/GetRound"),
            get_wallet: path("http://croupier/croupier.v1.WalletService/GetWallet"),
        }
    }
}

/// One closed loop's place in the load.
struct Caller {
    connection: Connection,
    shared: Rc<Shared>,
    calls: usize,
    /// The round that it played last.
    round: String,
}

/// Runs the plan; fails only where no load could be made.
pub async fn run(plan: Plan) -> Result<Tally, String> {
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        connections.push(Connection::open(&plan.address, &plan.authorization).await?);
    }
    let shared = Rc::new(Shared::new(plan)?);
    let callers: Vec<_> = (0..shared.plan.callers)
        .map(|number| Caller::new(connections[number % connections.len()].clone(), Rc::clone(&shared)))
        .map(|caller| tokio::task::spawn_local(caller.run()))
        .collect();
    for caller in callers {
        caller.await.map_err(|e| e.to_string())?;
    }
    Rc::into_inner(shared).map(|shared| shared.tally).ok_or_else(|| "a caller is still running".into())
}

/// Opens every connection of the plan, reads a wallet on each, says so, and keeps them for the plan's duration.
pub async fn idle(plan: Plan) -> Result<(), String> {
    let shared = Rc::new(Shared::new(plan)?);
    let callers = shared.plan.callers;
    let openers: Vec<_> = (0..callers).map(|number| tokio::task::spawn_local(open(number, Rc::clone(&shared)))).collect();
    let mut held = Vec::with_capacity(shared.plan.connections);
    for opener in openers {
        held.extend(opener.await.map_err(|e| e.to_string())??);
    }
    println!("{} connections are open", held.len());
    tokio::time::sleep(Duration::from_millis(shared.plan.duration_ms)).await;
    Ok(())
}

/// Every connection whose turn it is for the opener of that number, after a read on it. A play would make the store's caches grow besides.
async fn open(number: usize, shared: Rc<Shared>) -> Result<Vec<Connection>, String> {
    let mut opened = Vec::new();
    for _ in (number..shared.plan.connections).step_by(shared.plan.callers) {
        let connection = Connection::open(&shared.plan.address, &shared.plan.authorization).await?;
        let mut caller = Caller::new(connection, Rc::clone(&shared));
        caller.get_wallet(&shared).await?;
        opened.push(caller.connection);
    }
    Ok(opened)
}

impl Shared {
    /// The clock starts now.
    fn new(plan: Plan) -> Result<Self, String> {
        let end = Instant::now() + Duration::from_millis(plan.duration_ms);
        Ok(Self { requests: Requests::new(&plan)?, plan, paths: Paths::new(), tally: Tally::start(), end })
    }
}

impl Caller {
    fn new(connection: Connection, shared: Rc<Shared>) -> Self {
        Self { connection, shared, calls: 0, round: String::new() }
    }

    async fn run(mut self) {
        let shared = Rc::clone(&self.shared);
        while Instant::now() < shared.end {
            let done = match shared.plan.method {
                Method::Play | Method::Idle => self.play(&shared).await,
                Method::PlayBatch => self.play_batch(&shared).await,
                Method::PlayStream => self.play_stream(&shared).await,
                Method::GetRound if self.round.is_empty() => self.play(&shared).await,
                Method::GetRound => self.get_round(&shared).await,
                Method::GetWallet => self.get_wallet(&shared).await,
                Method::Mix => self.mix(&shared).await,
            };
            if let Err(what) = done {
                shared.tally.wrong(what);
                return;
            }
        }
    }

    async fn mix(&mut self, shared: &Shared) -> Result<(), String> {
        self.calls += 1;
        match self.calls % 10 {
            3 | 7 => self.get_wallet(shared).await,
            0 => self.get_round(shared).await,
            _ => self.play(shared).await,
        }
    }

    async fn play(&mut self, shared: &Shared) -> Result<(), String> {
        let request = shared.requests.play(shared.requests.session());
        let started = Instant::now();
        let answer = self.connection.unary(&shared.paths.play, &request).await?;
        let latency = started.elapsed();
        self.round = shared.requests.check_play(answer, &request)?;
        shared.tally.right(1, latency);
        Ok(())
    }

    async fn get_round(&mut self, shared: &Shared) -> Result<(), String> {
        let request = GetRoundRequest { name: self.round.clone() };
        let started = Instant::now();
        let answer = self.connection.unary(&shared.paths.get_round, &request).await?;
        let latency = started.elapsed();
        Requests::check_get_round(answer, &request.name)?;
        shared.tally.right(1, latency);
        Ok(())
    }

    async fn get_wallet(&mut self, shared: &Shared) -> Result<(), String> {
        let (wallet, _) = shared.requests.session().split_once("/sessions/").ok_or("a session's name without its wallet's")?;
        let request = GetWalletRequest { name: wallet.to_owned() };
        let started = Instant::now();
        let answer = self.connection.unary(&shared.paths.get_wallet, &request).await?;
        let latency = started.elapsed();
        Requests::check_get_wallet(answer, &request.name)?;
        shared.tally.right(1, latency);
        Ok(())
    }

    async fn play_batch(&mut self, shared: &Shared) -> Result<(), String> {
        let request = shared.requests.play_batch(shared.plan.batch);
        let started = Instant::now();
        let answer = self.connection.unary(&shared.paths.play_batch, &request).await?;
        let latency = started.elapsed();
        shared.requests.check_batch(answer, &request)?;
        shared.tally.right(request.plays.len(), latency);
        Ok(())
    }

    /// One stream for the whole run: the window is filled, then each answer makes room for one more play.
    async fn play_stream(&mut self, shared: &Shared) -> Result<(), String> {
        let session = shared.requests.session();
        let mut waiting: VecDeque<(Instant, PlayRequest)> = VecDeque::with_capacity(shared.plan.window);
        let (response, mut sender) = self.connection.start(&shared.paths.play_stream).await?;
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
}
