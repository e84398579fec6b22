//! What cards are worth together.

use super::shoe::Card;

/// Cards that lie together, the player's or the dealer's.
#[derive(Debug, Clone, Default)]
pub struct Cards {
    dealt: Vec<Card>,
    hard: u8,
    ace: bool,
}

impl Cards {
    /// Adds a card.
    pub fn push(&mut self, card: Card) {
        self.dealt.push(card);
        self.hard += card.value();
        self.ace |= card.value() == 1;
    }

    /// The cards in the order they came.
    pub fn cards(&self) -> &[Card] {
        &self.dealt
    }

    /// The two cards of a pair, each on its own.
    pub fn halves(&self) -> [Self; 2] {
        [0, 1].map(|half| {
            let mut cards = Self::default();
            cards.push(self.dealt[half]);
            cards
        })
    }

    /// The best total: one ace counts 11 where that does not bust.
    pub fn total(&self) -> u8 {
        if self.is_soft() {
            self.hard + 10
        } else {
            self.hard
        }
    }

    /// Whether an ace counts 11.
    pub fn is_soft(&self) -> bool {
        self.ace && self.hard <= 11
    }

    /// Above 21.
    pub fn is_bust(&self) -> bool {
        self.hard > 21
    }

    /// 21 with two cards.
    pub fn is_two_card_21(&self) -> bool {
        self.dealt.len() == 2 && self.total() == 21
    }

    /// Two cards of one value; a jack and a king are a pair.
    pub fn is_pair(&self) -> bool {
        matches!(*self.dealt, [a, b] if a.value() == b.value())
    }
}

/// One hand of the player.
#[derive(Debug, Clone, Default)]
pub struct Hand {
    /// Its cards.
    pub cards: Cards,
    /// Staked twice.
    pub doubled: bool,
    /// From a split.
    pub split: bool,
    /// Whether decisions are left.
    pub course: Course,
}

/// Whether decisions are left for a hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Course {
    /// Yes.
    #[default]
    Open,
    /// No.
    Finished,
    /// No: it was given up for half the stake.
    Surrendered,
}

impl Hand {
    /// A blackjack: 21 with the first two cards, not from a split.
    pub fn is_blackjack(&self) -> bool {
        !self.split && self.cards.is_two_card_21()
    }

    /// Neither bust nor given up, so the dealer's cards decide.
    pub fn is_live(&self) -> bool {
        self.course != Course::Surrendered && !self.cards.is_bust()
    }

    /// From a split of aces.
    pub fn is_split_ace(&self) -> bool {
        self.split && self.cards.cards()[0].value() == 1
    }
}
