//! Blackjack under any seed, rules and decisions: nothing panics, money adds up, replay is equal, nothing hidden is shown.

use crate::shipped::{variant, STEP};
use engine_core::error::Error;
use engine_core::model::Model;
use engine_core::pb::{self, outcome::Family, BlackjackActionKind as Kind, BlackjackOutcome, DrawPurpose, Outcome};
use engine_core::round::{act, play, Played, Seed};
use proptest::prelude::*;
use prost::Message;

/// More steps than any round can take: four hands of at most 21 cards.
const STEPS_MAX: usize = 100;

fn action(kind: i32) -> Vec<u8> {
    pb::Action { family: Some(pb::action::Family::Blackjack(pb::BlackjackAction { kind })) }.encode_to_vec()
}

fn decode(played: &Played) -> (Outcome, BlackjackOutcome) {
    let outcome = Outcome::decode(&*played.outcome).expect("an outcome");
    let Some(Family::Blackjack(table)) = outcome.family.clone() else { panic!("not a blackjack outcome") };
    (outcome, table)
}

/// A model, changes to its text, its decks.
type RuleSet<'a> = (&'a str, &'a [(&'a str, &'a str)], usize);

/// What holds after every step of every round.
fn check(played: &Played, stake: i64, decks: usize, no_hole: bool) -> Result<(), TestCaseError> {
    let (outcome, table) = decode(played);
    let hands: i64 = table.hands.iter().map(|hand| hand.stake_micros).sum();
    prop_assert_eq!(played.stake, hands + table.insurance_stake_micros, "the stake is the sum of its parts (G1)");
    for hand in &table.hands {
        prop_assert_eq!(hand.stake_micros, if hand.doubled { 2 * stake } else { stake });
        prop_assert!(hand.payout_micros >= 0 && hand.payout_micros % STEP == 0);
    }
    prop_assert!(table.hands.len() <= 4);
    let cards: Vec<u32> = table.hands.iter().flat_map(|hand| hand.cards.clone()).chain(table.dealer.clone()).collect();
    prop_assert!((0..52).all(|code| cards.iter().filter(|&&card| card == code).count() <= decks), "without replacement (F5): {:?}", cards);
    if let Some(payout) = played.payout {
        let paid: i64 = table.hands.iter().map(|hand| hand.payout_micros).sum();
        prop_assert_eq!(payout, paid + table.insurance_payout_micros);
        prop_assert!(table.legal.is_empty() && table.hands.iter().all(|hand| hand.finished && hand.result != 0));
        prop_assert_eq!(outcome.draws.len(), cards.len(), "every card shown is one draw");
    } else {
        prop_assert!(!table.legal.is_empty());
        prop_assert_eq!(table.dealer.len(), 1, "only the up card is shown");
        prop_assert!(outcome.draws.iter().all(|draw| draw.purpose() != DrawPurpose::HoleCard));
        let shown = if no_hole { cards.len() } else { 3 };
        prop_assert_eq!(outcome.draws.len(), shown, "a draw after the hole card would tell where in the shoe that card was");
    }
    Ok(())
}

fn rules(pick: usize) -> (Model, usize) {
    let sets: [RuleSet; 6] = [
        ("blackjack-classic", &[], 6),
        ("blackjack-no-hole", &[], 8),
        ("blackjack-classic", &[("decks = 6", "decks = 1"), ("\"one-card\"", "\"play-on\""), ("min_steps = 10", "min_steps = 1")], 1),
        ("blackjack-classic", &[("\"one-card\"", "\"resplit\""), ("\"any\"", "\"hard-9-11\""), ("decks = 6", "decks = 2")], 2),
        ("blackjack-no-hole", &[("decks = 8", "decks = 1"), ("\"one-card\"", "\"play-on\""), ("[3, 2]", "[6, 5]")], 1),
        ("blackjack-classic", &[("insurance = true", "insurance = false"), ("hands_max = 4", "hands_max = 2")], 6),
    ];
    let (name, changes, decks) = sets[pick];
    (variant(name, changes), decks)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Any seed and any choices: each offered decision is taken, every other one is refused and changes nothing, the round ends, and playing it
    /// again gives the same bytes (G5, G6: an interrupted round resumes in the exact state).
    #[test]
    fn any_round_ends_well(server in any::<[u8; 32]>(), client in "[a-z]{0,8}", number in any::<u64>(), which in 0..6usize, steps in 10..50i64, eager in any::<bool>(), choices in prop::collection::vec(any::<prop::sample::Index>(), STEPS_MAX)) {
        let (model, decks) = rules(which);
        let no_hole = model.name == "blackjack-no-hole";
        let seed = Seed { server: &server, client: &client, number };
        let bet = pb::Bet { family: Some(pb::bet::Family::Blackjack(pb::BlackjackBet { stake_micros: steps * STEP })) }.encode_to_vec();
        let mut played = play(&model, &seed, &bet, STEP).expect("offered");
        check(&played, steps * STEP, decks, no_hole)?;
        let mut choices = choices.into_iter();
        while played.payout.is_none() {
            let legal = decode(&played).1.legal;
            for kind in -1..10 {
                let next = act(&model, &seed, &bet, STEP, &played.state, &action(kind));
                prop_assert_eq!(next.is_ok(), legal.contains(&kind));
                prop_assert!(next.is_ok() || matches!(next, Err(Error::Action { .. })), "refused as an action");
            }
            let choice = choices.next().expect("a round ends within so many steps");
            let split = i32::from(Kind::Split);
            let kind = if eager && legal.contains(&split) { split } else { legal[choice.index(legal.len())] };
            let next = act(&model, &seed, &bet, STEP, &played.state, &action(kind)).expect("offered");
            prop_assert_eq!(&next, &act(&model, &seed, &bet, STEP, &played.state, &action(kind)).expect("offered"));
            prop_assert!(next.stake >= played.stake);
            played = next;
            check(&played, steps * STEP, decks, no_hole)?;
        }
        prop_assert!(matches!(act(&model, &seed, &bet, STEP, &played.state, &action(1)), Err(Error::Action { .. })), "a settled round takes no steps");
    }

    /// Damaged states, actions and bets are refused with an error, never a panic.
    #[test]
    fn any_bytes_are_refused_or_played(bet in prop::collection::vec(any::<u8>(), 0..24), state in prop::collection::vec(any::<u8>(), 0..24), action in prop::collection::vec(any::<u8>(), 0..24), step in any::<i64>()) {
        let (model, _) = rules(0);
        let seed = Seed { server: &[7; 32], client: "", number: 1 };
        let _ = play(&model, &seed, &bet, step);
        let _ = act(&model, &seed, &bet, step, &state, &action);
        let good = pb::Bet { family: Some(pb::bet::Family::Blackjack(pb::BlackjackBet { stake_micros: 100 * STEP })) }.encode_to_vec();
        let _ = act(&model, &seed, &good, STEP, &state, &action);
        let _ = play(&model, &seed, &good, step);
    }
}
