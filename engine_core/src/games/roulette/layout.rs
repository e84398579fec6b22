//! Which pockets a wager covers on each layout. Pockets are 0 to 36, 37 for "00", 38 for "000".
//!
//! The numbers lie in twelve rows of three: 1-2-3, 4-5-6 … 34-35-36. Above them:
//! - single zero: 0 touches 1, 2 and 3;
//! - double zero: 0 touches 1, 2 and 00; 00 touches 2, 3 and 0;
//! - triple zero: makers draw the zeros differently, so they take straight wagers only.

use crate::pb::RouletteWagerKind as Kind;

/// The pocket "00".
const DOUBLE_ZERO: u32 = 37;

/// How many zeros a wheel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wheel {
    /// 37 pockets.
    Single,
    /// 38 pockets.
    Double,
    /// 39 pockets.
    Triple,
}

impl Wheel {
    /// How many pockets there are; they are numbered from 0.
    pub fn pockets(self) -> u32 {
        match self {
            Self::Single => 37,
            Self::Double => 38,
            Self::Triple => 39,
        }
    }
}

/// A set of pockets: bit `p` is pocket `p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pockets(u64);

impl Pockets {
    /// Whether `pocket`, below 64, is one of them.
    pub fn contains(self, pocket: u32) -> bool {
        self.0 >> pocket & 1 == 1
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }
}

impl FromIterator<u32> for Pockets {
    fn from_iter<I: IntoIterator<Item = u32>>(pockets: I) -> Self {
        Self(pockets.into_iter().fold(0, |set, pocket| set | 1 << pocket))
    }
}

/// Whether a wager of this kind pays even money, and so gets half back under la partage.
pub fn is_even_money(kind: Kind) -> bool {
    matches!(kind, Kind::Red | Kind::Black | Kind::Even | Kind::Odd | Kind::Low | Kind::High)
}

/// What a win multiplies the stake by, stake included: 36 shared by the pockets, and 7 for the five of the top line.
pub fn pays(kind: Kind) -> u64 {
    match kind {
        Kind::Unspecified => 0,
        Kind::Straight => 36,
        Kind::Split => 18,
        Kind::Street => 12,
        Kind::Corner | Kind::FirstFour => 9,
        Kind::TopLine => 7,
        Kind::SixLine => 6,
        Kind::Dozen | Kind::Column => 3,
        Kind::Red | Kind::Black | Kind::Even | Kind::Odd | Kind::Low | Kind::High => 2,
    }
}

/// The pockets that a wager covers on `wheel`.
///
/// # Errors
/// A sentence that says what `numbers` would be right, where the layout has no such wager.
pub fn covered(wheel: Wheel, kind: Kind, numbers: &[u32]) -> Result<Pockets, String> {
    match kind {
        Kind::Unspecified => Err("kind must name where the wager lies".into()),
        Kind::Straight => named(numbers, straight(wheel, numbers), "one pocket of the wheel"),
        Kind::Split => named(numbers, split(wheel, numbers), "two pockets that touch, ascending"),
        Kind::Street => {
            named(numbers, street(wheel, numbers), "the three numbers of a row, or three around a zero of the layout, ascending")
        }
        Kind::Corner => named(numbers, corner(numbers), "four numbers in a square, ascending"),
        Kind::SixLine => named(numbers, six_line(numbers), "the six numbers of two adjacent rows, ascending"),
        Kind::FirstFour => fixed(numbers, wheel == Wheel::Single, "a single-zero wheel", 0..=3),
        Kind::TopLine => fixed(numbers, wheel == Wheel::Double, "a double-zero wheel", (0..=3).chain([DOUBLE_ZERO])),
        Kind::Dozen => third(numbers, |number, which| (number - 1) / 12 + 1 == which),
        Kind::Column => third(numbers, |number, which| (number - 1) % 3 + 1 == which),
        Kind::Red => fixed(numbers, true, "", (1..=36).filter(|&n| is_red(n))),
        Kind::Black => fixed(numbers, true, "", (1..=36).filter(|&n| !is_red(n))),
        Kind::Even => fixed(numbers, true, "", (1..=36).filter(|n| n % 2 == 0)),
        Kind::Odd => fixed(numbers, true, "", (1..=36).filter(|n| n % 2 == 1)),
        Kind::Low => fixed(numbers, true, "", 1..=18),
        Kind::High => fixed(numbers, true, "", 19..=36),
    }
}

