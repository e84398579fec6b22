//! Cards, and the shoe they are dealt from without replacement.

use crate::pb::DrawPurpose;
use crate::rng::Draws;

/// Different cards in a deck.
const KINDS: usize = 52;

/// A card: rank x 4 + suit. Rank 0 is the ace, 1 the two … 12 the king; suits 0 to 3 are clubs, diamonds, hearts, spades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card(u8);

impl Card {
    /// Rank x 4 + suit.
    pub fn code(self) -> u8 {
        self.0
    }

    /// 1 for an ace, 10 for a ten, jack, queen or king.
    pub fn value(self) -> u8 {
        (self.0 / 4 + 1).min(10)
    }
}

/// The cards not dealt yet. A fresh one for every round, and no card is drawn before it is dealt: so a round takes only the bits that its
/// cards need, which the 256-bit key of its stream covers, where the order of a whole shoe (2,229 bits for eight decks) would not be (R7).
pub struct Shoe {
    left: u32,
    by_rank: [u16; KINDS / 4],
    by_card: [u16; KINDS],
}

impl Shoe {
    /// A full shoe of 1 to 8 decks.
    pub fn fresh(decks: u16) -> Self {
        Self { left: 52 * u32::from(decks), by_rank: [4 * decks; KINDS / 4], by_card: [decks; KINDS] }
    }

    /// Deals a card: an index uniform below the number of cards left, into those cards sorted by code.
    ///
    /// # Panics
    /// If the shoe is empty, which four hands and a dealer cannot bring about.
    pub fn deal<D: Draws>(&mut self, purpose: DrawPurpose, draws: &mut D) -> Card {
        let index = draws.below(purpose, u64::from(self.left));
        let card = self.at(u16::try_from(index).expect("a shoe holds at most 416 cards"));
        self.left -= 1;
        self.by_rank[usize::from(card.0 / 4)] -= 1;
        self.by_card[usize::from(card.0)] -= 1;
        card
    }

    /// The card at `index` of the cards left, sorted by code.
    fn at(&self, index: u16) -> Card {
        let (mut index, mut rank) = (index, 0);
        while index >= self.by_rank[rank] {
            index -= self.by_rank[rank];
            rank += 1;
        }
        let mut card = rank * 4;
        while index >= self.by_card[card] {
            index -= self.by_card[card];
            card += 1;
        }
        Card(u8::try_from(card).expect("below 52"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::scripted::Scripted;
    use proptest::prelude::*;

    /// Real decks without replacement (F5): always taking the first card deals the shoe in the order of the codes.
    #[test]
    fn deals_every_card_once_per_deck() {
        let mut shoe = Shoe::fresh(2);
        let mut script = Scripted::new(vec![0; 104]);
        let dealt: Vec<u8> = (0..104).map(|_| shoe.deal(DrawPurpose::PlayerCard, &mut script).code()).collect();
        assert_eq!(dealt, (0..104).map(|i| i / 2).collect::<Vec<u8>>());
    }

    proptest! {
        /// The counted shoe deals what popping an index from the sorted list of cards deals, which is how the rule is documented.
        #[test]
        fn equals_a_sorted_list(decks in 1..=8u16, picks in prop::collection::vec(any::<prop::sample::Index>(), 52)) {
            let mut cards: Vec<u8> = (0..52).flat_map(|code| vec![code; usize::from(decks)]).collect();
            let mut shoe = Shoe::fresh(decks);
            for pick in picks {
                let index = pick.index(cards.len());
                let dealt = shoe.deal(DrawPurpose::PlayerCard, &mut Scripted::new(vec![index as u64]));
                prop_assert_eq!(dealt.code(), cards.remove(index));
            }
        }
    }
}
