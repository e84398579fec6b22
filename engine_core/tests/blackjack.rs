//! Blackjack, scenario by scenario: the cards in the order they are dealt, the decisions, the money.

use crate::shipped::{model, model_text, variant, STEP};
use engine_core::error::Error;
use engine_core::games::Standing;
use engine_core::model::Model;
use engine_core::pb::{self, bet::Family, outcome, BlackjackActionKind as Kind, BlackjackOutcome};
use engine_core::rng::scripted::Scripted;

/// The code of a card such as "As", "Td" or "9c".
fn code(card: &str) -> u8 {
    let rank = "A23456789TJQK".find(&card[..1]).expect("a rank");
    let suit = "cdhs".find(&card[1..]).expect("a suit");
    u8::try_from(rank * 4 + suit).expect("below 52")
}

/// The draws that deal these cards in this order: each an index into the sorted cards left of eight decks or fewer.
fn script(cards: &str, decks: usize) -> Vec<u64> {
    let mut shoe: Vec<u8> = (0..52).flat_map(|code| vec![code; decks]).collect();
    let index = |card: &str| {
        let index = shoe.iter().position(|&left| left == code(card)).expect("in the shoe");
        shoe.remove(index);
        index as u64
    };
    cards.split_whitespace().map(index).collect()
}

fn kinds(actions: &str) -> Vec<pb::Action> {
    actions.split_whitespace().map(|name| action(Kind::from_str_name(&format!("BLACKJACK_ACTION_KIND_{name}")).expect("a kind"))).collect()
}

fn action(kind: Kind) -> pb::Action {
    pb::Action { family: Some(pb::action::Family::Blackjack(pb::BlackjackAction { kind: kind.into() })) }
}

fn bet(steps: i64) -> pb::Bet {
    pb::Bet { family: Some(Family::Blackjack(pb::BlackjackBet { stake_micros: steps * STEP })) }
}

fn decks(name: &str) -> usize {
    if name == "blackjack-classic" {
        6
    } else {
        8
    }
}

fn stand(model: &Model, steps: i64, draws: Vec<u64>, actions: &str) -> Result<(Standing, BlackjackOutcome), Error> {
    let standing = model.game.standing(&bet(steps), &kinds(actions), STEP, &mut Scripted::new(draws))?;
    let outcome::Family::Blackjack(outcome) = standing.outcome.clone() else { panic!("not a blackjack outcome") };
    Ok((standing, outcome))
}

/// "`WIN BUST`" for two hands, dealer's total of cards, "stake paid" in steps.
fn summary(standing: &Standing, outcome: &BlackjackOutcome) -> String {
    let results: Vec<&str> = outcome.hands.iter().map(|hand| hand.result().as_str_name().trim_start_matches("BLACKJACK_RESULT_")).collect();
    let paid = standing.payout.map_or("open".into(), |payout| (payout / STEP).to_string());
    format!("{} | {} | {} {paid}", results.join(" "), outcome.dealer.len(), standing.stake / STEP)
}

