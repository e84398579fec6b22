//! Roulette: which wagers each layout has, what they pay, what is refused.
#![allow(clippy::float_arithmetic, reason = "figures are compared with published ones, which are decimal")]

use crate::shipped::{check_simulation, model, reference, scripted, STEP};
use engine_core::analysis::figures::value;
use engine_core::error::Error;
use engine_core::games::roulette::layout::{covered, places, Wheel};
use engine_core::games::roulette::{Roulette, KINDS};
use engine_core::games::Game;
use engine_core::model::Model;
use engine_core::pb::{bet::Family, outcome, RouletteBet, RouletteWager, RouletteWagerKind as Kind};
use num_rational::Ratio;
use proptest::prelude::*;

const MODELS: [&str; 4] = ["roulette-european", "roulette-french", "roulette-american", "roulette-triple-zero"];

fn roulette(name: &str) -> Roulette {
    let Game::Roulette(roulette) = model(name).game else { panic!("{name} is not roulette") };
    roulette
}

fn wager(kind: Kind, numbers: &[u32], steps: i64) -> RouletteWager {
    RouletteWager { kind: kind.into(), numbers: numbers.to_vec(), stake_micros: steps * STEP }
}

fn spin(model: &Model, wagers: Vec<RouletteWager>, pocket: u64) -> Result<(i64, i64, Vec<i64>), Error> {
    let standing = scripted(model, Family::Roulette(RouletteBet { wagers }), &[pocket])?;
    let outcome::Family::Roulette(outcome) = standing.outcome else { panic!("not a roulette outcome") };
    assert_eq!(u64::from(outcome.pocket), pocket);
    Ok((standing.stake, standing.payout.expect("settled"), outcome.payouts_micros))
}

/// Each layout has exactly the wagers of its table; a wrong adjacency would change a count.
#[test]
fn layouts_have_their_places() {
    use Wheel::{Double, Single, Triple};
    let table = [
        (Kind::Straight, [37, 38, 39]),
        (Kind::Split, [60, 62, 57]),
        (Kind::Street, [14, 15, 12]),
        (Kind::Corner, [22, 22, 22]),
        (Kind::SixLine, [11, 11, 11]),
        (Kind::FirstFour, [1, 0, 0]),
        (Kind::TopLine, [0, 1, 0]),
        (Kind::Dozen, [3, 3, 3]),
        (Kind::Column, [3, 3, 3]),
    ];
    for (kind, counts) in table {
        for (wheel, count) in [Single, Double, Triple].into_iter().zip(counts) {
            assert_eq!(places(wheel, kind).len(), count, "{kind:?} on {wheel:?}");
        }
    }
}

/// Adjacency by example, on each wheel: [single, double, triple].
#[test]
fn offers_what_touches() {
    let table: [(Kind, &[u32], [bool; 3]); 34] = [
        (Kind::Split, &[1, 2], [true; 3]),
        (Kind::Split, &[3, 4], [false; 3]),
        (Kind::Split, &[3, 6], [true; 3]),
        (Kind::Split, &[33, 36], [true; 3]),
        (Kind::Split, &[35, 36], [true; 3]),
        (Kind::Split, &[36, 37], [false; 3]),
        (Kind::Split, &[34, 37], [false; 3]),
        (Kind::Split, &[2, 1], [false; 3]),
        (Kind::Split, &[1, 1], [false; 3]),
        (Kind::Split, &[0, 1], [true, true, false]),
        (Kind::Split, &[0, 2], [true, true, false]),
        (Kind::Split, &[0, 3], [true, false, false]),
        (Kind::Split, &[0, 37], [false, true, false]),
        (Kind::Split, &[1, 37], [false, false, false]),
        (Kind::Split, &[2, 37], [false, true, false]),
        (Kind::Split, &[3, 37], [false, true, false]),
        (Kind::Split, &[0, 4], [false; 3]),
        (Kind::Street, &[1, 2, 3], [true; 3]),
        (Kind::Street, &[2, 3, 4], [false; 3]),
        (Kind::Street, &[34, 35, 36], [true; 3]),
        (Kind::Street, &[0, 1, 2], [true, true, false]),
        (Kind::Street, &[0, 2, 3], [true, false, false]),
        (Kind::Street, &[0, 2, 37], [false, true, false]),
        (Kind::Street, &[2, 3, 37], [false, true, false]),
        (Kind::Corner, &[1, 2, 4, 5], [true; 3]),
        (Kind::Corner, &[3, 4, 6, 7], [false; 3]),
        (Kind::Corner, &[32, 33, 35, 36], [true; 3]),
        (Kind::Corner, &[0, 1, 2, 3], [false; 3]),
        (Kind::SixLine, &[1, 2, 3, 4, 5, 6], [true; 3]),
        (Kind::SixLine, &[2, 3, 4, 5, 6, 7], [false; 3]),
        (Kind::SixLine, &[34, 35, 36, 37, 38, 39], [false; 3]),
        (Kind::Straight, &[36], [true; 3]),
        (Kind::Straight, &[37], [false, true, true]),
        (Kind::Straight, &[38], [false, false, true]),
    ];
    for (kind, numbers, offered) in table {
        for (wheel, offered) in [Wheel::Single, Wheel::Double, Wheel::Triple].into_iter().zip(offered) {
            assert_eq!(covered(wheel, kind, numbers).is_ok(), offered, "{kind:?} {numbers:?} on {wheel:?}");
        }
    }
}

