//! Dice over/under: what wins, what it pays, what is refused.
#![allow(clippy::float_arithmetic, reason = "figures are compared with published ones, which are decimal")]

use crate::shipped::{check_simulation, model, reference, scripted, STEP};
use engine_core::analysis::figures::ratio;
use engine_core::error::Error;
use engine_core::games::Game;
use engine_core::model::Model;
use engine_core::pb::{bet::Family, outcome, DiceBet, DiceOutcome, DiceSide};
use proptest::prelude::*;
use DiceSide::{Over, Under, Unspecified};

fn bet(side: DiceSide, target: u32, steps: i64) -> Family {
    Family::Dice(DiceBet { stake_micros: steps * STEP, side: side.into(), target })
}

fn play(model: &Model, bet: Family, roll: u64) -> Result<(DiceOutcome, i64, i64), Error> {
    let standing = scripted(model, bet, &[roll])?;
    let outcome::Family::Dice(outcome) = standing.outcome else { panic!("not a dice outcome") };
    Ok((outcome, standing.stake, standing.payout.expect("settled")))
}

fn float(whole: u64) -> f64 {
    f64::from(u32::try_from(whole).expect("small"))
}

/// What each roll around a target pays, floored to the cent.
#[test]
fn pays_by_the_table() {
    let model = model("dice-10001");
    let table = [
        // side, target, stake in steps, roll, payout in steps
        (Over, 200, 9_800, 200, 0),
        (Over, 200, 9_800, 201, 9_900),
        (Over, 200, 9_800, 10_000, 9_900),
        (Over, 200, 100, 201, 101),
        (Over, 5_050, 100, 5_050, 0),
        (Over, 5_050, 100, 5_051, 200),
        (Over, 9_999, 10, 10_000, 99_000),
        (Under, 1, 10, 0, 99_000),
        (Under, 1, 10, 1, 0),
        (Under, 4_950, 100, 4_949, 200),
        (Under, 4_950, 100, 4_950, 0),
        (Under, 9_800, 9_800, 9_799, 9_900),
    ];
    for (side, target, steps, roll, pays) in table {
        let (outcome, stake, payout) = play(&model, bet(side, target, steps), roll).expect("offered");
        assert_eq!((stake, payout), (steps * STEP, pays * STEP), "{side:?} {target}, rolled {roll}");
        assert_eq!((outcome.won, u64::from(outcome.roll)), (pays > 0, roll), "{side:?} {target}, rolled {roll}");
    }
}

/// Multipliers and returns are the published ones, as exact rationals (reference dice.json).
#[test]
fn equals_the_reference() {
    let Game::Dice(dice) = model("dice-10001").game else { panic!("not dice") };
    let reference = reference("dice");
    for example in reference["examples"].as_array().expect("examples") {
        let winning = u32::try_from(example["count_wins"].as_u64().expect("count")).expect("small");
        let (numerator, denominator) = dice.multiplier(winning);
        let multiplier = float(numerator) / float(denominator);
        let chance = f64::from(winning) / f64::from(dice.grid());
        assert!((multiplier - example["multiplier"].as_f64().expect("multiplier")).abs() < 1e-9);
        assert!((multiplier * chance - example["rtp"].as_f64().expect("rtp")).abs() < 1e-9);
        assert_eq!(numerator * u64::from(winning) * 10_001, 9_900 * 10_001 * denominator, "the return is 9,900 / 10,001");
    }
}

/// Targets off the grid, chances that are not offered, missing sides and stakes out of bounds are refused by field.
#[test]
fn refuses_by_field() {
    let model = model("dice-10001");
    let table = [
        (bet(Over, 10_001, 100), "target"),
        (bet(Over, u32::MAX, 100), "target"),
        (bet(Over, 10_000, 100), "target"),
        (bet(Over, 199, 100), "target"),
        (bet(Under, 0, 100), "target"),
        (bet(Under, 9_801, 100), "target"),
        (bet(Unspecified, 5_000, 100), "side"),
        (bet(Over, 5_000, 9), "stake_micros"),
        (bet(Over, 5_000, 100_001), "stake_micros"),
        (Family::Dice(DiceBet { stake_micros: 100_001, side: 1, target: 5_000 }), "stake_micros"),
        (Family::Dice(DiceBet { stake_micros: 100_000, side: 77, target: 5_000 }), "side"),
    ];
    for (bet, field) in table {
        let refusal = play(&model, bet, 0).expect_err("not offered");
        assert!(matches!(&refusal, Error::Bet { field: named, .. } if *named == format!("bet.dice.{field}")), "{refusal:?}");
    }
}

/// A model that would lose money or can't be played is refused with its line.
#[test]
fn refuses_bad_models() {
    let good =
        "name = \"d\"\ntitle = \"D\"\nversion = 1\nfamily = \"dice\"\n[dice]\ngrid = 100\nchance_denominator = 100\nreturn_ppm = 990000\n\
                winning_min = 1\nwinning_max = 98\nstake = { min_steps = 1, max_steps = 9 }\n";
    assert!(Model::parse(good).is_ok());
    let table = [
        ("grid = 100", "grid = 1", 6),
        ("chance_denominator = 100", "chance_denominator = 101", 7),
        ("chance_denominator = 100", "chance_denominator = 0", 7),
        ("return_ppm = 990000", "return_ppm = 1000001", 8),
        ("winning_min = 1", "winning_min = 0", 9),
        ("winning_min = 1", "winning_min = -1", 9),
        ("winning_max = 98", "winning_max = 100", 10),
        ("max_steps = 9", "max_steps = 0", 11),
    ];
    for (from, to, line) in table {
        let refusal = Model::parse(&good.replacen(from, to, 1)).map(|_| ()).expect_err(to);
        assert!(matches!(refusal, Error::Model { line: at, .. } if at == line), "{to}: {refusal:?}");
    }
}

proptest! {
    /// No bet panics; an accepted one stakes what it says and pays 0 or at least the stake, at most the multiplier.
    #[test]
    fn any_bet_is_played_or_refused(stake in any::<i64>(), side in -1..4i32, target in any::<u32>(), small in 0..10_001u32, roll in 0..10_001u64) {
        let model = model("dice-10001");
        for (target, stake) in [(target, stake), (small, stake), (small, (stake.rem_euclid(100_000)) * STEP)] {
            let bet = Family::Dice(DiceBet { stake_micros: stake, side, target });
            if let Ok((outcome, staked, payout)) = play(&model, bet, roll) {
                prop_assert_eq!(staked, stake);
                let most = i128::from(stake) * i128::from(outcome.multiplier_numerator);
                prop_assert!(i128::from(payout) * i128::from(outcome.multiplier_denominator) <= most);
                prop_assert_eq!(outcome.won, payout >= stake);
                prop_assert_eq!(!outcome.won, payout == 0);
            }
        }
    }
}

/// The exact figures are those of the closed form, the lowest stake loses little to flooring (F1: 75 % for every bet), and simulation
/// agrees with them (|z| < 4).
#[test]
fn exact_figures_hold() {
    for (name, numerator, denominator) in [("dice-10001", 9_900, 10_001), ("dice-10000", 99, 100)] {
        let model = model(name);
        let game = model.game.analysed();
        let exact = game.exact(1).expect("exact");
        for bet in &exact.bets {
            assert_eq!(bet.return_x, ratio(numerator, denominator), "{name} {}", bet.bet);
        }
        let lowest = exact.details["lowest_return_at_min_stake"]["value"].as_f64().expect("a number");
        assert!(lowest > 0.9, "{name}: {lowest}");
        check_simulation(&model, &exact.bets[0]);
    }
}
