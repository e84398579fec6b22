//! The shape of the `[slots]` part of a model file, each value with its place in the text. docs/model.schema.json says the same.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A list whose values know their places in the text, as does the list.
type List<T> = Spanned<Vec<Spanned<T>>>;

/// The file, as far as this family reads it.
#[derive(Deserialize)]
pub struct File {
    pub slots: Part,
}

/// `[slots]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Rows of the window.
    pub rows: Spanned<usize>,
    /// Names of all symbols; outcomes index this list.
    pub symbols: List<String>,
    /// The symbol that substitutes for all but the scatter.
    pub wild: Option<Spanned<String>>,
    /// The symbol that pays and triggers anywhere.
    pub scatter: Option<Spanned<String>>,
    pub stake: Stake,
    pub pay: Pay,
    /// By name; "base" is the mode that a round is paid for.
    pub mode: BTreeMap<Spanned<String>, Mode>,
}

/// `[slots.stake]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stake {
    pub unit: Unit,
    /// Stakes of one unit in steps of the currency, ascending.
    pub levels: Spanned<Vec<Spanned<u64>>>,
}

/// What line pays and levels are counted in.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// The stake of one line; a total stake is one for each line.
    Line,
    /// The total stake.
    Total,
}

/// `[slots.pay]`: the parameters of the stages that pay.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pay {
    pub lines: Option<Spanned<Lines>>,
    pub scatter: Option<Spanned<Scatter>>,
}

/// `[slots.pay.lines]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// Each line's row on each reel, 0 at the top.
    #[allow(clippy::struct_field_names, reason = "named as in the file")]
    pub lines: Spanned<Vec<List<usize>>>,
    /// What a run with a wild in it pays more.
    pub wild_multiplier: Option<Spanned<u32>>,
    /// By symbol: pays for 1, 2, 3 … in a row, in the unit of stake.
    pub pays: Spanned<BTreeMap<Spanned<String>, List<u32>>>,
}

/// `[slots.pay.scatter]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scatter {
    /// Pays for 1, 2, 3 … scatters, in total stakes.
    pub pays: List<u32>,
}

/// `[slots.mode.NAME]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// "spin", then any of "pay.lines" and "pay.scatter".
    pub stages: List<String>,
    /// The strips, from the left; absent: those of the base mode.
    pub reels: Option<Spanned<Vec<List<String>>>>,
    #[serde(default)]
    pub trigger: Vec<Spanned<Trigger>>,
}

/// `[[slots.mode.NAME.trigger]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    pub on: On,
    /// The mode in which the free spins are played.
    pub go: Spanned<String>,
    /// How many are won.
    pub spins: Spanned<u32>,
    /// What every win of theirs is multiplied by; absent: 1.
    pub multiplier: Option<Spanned<u32>>,
}

/// What sets a trigger off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// At least this many scatters.
    pub scatter: Spanned<usize>,
}