/// Return of a wager as an exact rational: all pockets enumerated through the settling code itself.
fn exact_return(roulette: &Roulette, kind: Kind, numbers: &[u32]) -> Ratio<u64> {
    let pockets = covered(roulette.wheel(), kind, numbers).expect("on the layout");
    let paid = (0..roulette.wheel().pockets()).map(|pocket| roulette.multiplier(kind, pockets, pocket));
    paid.map(|(numerator, denominator)| Ratio::new(numerator, denominator)).sum::<Ratio<u64>>() / u64::from(roulette.wheel().pockets())
}

/// Real odds (F5): each wager of each layout returns exactly its textbook figure, the published ones of roulette.json among them.
#[test]
fn every_place_returns_its_figure() {
    let table = [
        (MODELS[0], (36, 37), (36, 37)),
        (MODELS[1], (36, 37), (73, 74)),
        (MODELS[2], (36, 38), (36, 38)),
        (MODELS[3], (36, 39), (36, 39)),
    ];
    for (name, inside, even_money) in table {
        let roulette = roulette(name);
        for kind in KINDS {
            for numbers in places(roulette.wheel(), kind) {
                let (numerator, denominator) = match kind {
                    Kind::TopLine => (35, 38),
                    _ if engine_core::games::roulette::layout::is_even_money(kind) => even_money,
                    _ => inside,
                };
                assert_eq!(exact_return(&roulette, kind, &numbers), Ratio::new(numerator, denominator), "{name} {kind:?} {numbers:?}");
            }
        }
    }
}

/// Chance, pay and expectation of every row of the reference (roulette.json), exactly.
#[test]
fn equals_the_reference() {
    let reference = reference("roulette");
    let european = roulette(MODELS[0]);
    let rows = [
        ("straight", Kind::Straight),
        ("split", Kind::Split),
        ("street", Kind::Street),
        ("corner", Kind::Corner),
        ("six_line", Kind::SixLine),
        ("dozen_column", Kind::Dozen),
        ("dozen_column", Kind::Column),
        ("even_money", Kind::Red),
        ("first_four_0_1_2_3", Kind::FirstFour),
    ];
    for (row, kind) in rows {
        let figures = &reference["expected"]["european_37"][row];
        let numbers = &places(Wheel::Single, kind)[0];
        let count = covered(Wheel::Single, kind, numbers).expect("on the layout").count();
        assert_eq!(figures["p_win"]["exact"], format!("{count}/37"), "{row}");
        assert_eq!(figures["pays"], engine_core::games::roulette::layout::pays(kind) - 1, "{row}");
        let lost = Ratio::from_integer(1) - exact_return(&european, kind, numbers);
        assert_eq!(figures["ev"]["exact"], format!("-{lost}"), "{row}");
    }
    let lost = Ratio::from_integer(1) - exact_return(&roulette(MODELS[1]), Kind::Red, &[]);
    assert_eq!(reference["expected"]["french_la_partage_even_money"]["ev"]["exact"], format!("-{lost}"));
}

/// The analysis gives each kind the reference's chance, return and variance, and simulation agrees with it (|z| < 4).
#[test]
fn exact_figures_hold() {
    let expected = &reference("roulette")["expected"]["european_37"];
    for name in MODELS {
        let model = model(name);
        let exact = model.game.analysed().exact(1).expect("exact");
        check_simulation(&model, &exact.bets[0]);
        if name != MODELS[0] {
            continue;
        }
        for bet in &exact.bets {
            let row = match bet.bet.as_str() {
                "dozen" | "column" => "dozen_column",
                "red" | "black" | "even" | "odd" | "low" | "high" => "even_money",
                "first four" => "first_four_0_1_2_3",
                "six line" => "six_line",
                other => other,
            };
            let figure =
                |pointer: &str| expected[row].pointer(pointer).and_then(serde_json::Value::as_f64).unwrap_or_else(|| panic!("{row}"));
            assert!((value(&bet.variance) - figure("/variance")).abs() < 1e-9, "{row}");
            assert!((bet.hit_rate.value() - figure("/p_win/value")).abs() < 1e-9, "{row}");
            assert!((value(&bet.return_x) - 1.0 - figure("/ev/value")).abs() < 1e-9, "{row}");
        }
    }
}

