//! Basic strategy that looks at totals, for simulation. The tables are data: one file per set of rules, from published charts.

use super::rules::{HoleCard, Rules, Soft17};
use super::table::{Phase, Table};
use crate::pb::BlackjackActionKind as Kind;

/// Columns: the dealer's up card, 2 to 10 and the ace.
const COLUMNS: usize = 10;

/// A total-dependent strategy: what to do for each hand against each up card.
pub struct Strategy {
    name: &'static str,
    hard: Vec<[Choice; COLUMNS]>,
    soft: Vec<[Choice; COLUMNS]>,
    pair: Vec<[Choice; COLUMNS]>,
}

/// A cell of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// `H`
    Hit,
    /// `S`
    Stand,
    /// `D`: double, else hit.
    DoubleOrHit,
    /// `Ds`: double, else stand.
    DoubleOrStand,
    /// `R`: surrender, else hit a 16 or less and stand on more; in a row of pairs: surrender, else split.
    Surrender,
    /// `Y`
    Split,
    /// `N`: play the pair as its total.
    Total,
}

impl Strategy {
    /// The chart that is nearest to the rules: by hole card, then by doubling after a split, then by the dealer's soft 17.
    pub fn for_rules(rules: &Rules) -> Self {
        match (rules.hole_card, rules.double_after_split, rules.soft_17) {
            (HoleCard::None, ..) => Self::read("h17_no_hole", include_str!("strategies/h17_no_hole.txt")),
            (_, false, _) => Self::read("h17_peek_no_das", include_str!("strategies/h17_peek_no_das.txt")),
            (_, _, Soft17::Hit) => Self::read("h17_peek", include_str!("strategies/h17_peek.txt")),
            (_, _, Soft17::Stand) => Self::read("s17_peek", include_str!("strategies/s17_peek.txt")),
        }
    }

    /// The chart's name, that of its file under `strategies/`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What to do now. The round must wait for a decision; insurance is always declined.
    pub fn decide(&self, table: &Table<'_>) -> Kind {
        let Phase::Hand(active) = table.phase() else {
            return Kind::DeclineInsurance;
        };
        let cards = &table.hands()[active].cards;
        let column = if table.up_value() == 1 { COLUMNS - 1 } else { usize::from(table.up_value()) - 2 };
        if table.allows(Kind::Split) {
            match self.pair[usize::from(cards.cards()[0].value())][column] {
                Choice::Surrender if table.allows(Kind::Surrender) => return Kind::Surrender,
                Choice::Split | Choice::Surrender => return Kind::Split,
                _ => {}
            }
        }
        let total = usize::from(cards.total());
        let choice = if cards.is_soft() { self.soft[total][column] } else { self.hard[total][column] };
        let wanted = allowed(table, choice, total);
        if table.allows(wanted) {
            wanted
        } else {
            Kind::Stand
        }
    }

    fn read(name: &'static str, text: &str) -> Self {
        let rows = |filler, count| vec![[filler; COLUMNS]; count];
        let mut strategy = Self { name, hard: rows(Choice::Hit, 22), soft: rows(Choice::Hit, 22), pair: rows(Choice::Total, 11) };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let table = words.next().expect("a row starts with its table");
            let row: usize = words.next().and_then(|word| word.parse().ok()).expect("then its total or value");
            let target = match table {
                "hard" => &mut strategy.hard[row],
                "soft" => &mut strategy.soft[row],
                _ => &mut strategy.pair[row],
            };
            for (cell, word) in target.iter_mut().zip(words) {
                *cell = choice(word);
            }
        }
        strategy
    }
}

fn allowed(table: &Table<'_>, choice: Choice, total: usize) -> Kind {
    match choice {
        Choice::DoubleOrHit | Choice::DoubleOrStand if table.allows(Kind::Double) => Kind::Double,
        Choice::Surrender if table.allows(Kind::Surrender) => Kind::Surrender,
        Choice::Surrender if total >= 17 => Kind::Stand,
        Choice::Stand | Choice::DoubleOrStand => Kind::Stand,
        _ => Kind::Hit,
    }
}

fn choice(word: &str) -> Choice {
    match word {
        "H" => Choice::Hit,
        "S" => Choice::Stand,
        "D" => Choice::DoubleOrHit,
        "Ds" => Choice::DoubleOrStand,
        "R" => Choice::Surrender,
        "Y" => Choice::Split,
        "N" => Choice::Total,
        other => panic!("{other} is no cell of a strategy"),
    }
}
