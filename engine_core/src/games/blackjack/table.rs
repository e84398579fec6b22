//! The course of a round: deal, insurance, the player's hands from the left, the dealer.

use super::hand::{Cards, Course, Hand};
use super::rules::{Double, HoleCard, Rules, Soft17, SplitAces, Surrender};
use super::shoe::{Card, Shoe};
use crate::error::Error;
use crate::pb::{BlackjackActionKind as Kind, DrawPurpose};
use crate::rng::Draws;

/// Every decision, in the order of blackjack.proto.
pub const KINDS: [Kind; 7] = [Kind::Hit, Kind::Stand, Kind::Double, Kind::Split, Kind::Insure, Kind::DeclineInsurance, Kind::Surrender];

/// What the round waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Whether the player insures.
    Insurance,
    /// A decision about the hand of this index.
    Hand(usize),
    /// Nothing: all cards are dealt.
    Over,
}

/// One round on the table.
pub struct Table<'r> {
    rules: &'r Rules,
    shoe: Shoe,
    hands: Vec<Hand>,
    /// Cards that lie open, the up card first.
    dealer: Cards,
    /// The card that lies face down.
    hole: Option<Card>,
    insured: bool,
    phase: Phase,
}

impl<'r> Table<'r> {
    /// Deals: a card to the player, the dealer's up card, a second card to the player, and the hole card where the rules have one.
    /// `insurable` says whether the stake has a half to insure with.
    pub fn deal<D: Draws>(rules: &'r Rules, insurable: bool, draws: &mut D) -> Self {
        let mut table = Self {
            rules,
            shoe: Shoe::fresh(rules.decks()),
            hands: vec![Hand::default()],
            dealer: Cards::default(),
            hole: None,
            insured: false,
            phase: Phase::Insurance,
        };
        table.give(0, draws);
        table.dealer.push(table.shoe.deal(DrawPurpose::DealerCard, draws));
        table.give(0, draws);
        if rules.hole_card == HoleCard::Peek {
            table.hole = Some(table.shoe.deal(DrawPurpose::HoleCard, draws));
        }
        if !(rules.insurance && insurable && table.up_value() == 1) {
            table.peek(draws);
        }
        table
    }

    /// What the round waits for.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The player's hands from the left; one until there is a split, never more than the rules' `hands_max`.
    pub fn hands(&self) -> &[Hand] {
        &self.hands
    }

    /// The dealer's cards that lie open, the up card first.
    pub fn dealer(&self) -> &Cards {
        &self.dealer
    }

    /// Whether the player took insurance.
    pub fn insured(&self) -> bool {
        self.insured
    }

    /// Value of the dealer's up card, 1 for an ace.
    pub fn up_value(&self) -> u8 {
        self.dealer.cards()[0].value()
    }

    /// Whether the dealer's open cards are a blackjack.
    pub fn dealer_has_blackjack(&self) -> bool {
        self.dealer.is_two_card_21()
    }

    /// Whether the player may take this decision now.
    pub fn allows(&self, kind: Kind) -> bool {
        match self.phase {
            Phase::Over => false,
            Phase::Insurance => matches!(kind, Kind::Insure | Kind::DeclineInsurance),
            Phase::Hand(active) => match kind {
                Kind::Stand => true,
                Kind::Hit => self.plays_on(active),
                Kind::Double => self.may_double(active),
                Kind::Split => self.may_split(active),
                Kind::Surrender => self.may_surrender(),
                Kind::Unspecified | Kind::Insure | Kind::DeclineInsurance => false,
            },
        }
    }

    /// Takes a decision and deals on to the next one or to the end.
    ///
    /// # Errors
    /// `Error::Action` for one that is not allowed now; it names those that are.
    pub fn act<D: Draws>(&mut self, kind: Kind, draws: &mut D) -> Result<(), Error> {
        if !self.allows(kind) {
            return Err(Error::Action { message: self.refusal(kind) });
        }
        match self.phase {
            Phase::Hand(active) => self.decide(active, kind, draws),
            Phase::Insurance | Phase::Over => {
                self.insured = kind == Kind::Insure;
                self.peek(draws);
            }
        }
        Ok(())
    }

    fn decide<D: Draws>(&mut self, active: usize, kind: Kind, draws: &mut D) {
        match kind {
            Kind::Hit => self.give(active, draws),
            Kind::Double => {
                self.give(active, draws);
                self.hands[active].doubled = true;
                self.hands[active].course = Course::Finished;
            }
            Kind::Split => self.split(active, draws),
            Kind::Surrender => self.hands[active].course = Course::Surrendered,
            _ => self.hands[active].course = Course::Finished,
        }
        self.advance(draws);
    }