/// A bet of many wagers stakes their sum and pays each in its own place; half of an odd stake is floored to the cent under la partage.
#[test]
fn settles_wager_by_wager() {
    let wagers =
        vec![wager(Kind::Straight, &[17], 10), wager(Kind::Split, &[17, 20], 10), wager(Kind::Black, &[], 11), wager(Kind::Red, &[], 20)];
    let cents = |pays: [i64; 4]| pays.map(|pay| pay * STEP).to_vec();
    let european = spin(&model(MODELS[0]), wagers.clone(), 17).expect("offered");
    assert_eq!(european, (51 * STEP, (360 + 180 + 22) * STEP, cents([360, 180, 22, 0])));
    let partage = spin(&model(MODELS[1]), wagers.clone(), 0).expect("offered");
    assert_eq!(partage, (51 * STEP, 15 * STEP, cents([0, 0, 5, 10])));
    let none = spin(&model(MODELS[0]), wagers, 0).expect("offered");
    assert_eq!(none, (51 * STEP, 0, cents([0; 4])));
}

/// What a bet may not be, by field.
#[test]
fn refuses_by_field() {
    let model = model(MODELS[0]);
    let table = [
        (vec![], "wagers"),
        ((0..37).cycle().take(101).map(|n| wager(Kind::Straight, &[n], 10)).collect(), "wagers"),
        (vec![wager(Kind::Unspecified, &[], 10)], "wagers[0].kind"),
        (vec![RouletteWager { kind: 99, ..wager(Kind::Red, &[], 10) }], "wagers[0].kind"),
        (vec![wager(Kind::Red, &[], 10), wager(Kind::TopLine, &[], 10)], "wagers[1].numbers"),
        (vec![wager(Kind::Red, &[1], 10)], "wagers[0].numbers"),
        (vec![wager(Kind::Dozen, &[4], 10)], "wagers[0].numbers"),
        (vec![wager(Kind::Straight, &[u32::MAX], 10)], "wagers[0].numbers"),
        (vec![wager(Kind::SixLine, &[u32::MAX; 6], 10)], "wagers[0].numbers"),
        (vec![wager(Kind::Red, &[], 9)], "wagers[0].stake_micros"),
        (vec![wager(Kind::Red, &[], 100_001)], "wagers[0].stake_micros"),
        (vec![wager(Kind::Red, &[], 10), wager(Kind::Red, &[], 10)], "wagers[1]"),
        ((1..=11).map(|n| wager(Kind::Straight, &[n], 100_000)).collect(), "wagers"),
    ];
    for (wagers, field) in table {
        let refusal = spin(&model, wagers, 0).expect_err("not offered");
        assert!(matches!(&refusal, Error::Bet { field: named, .. } if *named == format!("bet.roulette.{field}")), "{refusal:?}");
    }
}

prop_compose! {
    fn any_wager()(kind in -1..18i32, numbers in prop::collection::vec(prop_oneof![0..40u32, any::<u32>()], 0..7), stake in any::<i64>()) -> RouletteWager {
        RouletteWager { kind, numbers, stake_micros: stake }
    }
}

proptest! {
    /// No wager panics, whatever its kind, numbers and stake.
    #[test]
    fn any_bet_is_played_or_refused(wagers in prop::collection::vec(any_wager(), 0..4), which in 0..4usize, pocket in 0..37u64) {
        let _ = spin(&model(MODELS[which]), wagers, pocket);
    }

    /// Bets of real places: the stake is the sum of the wagers and the payout the sum of theirs, none below 0.
    #[test]
    fn stake_is_the_sum_of_wagers(picks in prop::collection::vec((0..15usize, any::<prop::sample::Index>(), 10..5_000i64), 1..20), which in 0..4usize, pocket in 0..37u64) {
        let (model, wheel) = (model(MODELS[which]), roulette(MODELS[which]).wheel());
        let mut wagers: Vec<RouletteWager> = Vec::new();
        for (kind, place, steps) in picks {
            let all = places(wheel, KINDS[kind]);
            if all.is_empty() { continue }
            let next = wager(KINDS[kind], &all[place.index(all.len())], steps);
            if wagers.iter().all(|w| (w.kind, &w.numbers) != (next.kind, &next.numbers)) { wagers.push(next) }
        }
        prop_assume!(!wagers.is_empty());
        let staked: i64 = wagers.iter().map(|w| w.stake_micros).sum();
        let (stake, payout, payouts) = spin(&model, wagers, pocket).expect("real places");
        prop_assert_eq!(stake, staked);
        prop_assert_eq!(payout, payouts.iter().sum::<i64>());
        prop_assert!(payouts.iter().all(|&paid| paid >= 0 && paid % STEP == 0));
    }
}
