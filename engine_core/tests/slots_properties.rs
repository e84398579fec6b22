//! Slots by property: evaluators agree, enumeration counts everything once, simulation does not depend on threads, and no spin allocates.

use crate::shipped::{model, STEP};
use engine_core::analysis::{simulate, Analysed, Plan};
use engine_core::games::slots::scan::{scan, Class};
use engine_core::games::slots::spin::{Stops, REELS_MAX};
use engine_core::games::slots::Slots;
use engine_core::games::Game;
use engine_core::model::Model;
use engine_core::pb;
use engine_core::rng::Stream;
use engine_core::round::{play, Seed};
use proptest::prelude::*;
use prost::Message;

fn slots(model: &Model) -> &Slots {
    match &model.game {
        Game::Slots(slots) => slots,
        _ => panic!("not a slots model"),
    }
}

/// A model of three reels, with or without the wild's own pays, from any strips of W(ild), A, B and S(catter).
fn small(strips: &[Vec<u8>; 3], wild_multiplier: u32, wild_pays: bool) -> String {
    let name = |symbol: &u8| ["\"W\"", "\"A\"", "\"B\"", "\"S\""][usize::from(*symbol)];
    let strip = |strip: &Vec<u8>| format!("[{}]", strip.iter().map(name).collect::<Vec<_>>().join(", "));
    let most: usize = strips
        .iter()
        .map(|strip| (0..strip.len()).map(|i| (0..2).filter(|r| strip[(i + r) % strip.len()] == 3).count()).max().unwrap_or(0))
        .sum();
    let scatters: Vec<String> = (0..most).map(|n| (n * n).to_string()).collect();
    let own = if wild_pays { "W = [1, 7, 60]\n" } else { "" };
    format!(
        "name = \"small\"\ntitle = \"Small\"\nversion = 1\nfamily = \"slots\"\n[slots]\nrows = 2\nsymbols = [\"W\", \"A\", \"B\", \"S\"]\nwild = \"W\"\nscatter = \"S\"\n\
         [slots.stake]\nunit = \"line\"\nlevels = [1]\n[slots.pay.lines]\nlines = [[0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1]]\nwild_multiplier = {wild_multiplier}\n\
         [slots.pay.lines.pays]\n{own}A = [0, 5, 40]\nB = [2, 3, 11]\n[slots.pay.scatter]\npays = [{}]\n[slots.mode.base]\nstages = [\"spin\", \"pay.lines\", \"pay.scatter\"]\nreels = [{}]\n",
        scatters.join(", "),
        strips.iter().map(strip).collect::<Vec<_>>().join(", "),
    )
}

/// What one line pays, from the rules' own words and nothing of the engine's: symbols 0 to 3 are W, A, B, S.
fn by_the_rules(line: [u8; 3], wild_multiplier: u64, wild_pays: bool) -> u64 {
    let pays = |symbol: u8, count: usize| -> u64 {
        let table: [u64; 3] = match symbol {
            0 if wild_pays => [1, 7, 60],
            1 => [0, 5, 40],
            2 => [2, 3, 11],
            _ => [0; 3],
        };
        if count == 0 {
            0
        } else {
            table[count - 1]
        }
    };
    let wilds = line.iter().take_while(|s| **s == 0).count();
    let alone = if wild_pays { pays(0, wilds) } else { pays(1, wilds).max(pays(2, wilds)) * wild_multiplier };
    let best = [1, 2].map(|symbol| {
        let run = line.iter().take_while(|s| **s == symbol || **s == 0).count();
        let counts = line[..run].contains(&symbol);
        let factor = if line[..run].contains(&0) { wild_multiplier } else { 1 };
        // A run is one of the first symbol that is not wild.
        if counts && line[wilds] == symbol {
            pays(symbol, run) * factor
        } else {
            0
        }
    });
    alone.max(best[0]).max(best[1])
}

