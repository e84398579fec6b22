//! Rates of the engine on one core: bounded draws, spins of whole rounds with free spins on, exact enumeration. `cargo bench -p engine_core`.
#![allow(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates for people")]

use engine_core::analysis::{simulate, Analysed, Plan, Tally, STEP};
use engine_core::games::slots::{scan, Slots};
use engine_core::games::Game;
use engine_core::model::Model;
use engine_core::pb::DrawPurpose;
use engine_core::rng::{Draws, Stream};
use engine_core::round::{play, Seed};
use prost::Message;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let draws = best(|| draws(50_000_000));
    println!("bounded draws              {:8.1} M/s", draws / 1e6);
    for name in ["sizzling-hot", "dolphins-pearl", "atkins-diet"] {
        let path = format!("{}/../pyserver/croupier/models/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let model = Model::parse(&std::fs::read_to_string(path).expect("a shipped model")).expect("a sound model");
        let Game::Slots(slots) = &model.game else { panic!("not slots") };
        let (one, two) = (best(|| spins(slots, 4_000_000, 1)), best(|| spins(slots, 8_000_000, 2)));
        let combinations = best(|| combinations(slots));
        println!("{name:15} spins      {:8.1} M/s   draws / {:.1}   two threads x {:.2}", one / 1e6, draws / one, two / one);
        println!("{name:15} exact scan {:8.1} M/s   draws / {:.2}", combinations / 1e6, draws / combinations);
        println!("{name:15} play       {:8.2} us a round", 1e6 / best(|| plays(&model, 100_000)));
    }
}

/// Seconds that `run` takes: of this thread's processor time where the system tells it, so that a busy machine does not show, else by the clock.
fn seconds(run: impl FnOnce()) -> f64 {
    let (clock, before) = (Instant::now(), thread_seconds());
    run();
    match (before, thread_seconds()) {
        (Some(before), Some(after)) if after > before => after - before,
        _ => clock.elapsed().as_secs_f64(),
    }
}

fn thread_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}

/// The best rate of five runs: other work on the machine only ever makes one slower.
fn best(run: impl Fn() -> f64) -> f64 {
    (0..5).map(|_| run()).fold(0.0, f64::max)
}

fn draws(n: u64) -> f64 {
    let mut stream = Stream::from_key(&[1; 32]);
    n as f64
        / seconds(|| {
            black_box((0..n).fold(0_u64, |sum, _| sum.wrapping_add(stream.below(DrawPurpose::ReelStop, 43))));
        })
}

/// Spins a second, free ones included, of `rounds` whole rounds.
fn spins(slots: &Slots, rounds: u64, threads: usize) -> f64 {
    let table = slots.table(&slots.reference_bet()).expect("a legal bet");
    let plan = Plan { rounds, seed: 1, threads };
    let (mut tally, clock) = (Tally::default(), Instant::now());
    let one = seconds(|| tally = simulate(table.as_ref(), plan, &|_| true).expect("a healthy stream"));
    // Over several threads only the clock tells how long they took together.
    tally.spins as f64 / if threads == 1 { one } else { clock.elapsed().as_secs_f64() }
}

fn combinations(slots: &Slots) -> f64 {
    // Often enough for the thread's processor time, which moves in steps of milliseconds.
    let times = 1 + 400_000_000 / slots.modes()[0].spin.cycle();
    let all: f64 = slots.modes().iter().map(|mode| mode.spin.cycle() as f64).sum();
    let run = || {
        for mode in (0..times).flat_map(|_| slots.modes()) {
            black_box(scan::scan(mode, 1));
        }
    };
    all * times as f64 / seconds(run)
}

fn plays(model: &Model, n: u64) -> f64 {
    let bet = model.game.analysed().reference_bet().encode_to_vec();
    n as f64
        / seconds(|| {
            for number in 0..n {
                black_box(play(model, &Seed { server: &[7; 32], client: "bench", number }, &bet, STEP).expect("a legal bet"));
            }
        })
}
