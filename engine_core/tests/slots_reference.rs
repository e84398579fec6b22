//! The shipped slots against published and independently computed figures.
#![allow(clippy::float_arithmetic, reason = "figures are compared with published ones, which are decimal")]

use crate::shipped::{model, reference, scripted, STEP};
use engine_core::analysis::figures::value;
use engine_core::analysis::{simulate, Analysed, Exact, Plan};
use engine_core::games::slots::Slots;
use engine_core::games::Game;
use engine_core::pb;
use serde_json::Value;

const MODELS: [&str; 3] = ["sizzling-hot", "dolphins-pearl", "atkins-diet"];

fn slots(game: &Game) -> &Slots {
    match game {
        Game::Slots(slots) => slots,
        _ => panic!("not a slots model"),
    }
}

fn exact(name: &str) -> Exact {
    slots(&model(name).game).exact(2).expect("slots have exact figures")
}

/// A figure of the first mode of the details.
fn base(exact: &Exact, key: &str) -> f64 {
    let figure = &exact.details["modes"][0][key];
    figure["value"].as_f64().or(figure.as_f64()).unwrap_or_else(|| panic!("no {key}"))
}

fn near(ours: f64, theirs: &Value, tolerance: f64, what: &str) {
    let theirs = theirs.as_f64().unwrap_or_else(|| panic!("no {what}"));
    assert!((ours - theirs).abs() <= tolerance, "{what}: {ours} is not {theirs}");
}

/// R5, R8: every probe of the reference (stops of the reels -> win) pays exactly, on lines, on scatters and in free spins.
#[test]
fn every_probe_pays_what_the_reference_says() {
    for name in MODELS {
        let (model, golden) = (model(name), reference(name));
        let units = golden["units"].as_i64().expect("units");
        let bet = || pb::bet::Family::Slots(pb::SlotsBet { stake_micros: units * STEP });
        for probe in golden["probes"].as_array().expect("probes") {
            let number = |key: &str| probe[key].as_i64().unwrap_or_else(|| panic!("no {key}"));
            let stops: Vec<u64> = probe["stops_top_row"].as_array().expect("stops").iter().map(|s| s.as_u64().expect("a stop")).collect();
            // Stops of free spins that the probe wins: all zero, which win no more in any of these models.
            let free = vec![0; 5 * usize::try_from(number("free_spins")).expect("a count")];
            let standing = scripted(&model, bet(), &[stops.clone(), free].concat()).expect("a legal bet");
            let pb::outcome::Family::Slots(outcome) = standing.outcome else { panic!("not a slots outcome") };
            let spin = &outcome.spins[0];
            let lines: i64 = spin.lines.iter().map(|line| line.payout_micros).sum();
            assert_eq!(lines, number("line_or_ways_win") * STEP, "{name} {stops:?}");
            assert_eq!(spin.scatter.map_or(0, |s| s.payout_micros), number("scatter_win") * STEP, "{name} {stops:?}");
            assert_eq!(i64::from(spin.free_spins_won), number("free_spins"), "{name} {stops:?}");
            assert_eq!(standing.payout, Some(outcome.spins.iter().map(|spin| spin.payout_micros).sum()), "{name} {stops:?}");
        }
    }
}

/// F1, F3: the exact return, its components, hit rate, variance and top win are those of the independent enumeration.
#[test]
fn exact_figures_match_the_reference() {
    for name in MODELS {
        let (exact, golden) = (exact(name), reference(name));
        let expected = &golden["figures"];
        near(value(&exact.bets[0].return_x), &expected["rtp"], 1e-9, "return");
        let lines = expected.get("line_or_ways_return").unwrap_or(&expected["line_return"]);
        near(base(&exact, "lines_per_spin"), lines, 1e-9, "line return");
        near(base(&exact, "scatter_per_spin"), &expected["scatter_return"], 1e-9, "scatter return");
        near(base(&exact, "hit_rate_per_spin"), &expected["base_hit_frequency"], 1e-9, "hit rate");
        near(base(&exact, "variance_per_spin"), &expected["base_win_variance"], 1e-6, "variance");
        near(base(&exact, "max_win_x"), &expected["max_base_win_x_bet"], 0.0, "top win");
        let free = expected.get("free_spins_per_base_spin").unwrap_or(&expected["free_spins_per_spin"]);
        near(base(&exact, "free_spins_won_per_spin"), free, 1e-9, "free spins");
        assert_eq!(exact.details["modes"][0]["combinations"], expected["cycle"].to_string());
        let sum: f64 = exact.bets[0].components.iter().map(|component| value(&component.return_x)).sum();
        near(sum, &value(&exact.bets[0].return_x).into(), 1e-12, "sum of the components");
    }
}

/// F8: a simulation of whole rounds, free spins included, lies within four standard errors of the exact return, by the exact variance.
#[test]
fn simulation_confirms_the_exact_return() {
    for name in MODELS {
        let model = model(name);
        let slots = slots(&model.game);
        let table = slots.table(&slots.reference_bet()).expect("a legal bet");
        let rounds = 300_000;
        let tally = simulate(table.as_ref(), Plan { rounds, seed: 1, threads: 2 }, &|_| true).expect("a healthy stream");
        #[allow(clippy::cast_precision_loss, reason = "a few digits are enough")]
        let mean = 1.0 + tally.net as f64 / rounds as f64 / table.stake() as f64;
        let figures = &exact(name).bets[0];
        let error = (value(&figures.variance) / f64::from(u32::try_from(rounds).expect("small"))).sqrt();
        assert!((mean - value(&figures.return_x)).abs() < 4.0 * error, "{name}: {mean}");
    }
}
