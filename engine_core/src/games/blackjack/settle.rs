//! What a round is worth and what the player may see of it.

use super::hand::{Course, Hand};
use super::rules::Rules;
use super::table::{Phase, Table, KINDS};
use crate::amount::{add, pay, Micros};
use crate::error::Error;
use crate::games::Standing;
use crate::pb::{self, BlackjackActionKind as Kind, BlackjackResult as Outcome};

/// Half a stake, floored to the step: what insurance costs and what a surrender saves.
///
/// # Errors
/// `Error::Amount`.
pub fn half(stake: Micros, step: Micros) -> Result<Micros, Error> {
    pay(stake, 1, 2, step)
}

/// The table as the player may see it, with all that was staked, and all that is paid once the round is over.
///
/// # Errors
/// `Error::Amount`.
pub fn standing(rules: &Rules, table: &Table<'_>, stake: Micros, step: Micros) -> Result<Standing, Error> {
    let over = table.phase() == Phase::Over;
    let hands = table.hands().iter().map(|hand| show(rules, table, hand, stake, step)).collect::<Result<Vec<_>, _>>()?;
    let (insurance_stake_micros, insurance_payout_micros) = insurance(table, stake, step)?;
    let staked = hands.iter().try_fold(insurance_stake_micros, |sum, hand| add(sum, hand.stake_micros))?;
    let paid = hands.iter().try_fold(insurance_payout_micros, |sum, hand| add(sum, hand.payout_micros))?;
    let active_hand = match table.phase() {
        Phase::Hand(active) => active,
        Phase::Insurance | Phase::Over => 0,
    };
    let outcome = pb::BlackjackOutcome {
        hands,
        dealer: codes(table.dealer().cards()),
        active_hand: u32::try_from(active_hand).unwrap_or(u32::MAX),
        legal: KINDS.into_iter().filter(|&kind| table.allows(kind)).map(Kind::into).collect(),
        insurance_stake_micros,
        insurance_payout_micros,
    };
    Ok(Standing { outcome: pb::outcome::Family::Blackjack(outcome), stake: staked, payout: over.then_some(paid) })
}

/// All that was staked and all that is paid, for a round that is over.
///
/// # Errors
/// `Error::Amount`.
pub fn totals(rules: &Rules, table: &Table<'_>, stake: Micros, step: Micros) -> Result<(Micros, Micros), Error> {
    let (mut staked, mut paid) = insurance(table, stake, step)?;
    for hand in table.hands() {
        let stake = own_stake(hand, stake)?;
        staked = add(staked, stake)?;
        paid = add(paid, payout(rules, result(table, hand), stake, step)?)?;
    }
    Ok((staked, paid))
}

/// Stake and payout of the insurance; the payout is 0 while the dealer's blackjack does not lie open.
fn insurance(table: &Table<'_>, stake: Micros, step: Micros) -> Result<(Micros, Micros), Error> {
    if !table.insured() {
        return Ok((0, 0));
    }
    let stake = half(stake, step)?;
    Ok((stake, if table.dealer_has_blackjack() { pay(stake, 3, 1, step)? } else { 0 }))
}

/// The stake of one hand, twice the first where it was doubled.
fn own_stake(hand: &Hand, stake: Micros) -> Result<Micros, Error> {
    if hand.doubled {
        add(stake, stake)
    } else {
        Ok(stake)
    }
}

/// How a hand ended; unspecified while it is in play.
pub fn result(table: &Table<'_>, hand: &Hand) -> Outcome {
    let (own, dealer) = (hand.cards.total(), table.dealer().total());
    if hand.cards.is_bust() {
        Outcome::Bust
    } else if table.phase() != Phase::Over {
        Outcome::Unspecified
    } else if hand.course == Course::Surrendered {
        Outcome::Surrender
    } else if hand.is_blackjack() {
        if table.dealer_has_blackjack() {
            Outcome::Push
        } else {
            Outcome::Blackjack
        }
    } else if table.dealer_has_blackjack() {
        Outcome::Lose
    } else if table.dealer().is_bust() || own > dealer {
        Outcome::Win
    } else if own == dealer {
        Outcome::Push
    } else {
        Outcome::Lose
    }
}

/// What a hand pays, stake included. `stake` is the hand's own, doubled where it was doubled.
///
/// # Errors
/// `Error::Amount`.
pub fn payout(rules: &Rules, result: Outcome, stake: Micros, step: Micros) -> Result<Micros, Error> {
    match result {
        Outcome::Unspecified | Outcome::Lose | Outcome::Bust => Ok(0),
        Outcome::Push => Ok(stake),
        Outcome::Win => pay(stake, 2, 1, step),
        Outcome::Surrender => half(stake, step),
        Outcome::Blackjack => {
            let (numerator, denominator) = rules.blackjack_wins();
            pay(stake, numerator + denominator, denominator, step)
        }
    }
}

fn show(rules: &Rules, table: &Table<'_>, hand: &Hand, stake: Micros, step: Micros) -> Result<pb::BlackjackHand, Error> {
    let stake = own_stake(hand, stake)?;
    let result = result(table, hand);
    Ok(pb::BlackjackHand {
        cards: codes(hand.cards.cards()),
        stake_micros: stake,
        doubled: hand.doubled,
        split: hand.split,
        finished: hand.course != Course::Open,
        result: result.into(),
        payout_micros: if table.phase() == Phase::Over { payout(rules, result, stake, step)? } else { 0 },
    })
}

fn codes(cards: &[super::shoe::Card]) -> Vec<u32> {
    cards.iter().map(|card| u32::from(card.code())).collect()
}