    /// Both halves get their second card at once, the left one first.
    fn split<D: Draws>(&mut self, active: usize, draws: &mut D) {
        let halves = self.hands[active].cards.halves().map(|cards| Hand { cards, split: true, ..Hand::default() });
        self.hands.splice(active..=active, halves);
        self.give(active, draws);
        self.give(active + 1, draws);
    }

    fn give<D: Draws>(&mut self, hand: usize, draws: &mut D) {
        let card = self.shoe.deal(DrawPurpose::PlayerCard, draws);
        self.hands[hand].cards.push(card);
    }

    /// The dealer looks at the hole card under an ace or ten; a blackjack ends the round.
    fn peek<D: Draws>(&mut self, draws: &mut D) {
        if self.hole.is_some_and(|hole| matches!((self.up_value(), hole.value()), (1, 10) | (10, 1))) {
            self.hands[0].course = Course::Finished;
        }
        self.advance(draws);
    }

    /// Moves on to the first hand with a decision left, or to the dealer.
    fn advance<D: Draws>(&mut self, draws: &mut D) {
        for hand in 0..self.hands.len() {
            let choice = self.hands[hand].cards.total() < 21 && (self.plays_on(hand) || self.may_split(hand));
            if self.hands[hand].course == Course::Open && !choice {
                self.hands[hand].course = Course::Finished;
            }
        }
        match self.hands.iter().position(|hand| hand.course == Course::Open) {
            Some(hand) => self.phase = Phase::Hand(hand),
            None => self.play_dealer(draws),
        }
    }

    fn play_dealer<D: Draws>(&mut self, draws: &mut D) {
        self.phase = Phase::Over;
        let contested = self.hands.iter().any(|hand| hand.is_live() && !hand.is_blackjack());
        let may_be_blackjack = self.insured || (self.hands[0].is_blackjack() && matches!(self.up_value(), 1 | 10));
        match self.hole.take() {
            Some(hole) => self.dealer.push(hole),
            None if contested || may_be_blackjack => self.dealer.push(self.shoe.deal(DrawPurpose::DealerCard, draws)),
            None => {}
        }
        while contested && self.dealer_draws() {
            self.dealer.push(self.shoe.deal(DrawPurpose::DealerCard, draws));
        }
    }

    fn dealer_draws(&self) -> bool {
        let total = self.dealer.total();
        total < 17 || (total == 17 && self.dealer.is_soft() && self.rules.soft_17 == Soft17::Hit)
    }

    /// Whether the hand may take cards one by one: not one from split aces, but where the rules let it.
    fn plays_on(&self, hand: usize) -> bool {
        !self.hands[hand].is_split_ace() || self.rules.split_aces == SplitAces::PlayOn
    }

    fn may_split(&self, hand: usize) -> bool {
        let again = !self.hands[hand].is_split_ace() || self.rules.split_aces != SplitAces::OneCard;
        self.hands[hand].cards.is_pair() && again && self.hands.len() < self.rules.hands_max()
    }

    fn may_double(&self, active: usize) -> bool {
        let hand = &self.hands[active];
        let hard_total_from = |least| !hand.cards.is_soft() && (least..=11).contains(&hand.cards.total());
        let total_allows = match self.rules.double {
            Double::Any => true,
            Double::Hard9To11 => hard_total_from(9),
            Double::Hard10To11 => hard_total_from(10),
        };
        hand.cards.cards().len() == 2 && total_allows && self.plays_on(active) && (!hand.split || self.rules.double_after_split)
    }

    fn may_surrender(&self) -> bool {
        let first = self.hands.len() == 1 && self.hands[0].cards.cards().len() == 2;
        first && self.rules.surrender() == Surrender::Late
    }

    fn refusal(&self, kind: Kind) -> String {
        let name = |kind: Kind| kind.as_str_name().trim_start_matches("BLACKJACK_ACTION_KIND_").to_string();
        let allowed: Vec<String> = KINDS.into_iter().filter(|&kind| self.allows(kind)).map(name).collect();
        if allowed.is_empty() {
            return "the round is settled; it takes no more steps".into();
        }
        format!("{} is not allowed now; what is: {}", name(kind), allowed.join(", "))
    }
}
