//! A round as a pure function of (model, seed, bet, actions). The state of an open round is the list of its actions, so
//! nothing that the player may not see is ever stored, and resuming a round is replaying it.

use crate::amount::Micros;
use crate::error::Error;
use crate::games::Standing;
use crate::model::Model;
use crate::pb;
use crate::rng::{Recorded, Stream};
use prost::Message;

/// Version of the stored state's layout.
const STATE_VERSION: u32 = 1;

/// The random stream of a round.
pub struct Seed<'a> {
    /// 256 bits from the operating system, secret until revealed.
    pub server: &'a [u8; 32],
    /// Chosen by the player.
    pub client: &'a str,
    /// The round's number in its session, from 1.
    pub number: u64,
}

/// What a play or a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// All that was staked in this round so far in micros.
    pub stake: Micros,
    /// What is paid in micros once the round is settled; `None` while it waits for an action.
    pub payout: Option<Micros>,
    /// A `croupier.v1.Outcome`, encoded.
    pub outcome: Vec<u8>,
    /// To be given to the next `act`; opaque to the caller.
    pub state: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct State {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(message, repeated, tag = "2")]
    actions: Vec<pb::Action>,
}

/// Starts a round. `bet` is a `croupier.v1.Bet`, encoded; `step` the smallest amount of the currency in micros.
///
/// # Errors
/// `Error::Bet` for a bet that the model does not offer, `Error::Amount`, `Error::RngUnhealthy`.
pub fn play(model: &Model, seed: &Seed<'_>, bet: &[u8], step: Micros) -> Result<Played, Error> {
    run(model, seed, bet, step, Vec::new())
}

/// Takes the next step of an open round. `state` is what the step before gave; `action` a `croupier.v1.Action`, encoded.
///
/// # Errors
/// `Error::Action` for an action that is not allowed now, `Error::State` for a state that is not this engine's.
pub fn act(model: &Model, seed: &Seed<'_>, bet: &[u8], step: Micros, state: &[u8], action: &[u8]) -> Result<Played, Error> {
    let stored = State::decode(state).map_err(|e| Error::State { message: format!("the round's stored state is damaged: {e}") })?;
    if stored.version != STATE_VERSION {
        return Err(Error::State {
            message: format!("the round's state has version {}, this engine reads {STATE_VERSION}", stored.version),
        });
    }
    let mut actions = stored.actions;
    actions
        .push(pb::Action::decode(action).map_err(|e| Error::Action { message: format!("the action is not a croupier.v1.Action: {e}") })?);
    run(model, seed, bet, step, actions)
}

fn run(model: &Model, seed: &Seed<'_>, bet: &[u8], step: Micros, actions: Vec<pb::Action>) -> Result<Played, Error> {
    let bet = pb::Bet::decode(bet).map_err(|e| Error::Bet { field: "bet".into(), message: format!("not a croupier.v1.Bet: {e}") })?;
    let mut stream = Stream::for_round(seed.server, seed.client, seed.number);
    let mut recorded = Recorded::new(&mut stream);
    let Standing { outcome, stake, payout } = model.game.standing(&bet, &actions, step, &mut recorded)?;
    let mut draws = recorded.into_draws();
    stream.health()?;
    if payout.is_none() {
        hide_hole_card(&mut draws);
    }
    let outcome = pb::Outcome { draws, family: Some(outcome) }.encode_to_vec();
    Ok(Played { stake, payout, outcome, state: State { version: STATE_VERSION, actions }.encode_to_vec() })
}

/// Leaves out the hole card's draw and all after it: a later card's index counts the cards left, so beside the card itself it would tell
/// where among them the hole card was.
fn hide_hole_card(draws: &mut Vec<pb::Draw>) {
    if let Some(hole) = draws.iter().position(|draw| draw.purpose() == pb::DrawPurpose::HoleCard) {
        draws.truncate(hole);
    }
}
