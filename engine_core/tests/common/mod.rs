//! What the families' tests share: shipped models and a seed.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use engine_core::games::Standing;
use engine_core::model::Model;
use engine_core::pb;
use engine_core::rng::scripted::Scripted;

/// The currency step of the tests: one cent in micros.
pub const STEP: i64 = 10_000;

/// A shipped model by its name.
pub fn model(name: &str) -> Model {
    let path = format!("{}/../pyserver/croupier/models/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    Model::parse(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A file of reference figures under tests/golden/reference.
pub fn reference(name: &str) -> serde_json::Value {
    let path = format!("{}/../tests/golden/reference/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The standing of a bet whose draws come from a script.
pub fn scripted(model: &Model, bet: pb::bet::Family, script: &[u64]) -> Result<Standing, engine_core::error::Error> {
    model.game.standing(&pb::Bet { family: Some(bet) }, &[], STEP, &mut Scripted::new(script))
}