fn strips() -> impl Strategy<Value = [Vec<u8>; 3]> {
    prop::array::uniform3(prop::collection::vec(0_u8..4, 2..7))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// R7, F1: the scan of a random model counts every combination once, and agrees with an evaluation of each window by the rules' words.
    #[test]
    fn scan_agrees_with_the_rules(strips in strips(), multiplier in 1_u32..4, own in any::<bool>()) {
        let parsed = Model::parse(&small(&strips, multiplier, own)).expect("a sound model");
        let mode = &slots(&parsed).modes()[0];
        let mut classes = vec![Class::default(); scan(mode, 1).len()];
        for a in 0..strips[0].len() { for b in 0..strips[1].len() { for c in 0..strips[2].len() {
            let cell = |reel: usize, stop: usize, row: usize| strips[reel][(stop + row) % strips[reel].len()];
            let lines = [[0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1]];
            let win: u64 = lines.iter().map(|l| by_the_rules([cell(0, a, l[0]), cell(1, b, l[1]), cell(2, c, l[2])], multiplier.into(), own)).sum();
            let scatters = (0..2).map(|r| [cell(0, a, r), cell(1, b, r), cell(2, c, r)].iter().filter(|s| **s == 3).count()).sum::<usize>();
            let class = &mut classes[scatters];
            class.ways += 1;
            class.blank += u128::from(win == 0);
            class.sum += u128::from(win);
            class.sum_squared += u128::from(win) * u128::from(win);
            if win > class.max || class.max_ways == 0 { (class.max, class.max_ways) = (win, 1); } else if win == class.max { class.max_ways += 1; }
            let mut stops: Stops = [0; REELS_MAX];
            for (place, stop) in stops.iter_mut().zip([a, b, c]) { *place = u16::try_from(stop).expect("short"); }
            prop_assert_eq!(mode.at(stops, 1).line_units, win);
        }}}
        prop_assert_eq!(&scan(mode, 1), &classes);
        prop_assert_eq!(&scan(mode, 3), &classes);
    }

    /// R9: a round is a pure function of its arguments: replayed, it gives the same bytes, and its spins add up to its payout.
    #[test]
    fn a_round_replays_to_the_same_bytes(seed in any::<[u8; 32]>(), client in "[a-z]{0,12}", number in 1_u64..1_000) {
        let model = model("dolphins-pearl");
        let bet = slots(&model).reference_bet().encode_to_vec();
        let seed = Seed { server: &seed, client: &client, number };
        let played = play(&model, &seed, &bet, STEP).expect("a legal bet");
        prop_assert_eq!(&played, &play(&model, &seed, &bet, STEP).expect("a legal bet"));
        let outcome = pb::Outcome::decode(played.outcome.as_slice()).expect("an outcome");
        let Some(pb::outcome::Family::Slots(shown)) = outcome.family else { panic!("not slots") };
        prop_assert_eq!(Some(shown.spins.iter().map(|spin| spin.payout_micros).sum::<i64>()), played.payout);
        prop_assert_eq!(outcome.draws.len(), shown.spins.len() * 5);
    }

    /// A model file with anything written into it is parsed or refused, and never panics.
    #[test]
    fn parsing_never_panics(at in 0_usize..1_300, text in "\\PC{0,12}") {
        let sound = small(&[vec![0, 1, 2], vec![1, 2, 3], vec![2, 1, 0]], 2, true);
        let at = (0..=at.min(sound.len())).rev().find(|at| sound.is_char_boundary(*at)).unwrap_or(0);
        let _ = Model::parse(&format!("{}{text}{}", &sound[..at], &sound[at..]));
    }
}

/// A simulation gives the same sums for every number of threads, and other ones for another seed.
#[test]
fn simulation_does_not_depend_on_threads() {
    let model = model("atkins-diet");
    let table = slots(&model).table(&slots(&model).reference_bet()).expect("a legal bet");
    let run = |threads, seed| simulate(table.as_ref(), Plan { rounds: 200_000, seed, threads }, &|_| true).expect("healthy");
    assert_eq!(run(1, 5), run(3, 5));
    assert_ne!(run(1, 5), run(1, 6));
}

/// A simulation stops when it is told to.
#[test]
fn simulation_stops_when_told() {
    let model = model("sizzling-hot");
    let table = slots(&model).table(&slots(&model).reference_bet()).expect("a legal bet");
    assert!(simulate(table.as_ref(), Plan { rounds: 10_000_000, seed: 1, threads: 2 }, &|_| false).is_err());
}

/// No spin allocates: 100,000 whole rounds with free spins take no memory at all.
#[test]
fn rounds_do_not_allocate() {
    for name in ["sizzling-hot", "dolphins-pearl", "atkins-diet"] {
        let model = model(name);
        let mut stream = Stream::from_key(&[2; 32]);
        let mut spins = 0_u64;
        let counted = allocation_counter::measure(|| {
            for _ in 0..100_000 {
                slots(&model).round(&mut stream, &mut |_| spins += 1).expect("a sound model");
            }
        });
        assert_eq!(counted.count_total, 0, "{name}");
        assert!(spins >= 100_000);
    }
}

/// Bets that a slots model does not offer are refused by field, and change nothing.
#[test]
fn illegal_bets_are_refused() {
    let model = model("atkins-diet");
    let seed = Seed { server: &[1; 32], client: "", number: 1 };
    for stake_micros in [0, -1, i64::MIN, i64::MAX, 10_000, 200_001, 3 * 20 * STEP] {
        let bet = pb::Bet { family: Some(pb::bet::Family::Slots(pb::SlotsBet { stake_micros })) };
        let error = play(&model, &seed, &bet.encode_to_vec(), STEP).expect_err("an illegal stake");
        assert!(error.to_string().starts_with("bet.slots.stake_micros: "), "{error}");
    }
    let other = pb::Bet { family: Some(pb::bet::Family::Dice(pb::DiceBet::default())) };
    assert!(play(&model, &seed, &other.encode_to_vec(), STEP).is_err());
    let bet = slots(&model).reference_bet().encode_to_vec();
    assert!(play(&model, &seed, &bet, 0).is_err() && play(&model, &seed, &bet, i64::MIN).is_err());
}