/// Every wager of this kind that the layout of `wheel` has, as the `numbers` of a bet.
pub fn places(wheel: Wheel, kind: Kind) -> Vec<Vec<u32>> {
    let candidates: Vec<Vec<u32>> = match kind {
        Kind::Unspecified => vec![],
        Kind::Straight => (0..wheel.pockets()).map(|n| vec![n]).collect(),
        Kind::Split => (0..wheel.pockets()).flat_map(|a| (a + 1..wheel.pockets()).map(move |b| vec![a, b])).collect(),
        Kind::Street => (1..=34).map(|n| (n..n + 3).collect()).chain(zero_streets(wheel).iter().map(|s| s.to_vec())).collect(),
        Kind::Corner => (1..=32).map(|n| vec![n, n + 1, n + 3, n + 4]).collect(),
        Kind::SixLine => (1..=31).map(|n| (n..n + 6).collect()).collect(),
        Kind::Dozen | Kind::Column => (1..=3).map(|n| vec![n]).collect(),
        _ => vec![vec![]],
    };
    candidates.into_iter().filter(|numbers| covered(wheel, kind, numbers).is_ok()).collect()
}

fn named(numbers: &[u32], offered: bool, right: &str) -> Result<Pockets, String> {
    if offered {
        Ok(numbers.iter().copied().collect())
    } else {
        Err(format!("{numbers:?} is no wager of this layout; numbers must be {right}"))
    }
}

fn fixed(numbers: &[u32], offered: bool, where_offered: &str, pockets: impl IntoIterator<Item = u32>) -> Result<Pockets, String> {
    if !offered {
        return Err(format!("only {where_offered} has this wager"));
    }
    if !numbers.is_empty() {
        return Err(format!("{numbers:?} must be empty: the kind says which pockets are covered"));
    }
    Ok(pockets.into_iter().collect())
}

fn third(numbers: &[u32], belongs: impl Fn(u32, u32) -> bool) -> Result<Pockets, String> {
    match *numbers {
        [which @ 1..=3] => Ok((1..=36).filter(|&number| belongs(number, which)).collect()),
        _ => Err(format!("{numbers:?} must be one of [1], [2] and [3]")),
    }
}

fn straight(wheel: Wheel, numbers: &[u32]) -> bool {
    matches!(*numbers, [n] if n < wheel.pockets())
}

fn split(wheel: Wheel, numbers: &[u32]) -> bool {
    match (wheel, numbers) {
        (_, &[a @ 1..=36, b @ 1..=36]) => (b == a + 1 && a % 3 != 0) || b == a + 3,
        (Wheel::Single, &[0, b]) => (1..=3).contains(&b),
        (Wheel::Double, &[0, b]) => matches!(b, 1 | 2 | DOUBLE_ZERO),
        (Wheel::Double, &[a, DOUBLE_ZERO]) => matches!(a, 2 | 3),
        _ => false,
    }
}

fn zero_streets(wheel: Wheel) -> &'static [[u32; 3]] {
    match wheel {
        Wheel::Single => &[[0, 1, 2], [0, 2, 3]],
        Wheel::Double => &[[0, 1, 2], [0, 2, DOUBLE_ZERO], [2, 3, DOUBLE_ZERO]],
        Wheel::Triple => &[],
    }
}

fn street(wheel: Wheel, numbers: &[u32]) -> bool {
    zero_streets(wheel).iter().any(|street| street == numbers)
        || matches!(*numbers, [a @ 1..=34, b, c] if a % 3 == 1 && b == a + 1 && c == a + 2)
}

fn corner(numbers: &[u32]) -> bool {
    matches!(*numbers, [a @ 1..=32, b, c, d] if a % 3 != 0 && b == a + 1 && c == a + 3 && d == a + 4)
}

fn six_line(numbers: &[u32]) -> bool {
    matches!(*numbers, [a @ 1..=31, ..] if numbers.len() == 6 && a % 3 == 1 && numbers.iter().zip(a..).all(|(&n, right)| n == right))
}

fn is_red(number: u32) -> bool {
    matches!(number, 1 | 3 | 5 | 7 | 9 | 12 | 14 | 16 | 18 | 19 | 21 | 23 | 25 | 27 | 30 | 32 | 34 | 36)
}
