//! What the families' tests share: shipped models and a seed.

use engine_core::analysis::{simulate, simulation_json, Figures, Plan};
use engine_core::games::Standing;
use engine_core::model::Model;
use engine_core::pb;
use engine_core::rng::scripted::Scripted;

/// The currency step of the tests: one cent in micros.
pub const STEP: i64 = 10_000;

/// A shipped model by its name.
pub fn model(name: &str) -> Model {
    Model::parse(&model_text(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A shipped model's text.
pub fn model_text(name: &str) -> String {
    let path = format!("{}/../pyserver/croupier/models/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Names of all shipped models, sorted.
pub fn model_names() -> Vec<String> {
    let folder = format!("{}/../pyserver/croupier/models", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder}: {e}")).map(|file| file.expect("a file").file_name());
    let mut names: Vec<String> = files.filter_map(|file| file.to_str()?.strip_suffix(".toml").map(String::from)).collect();
    names.sort();
    names
}

/// A shipped model with other rules: each change replaces the first occurrence of a piece of its text.
pub fn variant(name: &str, changes: &[(&str, &str)]) -> Model {
    let mut text = model_text(name);
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    Model::parse(&text).unwrap_or_else(|e| panic!("{changes:?}: {e}"))
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

/// Simulates the reference bet and asserts that the return is within 4 standard errors of the exact one.
pub fn check_simulation(model: &Model, exact: &Figures) {
    let game = model.game.analysed();
    let table = game.table(&game.reference_bet()).expect("the reference bet is offered");
    let plan = Plan { rounds: if cfg!(debug_assertions) { 100_000 } else { 2_000_000 }, seed: 11, threads: 2 };
    let tally = simulate(&*table, plan, &|_| true).expect("simulated");
    let json = simulation_json(model, &*table, plan, &tally, Some(exact));
    let z = json["z_score"].as_f64().expect("a number");
    assert!(z.abs() < 4.0, "{}: {json}", model.name);
}
