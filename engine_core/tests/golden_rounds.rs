//! Golden rounds: tests/golden/rounds.json holds rounds of every shipped model with their seeds, bets, decisions and outcomes as protobuf
//! JSON. The engine, the pure-Python verifier and every client must agree with them.
//!
//! `cargo test --release -p engine_core --test all golden_rounds -- --ignored` writes the file anew after a model was added.

use crate::shipped::{model, model_names, STEP};
use engine_core::games::Game;
use engine_core::model::Model;
use engine_core::pb::{self, outcome::Family, BlackjackActionKind as Kind, DrawPurpose, RouletteWagerKind};
use engine_core::rng::{Draws, Stream};
use engine_core::round::{act, play, Played, Seed};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Rounds of each model.
const ROUNDS: u64 = 24;

/// Steps of currencies: cents, whole units, five-cent coins, single micros.
const STEPS: [i64; 4] = [STEP, 1_000_000, 50_000, 1];

/// Client seeds that a careless verifier might join or encode wrongly.
const CLIENT_SEEDS: [&str; 6] = ["lucky", "", "a:b", "naïve ♣", "0123456789abcdef0123456789abcdef", " 1"];

fn path() -> String {
    format!("{}/../tests/golden/rounds.json", env!("CARGO_MANIFEST_DIR"))
}

/// Converts messages of croupier.v1 from bytes to protobuf JSON and back.
struct Json(DescriptorPool);

impl Json {
    fn new() -> Self {
        let proto = format!("{}/../proto", env!("CARGO_MANIFEST_DIR"));
        let files = protox::compile(["croupier/v1/games.proto"], [proto]).expect("the protos compile");
        Self(DescriptorPool::from_file_descriptor_set(files).expect("a closed set"))
    }

    fn show(&self, name: &str, bytes: &[u8]) -> Value {
        let message = self.0.get_message_by_name(&format!("croupier.v1.{name}")).expect(name);
        serde_json::to_value(DynamicMessage::decode(message, bytes).expect("an encoded message")).expect("as JSON")
    }

    fn read(&self, name: &str, value: &Value) -> Vec<u8> {
        let message = self.0.get_message_by_name(&format!("croupier.v1.{name}")).expect(name);
        DynamicMessage::deserialize(message, value).expect("protobuf JSON").encode_to_vec()
    }
}

/// A round to be played: everything but what comes of it.
struct Round {
    server: [u8; 32],
    client: String,
    number: u64,
    step: i64,
    bet: Vec<u8>,
    actions: Vec<Vec<u8>>,
}

impl Round {
    fn play(&self, model: &Model) -> Played {
        let seed = Seed { server: &self.server, client: &self.client, number: self.number };
        let first = play(model, &seed, &self.bet, self.step).expect("a golden bet is offered");
        self.actions.iter().fold(first, |before, action| {
            act(model, &seed, &self.bet, self.step, &before.state, action).expect("a golden decision is offered")
        })
    }

    fn show(&self, json: &Json, model: &Model) -> Value {
        let played = self.play(model);
        json!({
            "model": model.name,
            "model_sha256": hex(&model.hash),
            "server_seed": hex(&self.server),
            "client_seed": self.client,
            "number": self.number,
            "step_micros": self.step,
            "bet": json.show("Bet", &self.bet),
            "actions": self.actions.iter().map(|action| json.show("Action", action)).collect::<Vec<_>>(),
            "stake_micros": played.stake,
            "payout_micros": played.payout,
            "outcome": json.show("Outcome", &played.outcome),
        })
    }

    fn read(json: &Json, row: &Value) -> Self {
        let text = |key: &str| row[key].as_str().expect(key).to_string();
        Self {
            server: unhex(&text("server_seed")),
            client: text("client_seed"),
            number: row["number"].as_u64().expect("a number"),
            step: row["step_micros"].as_i64().expect("a step"),
            bet: json.read("Bet", &row["bet"]),
            actions: row["actions"].as_array().expect("actions").iter().map(|action| json.read("Action", action)).collect(),
        }
    }
}

/// The engine still produces every golden round, draw by draw and micro by micro, from a model file that has not changed (F8, G5).
#[test]
fn the_engine_produces_the_golden_rounds() {
    let json = Json::new();
    let text = std::fs::read_to_string(path()).expect("tests/golden/rounds.json");
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert!(!rows.is_empty());
    for row in &rows {
        let model = model(row["model"].as_str().expect("a model"));
        assert_eq!(&Round::read(&json, row).show(&json, &model), row);
    }
}

/// Every shipped model has golden rounds, all settled, those of slots reach free spins, and those of blackjack each result and each decision.
#[test]
fn golden_rounds_cover_the_models() {
    let text = std::fs::read_to_string(path()).expect("tests/golden/rounds.json");
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert!(rows.iter().all(|row| row["payout_micros"].is_i64()));
    for name in model_names() {
        let count = rows.iter().filter(|row| row["model"] == *name).count();
        assert!(count >= 20, "{name} has {count} golden rounds; write them anew: see the top of this file");
    }
    assert!(text.contains("freeSpinsWon"));
    for part in ["BUST", "LOSE", "PUSH", "WIN", "BLACKJACK", "SURRENDER"] {
        assert!(text.contains(&format!("BLACKJACK_RESULT_{part}")), "{part}");
    }
    for part in ["HIT", "STAND", "DOUBLE", "SPLIT", "INSURE", "DECLINE_INSURANCE", "SURRENDER"] {
        assert!(text.contains(&format!("BLACKJACK_ACTION_KIND_{part}\"")), "{part}");
    }
}

