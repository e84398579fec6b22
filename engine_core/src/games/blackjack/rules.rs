//! The rules of a table, as a model file gives them.

use crate::error::Error;
use crate::games::stake::StakeRange;
use crate::model::error_at;
use serde::Deserialize;
use toml::Spanned;

/// The `[blackjack]` part of a model file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    decks: Spanned<u16>,
    /// What the dealer does on a soft 17.
    pub soft_17: Soft17,
    /// Whether the dealer takes a hole card at the deal.
    pub hole_card: HoleCard,
    /// What a blackjack wins: numerator and denominator of the stake.
    blackjack_pays: Spanned<[u32; 2]>,
    /// Which two-card hands may be doubled.
    pub double: Double,
    /// Whether a hand from a split may be doubled.
    pub double_after_split: bool,
    /// The most hands that splitting may lead to; 1 for no splits.
    hands_max: Spanned<u8>,
    /// What a split of aces allows.
    pub split_aces: SplitAces,
    /// Whether half the stake may be saved as the first decision.
    surrender: Spanned<Surrender>,
    /// Whether insurance is offered against an ace.
    pub insurance: bool,
    /// Stake of the first hand in steps of the currency.
    pub stake: StakeRange,
}

/// What the dealer does on a soft 17.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Soft17 {
    /// S17.
    Stand,
    /// H17.
    Hit,
}

/// Whether the dealer takes a hole card at the deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoleCard {
    /// Yes, and looks at it under an ace or ten: against a blackjack only the first stake is lost.
    Peek,
    /// No: the second card comes after the player's decisions, and all stakes are lost to a blackjack.
    None,
}

/// Which two-card hands may be doubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Double {
    /// Any.
    #[serde(rename = "any")]
    Any,
    /// Hard totals of 9, 10 and 11.
    #[serde(rename = "hard-9-11")]
    Hard9To11,
    /// Hard totals of 10 and 11.
    #[serde(rename = "hard-10-11")]
    Hard10To11,
}

/// What a split of aces allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitAces {
    /// One more card on each ace, no other decision.
    OneCard,
    /// One more card on each ace; another ace may be split again.
    Resplit,
    /// Like any other pair.
    PlayOn,
}

/// Whether half the stake may be saved as the first decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surrender {
    /// No.
    None,
    /// Yes, once the dealer has no blackjack.
    Late,
}

impl Rules {
    /// Refuses rules that can't be played. `text` is the model file.
    ///
    /// # Errors
    /// `Error::Model` with the line.
    pub fn check(&self, text: &str) -> Result<(), Error> {
        if !(1..=8).contains(self.decks.get_ref()) {
            return Err(error_at(text, &self.decks.span(), format!("decks = {}; it must be 1 to 8", self.decks.get_ref())));
        }
        let [numerator, denominator] = *self.blackjack_pays.get_ref();
        if denominator == 0 || denominator > 100 || numerator < denominator || numerator > 2 * denominator {
            let message =
                format!("blackjack_pays = [{numerator}, {denominator}]; it must be 1 to 2 times the stake, such as [3, 2] or [6, 5]");
            return Err(error_at(text, &self.blackjack_pays.span(), message));
        }
        if !(1..=4).contains(self.hands_max.get_ref()) {
            return Err(error_at(text, &self.hands_max.span(), format!("hands_max = {}; it must be 1 to 4", self.hands_max.get_ref())));
        }
        if *self.surrender.get_ref() == Surrender::Late && self.hole_card == HoleCard::None {
            let message = "surrender = \"late\" needs hole_card = \"peek\": it comes after the dealer has looked for a blackjack".into();
            return Err(error_at(text, &self.surrender.span(), message));
        }
        self.stake.check(text)
    }

    /// Decks in the shoe, 1 to 8.
    pub fn decks(&self) -> u16 {
        *self.decks.get_ref()
    }

    /// The most hands that splitting may lead to, 1 to 4.
    pub fn hands_max(&self) -> usize {
        usize::from(*self.hands_max.get_ref())
    }

    /// What a blackjack wins: (numerator, denominator) of the stake.
    pub fn blackjack_wins(&self) -> (u64, u64) {
        let [numerator, denominator] = *self.blackjack_pays.get_ref();
        (u64::from(numerator), u64::from(denominator))
    }

    /// Whether half the stake may be saved as the first decision.
    pub fn surrender(&self) -> Surrender {
        *self.surrender.get_ref()
    }
}