/// One row a scenario: model | stake in steps | cards dealt | decisions | results | dealer's cards | staked and paid, in steps.
/// Cards come in the order: player, up card, player, hole card (where there is one), then as they are dealt.
const SCENARIOS: &str = "
classic | 100 | As 5d Kh 9c             |                    | BLACKJACK      | 2 | 100 250
classic | 100 | As Kd Kh Ac             |                    | PUSH           | 2 | 100 100
classic | 100 | 9s Kd 9h Ac             |                    | LOSE           | 2 | 100 0
classic | 100 | Ts 9d 9h 2c 7d          | STAND              | WIN            | 3 | 100 200
classic | 100 | 9s Ad 9h Kc             | DECLINE_INSURANCE  | LOSE           | 2 | 100 0
classic | 100 | 9s Ad 9h Kc             | INSURE             | LOSE           | 2 | 150 150
classic | 100 | 9s Ad 9h 7c             | INSURE STAND       | PUSH           | 2 | 150 100
classic | 100 | As Ad Kh Kc             | INSURE             | PUSH           | 2 | 150 250
classic | 100 | As Ad Kh 9c             | INSURE             | BLACKJACK      | 2 | 150 250
classic | 100 | As Ad Kh 9c             | DECLINE_INSURANCE  | BLACKJACK      | 2 | 100 250
classic | 11  | 9s Ad 9h Kc             | INSURE             | LOSE           | 2 | 16 15
classic | 11  | As 5d Kh 9c             |                    | BLACKJACK      | 2 | 11 27
classic | 11  | Ts 9d 6h 7c             | SURRENDER          | SURRENDER      | 2 | 11 5
classic | 100 | Ts 6d 6h Tc Kd          | HIT                | BUST           | 2 | 100 0
classic | 100 | 6s 5d 5h Tc Kd 7c       | DOUBLE             | WIN            | 3 | 200 400
classic | 100 | 6s 5d 5h Tc 2d 2c       | DOUBLE             | LOSE           | 3 | 200 0
classic | 100 | 8s 6d 8h Tc 3d 2c Kd 7c 5h | SPLIT DOUBLE HIT STAND | PUSH LOSE | 3 | 300 200
classic | 100 | As 6d Ah Tc Kd 9c 5h    | SPLIT              | PUSH LOSE      | 3 | 200 100
classic | 100 | As 6d Ah Tc Ad Ac 5h    | SPLIT              | LOSE LOSE      | 3 | 200 0
classic | 100 | Ks 6d Jh Tc Ad Qc 9h    | SPLIT STAND        | WIN WIN        | 3 | 200 400
classic | 100 | 8s 6d 8h Tc 8d 8c Kd Qd Kc Qc 9h | SPLIT SPLIT STAND STAND SPLIT STAND STAND | WIN WIN WIN WIN | 3 | 400 800
classic | 100 | Ts 9d 6h 7c             | SURRENDER          | SURRENDER      | 2 | 100 50
classic | 100 | Ts Ad 6h 7c             | DECLINE_INSURANCE SURRENDER | SURRENDER | 2 | 100 50
classic | 100 | Ts 6d 7h Ac             | STAND              | PUSH           | 2 | 100 100
h17     | 100 | Ts 6d 7h Ac 4c          | STAND              | LOSE           | 3 | 100 0
classic | 100 | 5s 6d 6h Tc Kd 9h       | HIT                | WIN            | 3 | 100 200
classic | 100 | 5s 6d 6h Tc             |                    | UNSPECIFIED    | 1 | 100 open
classic | 100 | 9s Ad 9h Kc             |                    | UNSPECIFIED    | 1 | 100 open
classic | 100 | 8s 6d 8h Tc 3d 2c       | SPLIT              | UNSPECIFIED UNSPECIFIED | 1 | 200 open
classic | 100 | 8s 6d 8h Tc Kd Kc Qd    | SPLIT HIT          | BUST UNSPECIFIED | 1 | 200 open
no-hole | 100 | 6s Kd 5h 9c Ac          | DOUBLE             | LOSE           | 2 | 200 0
no-hole | 100 | 8s Kd 8h 9c Tc Ac       | SPLIT STAND STAND  | LOSE LOSE      | 2 | 200 0
no-hole | 100 | As 5d Kh                |                    | BLACKJACK      | 1 | 100 250
no-hole | 100 | As Kd Kh 9c             |                    | BLACKJACK      | 2 | 100 250
no-hole | 100 | As Kd Kh Ac             |                    | PUSH           | 2 | 100 100
no-hole | 100 | As Ad Kh Kc             | INSURE             | PUSH           | 2 | 150 250
no-hole | 100 | As Ad Kh 9c             | INSURE             | BLACKJACK      | 2 | 150 250
no-hole | 100 | As Ad Kh Kc             | DECLINE_INSURANCE  | PUSH           | 2 | 100 100
no-hole | 100 | Ts Ad 9h 6c Tc          | INSURE STAND       | WIN            | 3 | 150 200
no-hole | 100 | Ts 6d 6h Kd             | HIT                | BUST           | 1 | 100 0
no-hole | 100 | Ts Ad 6h Kd Kc          | INSURE HIT         | BUST           | 2 | 150 150
no-hole | 100 | Ts Ad 6h Kd 9c          | INSURE HIT         | BUST           | 2 | 150 0
";