/// Writes the golden rounds, one a line.
#[test]
#[ignore = "writes tests/golden/rounds.json"]
fn write_golden_rounds() {
    let json = Json::new();
    let rows = model_names().into_iter().flat_map(|name| {
        let model = model(&name);
        (0..ROUNDS).map(|index| make(&model, index).show(&json, &model).to_string()).collect::<Vec<_>>()
    });
    let text = format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"));
    std::fs::write(path(), text).expect("written");
}

/// How many server seeds are tried for a round that is worth checking.
const ATTEMPTS: u64 = 3_000;

/// Round `index` of a model: seeds and choices come from hashes of its name, so the file is the same whoever writes it. Every other round
/// pays, and every eighth wins free spins, where the model has them.
fn make(model: &Model, index: u64) -> Round {
    let mut rounds = (0..ATTEMPTS).map(|attempt| attempted(model, index, attempt));
    let worth = |round: &Round| {
        let played = round.play(model);
        let paid = index % 2 == 1 || played.payout > Some(0);
        let Some(Family::Slots(slots)) = pb::Outcome::decode(&*played.outcome).expect("an outcome").family else { return paid };
        paid && (index % 8 != 0 || slots.spins.len() > 1)
    };
    rounds.find(worth).unwrap_or_else(|| attempted(model, index, 0))
}

fn attempted(model: &Model, index: u64, attempt: u64) -> Round {
    let key = |what: &str| -> [u8; 32] { Sha256::digest(format!("croupier golden {what} {} {index} {attempt}", model.name)).into() };
    let mut choices = Stream::from_key(&key("choices"));
    let step = STEPS[pick(&mut choices, STEPS.len())];
    let bet = bet(model, step, &mut choices);
    let number = [index + 1, u64::from(u32::MAX) + index, u64::MAX - index][if index < 20 { 0 } else { pick(&mut choices, 3) }];
    let client = CLIENT_SEEDS[pick(&mut choices, CLIENT_SEEDS.len())].to_string();
    let mut round = Round { server: key("server seed"), client, number, step, bet: bet.encode_to_vec(), actions: vec![] };
    loop {
        let outcome = pb::Outcome::decode(&*round.play(model).outcome).expect("an outcome");
        let Some(Family::Blackjack(table)) = outcome.family else { return round };
        if table.legal.is_empty() {
            return round;
        }
        let kind = decide(&table.legal, &mut choices);
        let action = pb::Action { family: Some(pb::action::Family::Blackjack(pb::BlackjackAction { kind })) };
        round.actions.push(action.encode_to_vec());
    }
}

/// A number below `range`.
fn pick(choices: &mut Stream, range: usize) -> usize {
    usize::try_from(choices.below(DrawPurpose::Unspecified, range as u64)).expect("small")
}

/// Splits whenever it may, and otherwise anything.
fn decide(legal: &[i32], choices: &mut Stream) -> i32 {
    let split = i32::from(Kind::Split);
    if legal.contains(&split) {
        split
    } else {
        legal[pick(choices, legal.len())]
    }
}

/// A bet that the model offers.
fn bet(model: &Model, step: i64, choices: &mut Stream) -> pb::Bet {
    let stake_micros = step * i64::try_from(10 + pick(choices, 990)).expect("small");
    let family = match &model.game {
        Game::Dice(_) => {
            let (side, chance) = (1 + pick(choices, 2), 1 + pick(choices, 9_800));
            let target = if side == 1 { 9_999 - chance } else { chance };
            let (side, target) = (i32::try_from(side).expect("1 or 2"), u32::try_from(target).expect("on the grid"));
            pb::bet::Family::Dice(pb::DiceBet { stake_micros, side, target: if side == 1 { target + 1 } else { target } })
        }
        Game::Roulette(_) => pb::bet::Family::Roulette(wagers(stake_micros, step, choices)),
        Game::Blackjack(_) => pb::bet::Family::Blackjack(pb::BlackjackBet { stake_micros }),
        Game::Slots(slots) => {
            let level = [1, 2, 5, 10][pick(choices, 4)];
            pb::bet::Family::Slots(pb::SlotsBet { stake_micros: step * level * i64::try_from(slots.units()).expect("small") })
        }
    };
    pb::Bet { family: Some(family) }
}

/// Wagers that every wheel offers, of different stakes; at least one.
fn wagers(stake_micros: i64, step: i64, choices: &mut Stream) -> pb::RouletteBet {
    use RouletteWagerKind as At;
    let places: [(At, &[u32]); 16] = [
        (At::Straight, &[0]),
        (At::Straight, &[17]),
        (At::Split, &[14, 17]),
        (At::Street, &[34, 35, 36]),
        (At::Corner, &[1, 2, 4, 5]),
        (At::SixLine, &[19, 20, 21, 22, 23, 24]),
        (At::Dozen, &[2]),
        (At::Column, &[3]),
        (At::Column, &[1]),
        (At::Red, &[]),
        (At::Black, &[]),
        (At::Even, &[]),
        (At::Odd, &[]),
        (At::Low, &[]),
        (At::High, &[]),
        (At::Dozen, &[1]),
    ];
    let first = pick(choices, places.len());
    let chosen = (0..places.len()).filter(|&place| place == first || pick(choices, 3) == 0).collect::<Vec<_>>();
    let wager = |place: usize| pb::RouletteWager {
        kind: places[place].0.into(),
        numbers: places[place].1.to_vec(),
        stake_micros: stake_micros + step * i64::try_from(place).expect("small"),
    };
    pb::RouletteBet { wagers: chosen.into_iter().map(wager).collect() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> [u8; 32] {
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex");
    std::array::from_fn(byte)
}
