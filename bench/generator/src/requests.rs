//! Makes requests and checks answers: a call counts only if every round in it is settled and carries the id that was asked for.

use crate::ids::Ids;
use crate::pb::play_result::Result as Outcome;
use crate::pb::{
    Bet, GetRoundResponse, GetWalletResponse, PlayBatchRequest, PlayBatchResponse, PlayRequest, PlayResponse, PlayResult,
    PlayStreamRequest, PlayStreamResponse, Round, RoundState,
};
use crate::plan::Plan;
use bytes::Bytes;
use prost::Message;
use std::cell::Cell;

/// Makes the requests of all callers.
pub struct Requests {
    sessions: Vec<String>,
    bet: Bet,
    bare: bool,
    is_batch_mixed: bool,
    ids: Ids,
    next: Cell<usize>,
}

impl Requests {
    /// Requests as the plan wants them.
    pub fn new(plan: &Plan) -> Result<Self, String> {
        let bet = Bet::decode(plan.bet_bytes()?.as_slice()).map_err(|e| format!("bet: {e}"))?;
        Ok(Self {
            sessions: plan.sessions.clone(),
            bet,
            bare: plan.bare,
            is_batch_mixed: plan.is_batch_mixed,
            ids: Ids::new(),
            next: Cell::new(0),
        })
    }

    /// The session whose turn it is.
    pub fn session(&self) -> &str {
        let turn = self.next.get();
        self.next.set((turn + 1) % self.sessions.len());
        &self.sessions[turn]
    }

    /// One play of a session.
    pub fn play(&self, session: &str) -> PlayRequest {
        PlayRequest { session: session.to_owned(), round_id: self.ids.next(), bet: Some(self.bet.clone()) }
    }

    /// `count` plays of one session, or of as many sessions as the plan has.
    pub fn play_batch(&self, count: usize) -> PlayBatchRequest {
        let one = self.session();
        let session = || if self.is_batch_mixed { self.session() } else { one };
        PlayBatchRequest { plays: (0..count).map(|_| self.play(session())).collect() }
    }

    /// One play of a stream.
    pub fn play_stream(&self, session: &str) -> PlayStreamRequest {
        PlayStreamRequest { play: Some(self.play(session)) }
    }

    /// The answer to `play`: the round's name.
    pub fn check_play(&self, answer: Bytes, asked: &PlayRequest) -> Result<String, String> {
        let answer = PlayResponse::decode(answer).map_err(|e| e.to_string())?;
        self.check_round(answer.round.as_ref(), asked)?;
        answer.round.map(|round| round.name).ok_or_else(|| "no round".into())
    }

    /// The answer to a read of the round `name`.
    pub fn check_get_round(answer: Bytes, name: &str) -> Result<(), String> {
        let round = GetRoundResponse::decode(answer).map_err(|e| e.to_string())?.round.ok_or("no round")?;
        if round.name == name && round.state() == RoundState::Settled {
            Ok(())
        } else {
            Err("another round than the one asked for".into())
        }
    }

    /// The answer to a read of the wallet `name`.
    pub fn check_get_wallet(answer: Bytes, name: &str) -> Result<(), String> {
        let wallet = GetWalletResponse::decode(answer).map_err(|e| e.to_string())?.wallet.ok_or("no wallet")?;
        if wallet.name == name && wallet.balance_micros >= 0 {
            Ok(())
        } else {
            Err("another wallet than the one asked for".into())
        }
    }

    /// The answer to `play_batch`.
    pub fn check_batch(&self, answer: Bytes, asked: &PlayBatchRequest) -> Result<(), String> {
        let answer = PlayBatchResponse::decode(answer).map_err(|e| e.to_string())?;
        if answer.results.len() != asked.plays.len() {
            return Err(format!("{} results for {} plays", answer.results.len(), asked.plays.len()));
        }
        answer.results.iter().zip(&asked.plays).try_for_each(|(result, play)| self.check_result(Some(result), play))
    }

    /// The answer to one play of a stream.
    pub fn check_stream(&self, answer: Bytes, asked: &PlayRequest) -> Result<(), String> {
        let answer = PlayStreamResponse::decode(answer).map_err(|e| e.to_string())?;
        self.check_result(answer.result.as_ref(), asked)
    }

    fn check_result(&self, result: Option<&PlayResult>, asked: &PlayRequest) -> Result<(), String> {
        match result.and_then(|result| result.result.as_ref()) {
            Some(Outcome::Round(round)) => self.check_round(Some(round), asked),
            Some(Outcome::Refusal(refusal)) => Err(format!("refused: {}", refusal.message)),
            None => Err("an empty result".into()),
        }
    }

    fn check_round(&self, round: Option<&Round>, asked: &PlayRequest) -> Result<(), String> {
        let round = round.ok_or("no round")?;
        if round.state() != RoundState::Settled || round.outcome.is_none() {
            return Err("a round that is not settled".into());
        }
        if !self.bare && !round.name.ends_with(&asked.round_id) {
            return Err("another round's id".into());
        }
        Ok(())
    }
}