/// The round's course and money, row by row: blackjacks, insurance and even money, odd stakes floored to the cent, bust, double, split and
/// resplit, one card on split aces, surrender, soft 17, hole card or none; an open round shows one card of the dealer's.
#[test]
fn plays_the_scenarios() {
    for row in SCENARIOS.lines().filter(|row| !row.is_empty()) {
        let [name, steps, cards, actions, results, dealer, money]: [&str; 7] =
            row.split('|').map(str::trim).collect::<Vec<_>>().try_into().expect("seven columns");
        let name = format!("blackjack-{name}");
        let draws = script(cards, decks(&name));
        let (standing, outcome) =
            stand(&model(&name), steps.parse().expect("steps"), draws, actions).unwrap_or_else(|e| panic!("{row}: {e}"));
        assert_eq!(summary(&standing, &outcome), format!("{results} | {dealer} | {money}"), "{row}");
    }
}

/// Which decisions each moment offers.
#[test]
fn offers_decisions() {
    let table = [
        ("classic", "5s 6d 6h Tc", "", "HIT STAND DOUBLE SURRENDER"),
        ("classic", "8s 6d 8h Tc", "", "HIT STAND DOUBLE SPLIT SURRENDER"),
        ("classic", "Ks 6d Th Tc", "", "HIT STAND DOUBLE SPLIT SURRENDER"),
        ("classic", "Ks Ad Th Tc", "", "INSURE DECLINE_INSURANCE"),
        ("classic", "5s 6d 6h Tc 2c", "HIT", "HIT STAND"),
        ("classic", "8s 6d 8h Tc 3d 2c", "SPLIT", "HIT STAND DOUBLE"),
        ("classic", "8s 6d 8h Tc 8d 8c", "SPLIT", "HIT STAND DOUBLE SPLIT"),
        ("classic", "8s 6d 8h Tc 8d 8c 8s 8h", "SPLIT SPLIT", "HIT STAND DOUBLE SPLIT"),
        ("classic", "8s 6d 8h Tc 8d 8c 8s 8h 8d 8c", "SPLIT SPLIT SPLIT", "HIT STAND DOUBLE"),
        ("no-hole", "5s 6d 6h", "", "HIT STAND DOUBLE"),
        ("classic", "As 5d Kh 9c", "", ""),
    ];
    for (name, cards, actions, legal) in table {
        let name = format!("blackjack-{name}");
        let (_, outcome) = stand(&model(&name), 100, script(cards, decks(&name)), actions).unwrap_or_else(|e| panic!("{cards}: {e}"));
        let offered: Vec<&str> = outcome.legal().map(|kind| kind.as_str_name().trim_start_matches("BLACKJACK_ACTION_KIND_")).collect();
        assert_eq!(offered.join(" "), legal, "{cards} {actions}");
    }
}

/// Rules that no shipped model has: doubling limits, split aces, no splits, 6 to 5, stakes too small to insure.
#[test]
fn keeps_other_rules() {
    type Row<'a> = (&'a [(&'a str, &'a str)], i64, &'a str, &'a str, &'a str);
    let offered: [Row; 9] = [
        (&[("\"any\"", "\"hard-9-11\"")], 100, "4s 6d 5h Tc", "", "HIT STAND DOUBLE SURRENDER"),
        (&[("\"any\"", "\"hard-10-11\"")], 100, "4s 6d 5h Tc", "", "HIT STAND SURRENDER"),
        (&[("\"any\"", "\"hard-9-11\"")], 100, "As 6d 9h Tc", "", "HIT STAND SURRENDER"),
        (&[("double_after_split = true", "double_after_split = false")], 100, "8s 6d 8h Tc 3d 2c", "SPLIT", "HIT STAND"),
        (&[("\"one-card\"", "\"resplit\"")], 100, "As 6d Ah Tc Ad 9c", "SPLIT", "STAND SPLIT"),
        (&[("\"one-card\"", "\"play-on\"")], 100, "As 6d Ah Tc Ad 9c", "SPLIT", "HIT STAND DOUBLE SPLIT"),
        (&[("hands_max = 4", "hands_max = 1")], 100, "8s 6d 8h Tc", "", "HIT STAND DOUBLE SURRENDER"),
        (&[("min_steps = 10", "min_steps = 1")], 1, "Ks Ad Th 9c", "", "HIT STAND DOUBLE SPLIT SURRENDER"),
        (&[("insurance = true", "insurance = false")], 100, "Ks Ad Th 9c", "", "HIT STAND DOUBLE SPLIT SURRENDER"),
    ];
    for (changes, steps, cards, actions, legal) in offered {
        let (_, outcome) =
            stand(&variant("blackjack-classic", changes), steps, script(cards, 6), actions).unwrap_or_else(|e| panic!("{changes:?}: {e}"));
        let offered: Vec<&str> = outcome.legal().map(|kind| kind.as_str_name().trim_start_matches("BLACKJACK_ACTION_KIND_")).collect();
        assert_eq!(offered.join(" "), legal, "{changes:?} {cards} {actions}");
    }
    let (standing, _) = stand(&variant("blackjack-classic", &[("[3, 2]", "[6, 5]")]), 11, script("As 5d Kh 9c", 6), "").expect("dealt");
    assert_eq!(standing.payout, Some(24 * STEP), "11 + 13.2 is floored to the cent");
    let resplit = variant("blackjack-classic", &[("\"one-card\"", "\"resplit\""), ("hands_max = 4", "hands_max = 3")]);
    let (standing, outcome) = stand(&resplit, 100, script("As 6d Ah Tc Ad Ac Kd Kc 9h", 6), "SPLIT SPLIT").expect("dealt");
    assert_eq!(
        summary(&standing, &outcome),
        "WIN WIN WIN | 3 | 300 600",
        "the third hand's pair can't be split, so nothing is left to decide"
    );
}

/// A decision that is not offered, after the end, of no kind or of no family is refused and says what is allowed.
#[test]
fn refuses_decisions() {
    let model = model("blackjack-classic");
    let table = [
        ("5s 6d 6h Tc", "SPLIT", "SPLIT is not allowed now; what is: HIT, STAND, DOUBLE, SURRENDER"),
        ("5s 6d 6h Tc", "UNSPECIFIED", "UNSPECIFIED is not allowed now; what is: HIT, STAND, DOUBLE, SURRENDER"),
        ("Ks Ad Th Tc", "HIT", "HIT is not allowed now; what is: INSURE, DECLINE_INSURANCE"),
        ("As 5d Kh 9c", "HIT", "the round is settled; it takes no more steps"),
        ("5s 6d 6h Tc 2c", "HIT SURRENDER", "SURRENDER is not allowed now; what is: HIT, STAND"),
    ];
    for (cards, actions, message) in table {
        let refusal = stand(&model, 100, script(cards, 6), actions).map(|_| ()).expect_err(cards);
        assert_eq!(refusal, Error::Action { message: message.into() }, "{cards} {actions}");
    }
    for action in
        [pb::Action { family: None }, pb::Action { family: Some(pb::action::Family::Blackjack(pb::BlackjackAction { kind: 99 })) }]
    {
        let draws = &mut Scripted::new(script("5s 6d 6h Tc", 6));
        assert!(matches!(model.game.standing(&bet(100), &[action], STEP, draws), Err(Error::Action { .. })));
    }
}

/// Models whose rules contradict each other or leave the range are refused with their line.
#[test]
fn refuses_bad_rules() {
    let good = model_text("blackjack-classic");
    let table = [
        ("decks = 6", "decks = 0"),
        ("decks = 6", "decks = 9"),
        ("soft_17 = \"stand\"", "soft_17 = \"maybe\""),
        ("blackjack_pays = [3, 2]", "blackjack_pays = [1, 2]"),
        ("blackjack_pays = [3, 2]", "blackjack_pays = [3, 0]"),
        ("blackjack_pays = [3, 2]", "blackjack_pays = [4294967295, 2]"),
        ("hands_max = 4", "hands_max = 5"),
        ("hands_max = 4", "hands_max = 0"),
        ("surrender = \"late\"", "surrender = \"early\""),
        ("insurance = true", "insurance = 1"),
        ("max_steps = 100_000", "max_steps = 0"),
    ];
    for (from, to) in table {
        let line = 1 + good.lines().position(|line| line.contains(from)).expect(from);
        let refusal = Model::parse(&good.replacen(from, to, 1)).map(|_| ()).expect_err(to);
        assert!(matches!(refusal, Error::Model { line: at, .. } if at == line), "{to}: {refusal:?}");
    }
    let no_hole = good.replacen("hole_card = \"peek\"", "hole_card = \"none\"", 1);
    assert!(Model::parse(&no_hole).map(|_| ()).expect_err("late surrender needs a peek").to_string().contains("needs hole_card"));
}
