//! Roulette with one, two or three zeros: one draw names the pocket, every wager is settled against it.

mod figures;
pub mod layout;

use super::stake::StakeRange;
use super::{Family, Standing};
use crate::amount::{add, pay, Micros};
use crate::error::Error;
use crate::model::{error_at, toml_error};
use crate::pb::{self, RouletteWagerKind as Kind};
use crate::rng::Draws;
use layout::{covered, is_even_money, pays, places, Pockets, Wheel};
use toml::Spanned;

/// The most wagers one bet may hold, as in roulette.proto.
const WAGERS_MAX: usize = 100;

/// Every kind of wager, in the order of roulette.proto.
pub const KINDS: [Kind; 15] = [
    Kind::Straight,
    Kind::Split,
    Kind::Street,
    Kind::Corner,
    Kind::SixLine,
    Kind::FirstFour,
    Kind::TopLine,
    Kind::Dozen,
    Kind::Column,
    Kind::Red,
    Kind::Black,
    Kind::Even,
    Kind::Odd,
    Kind::Low,
    Kind::High,
];

/// One roulette model.
pub struct Roulette {
    rules: Rules,
}

#[derive(serde::Deserialize)]
struct File {
    roulette: Rules,
}

/// The `[roulette]` part of a model file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    wheel: Wheel,
    /// Half of an even-money stake comes back when a zero wins.
    #[serde(default)]
    la_partage: bool,
    /// Stake of each wager, in steps of the currency.
    wager: StakeRange,
    /// The most that all wagers of a round may come to, in steps of the currency.
    table_max_steps: Spanned<u32>,
}

/// A wager that was found to lie on the layout.
struct Wager {
    kind: Kind,
    pockets: Pockets,
    stake: Micros,
}

impl Roulette {
    /// Reads the `[roulette]` part.
    ///
    /// # Errors
    /// `Error::Model`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let rules = toml::from_str::<File>(text).map_err(|e| toml_error(text, &e))?.roulette;
        rules.wager.check(text)?;
        if i64::from(*rules.table_max_steps.get_ref()) < rules.wager.min_steps() {
            let message = format!("table_max_steps = {}; it must admit at least one wager of min_steps", rules.table_max_steps.get_ref());
            return Err(error_at(text, &rules.table_max_steps.span(), message));
        }
        Ok(Self { rules })
    }

    /// The wheel.
    pub fn wheel(&self) -> Wheel {
        self.rules.wheel
    }

    /// What a stake on `kind` that covers `pockets` is multiplied by when `pocket` wins: (numerator, denominator), stake included.
    pub fn multiplier(&self, kind: Kind, pockets: Pockets, pocket: u32) -> (u64, u64) {
        let zero = pocket == 0 || pocket > 36;
        if pockets.contains(pocket) {
            (pays(kind), 1)
        } else if self.rules.la_partage && zero && is_even_money(kind) {
            (1, 2)
        } else {
            (0, 1)
        }
    }

    fn wagers(&self, bet: &pb::RouletteBet, step: Micros) -> Result<Vec<Wager>, Error> {
        if bet.wagers.is_empty() || bet.wagers.len() > WAGERS_MAX {
            return Err(refused("wagers", format!("{} wagers; a round takes 1 to {WAGERS_MAX}", bet.wagers.len())));
        }
        let mut wagers: Vec<Wager> = Vec::with_capacity(bet.wagers.len());
        for (index, wager) in bet.wagers.iter().enumerate() {
            let wager = self.wager(index, wager, step)?;
            if wagers.iter().any(|other| other.kind == wager.kind && other.pockets == wager.pockets) {
                return Err(refused(&format!("wagers[{index}]"), "lies where another wager of this bet lies; stake both as one".into()));
            }
            wagers.push(wager);
        }
        Ok(wagers)
    }

    fn wager(&self, index: usize, wager: &pb::RouletteWager, step: Micros) -> Result<Wager, Error> {
        let field = |name: &str| format!("bet.roulette.wagers[{index}].{name}");
        let kind = Kind::try_from(wager.kind).unwrap_or(Kind::Unspecified);
        let at = if kind == Kind::Unspecified { "kind" } else { "numbers" };
        let pockets = covered(self.rules.wheel, kind, &wager.numbers).map_err(|message| Error::Bet { field: field(at), message })?;
        let stake = self.rules.wager.accept(wager.stake_micros, step, &field("stake_micros"))?;
        Ok(Wager { kind, pockets, stake })
    }

    fn total(&self, wagers: &[Wager], step: Micros) -> Result<Micros, Error> {
        let total = wagers.iter().try_fold(0, |sum, wager| add(sum, wager.stake))?;
        let max_steps = i64::from(*self.rules.table_max_steps.get_ref());
        if total / step > max_steps {
            return Err(refused(
                "wagers",
                format!("{total} micros in all is above the table's maximum of {max_steps} steps of {step} micros"),
            ));
        }
        Ok(total)
    }
}

impl Family for Roulette {
    fn standing<D: Draws>(&self, bet: &pb::Bet, actions: &[pb::Action], step: Micros, draws: &mut D) -> Result<Standing, Error> {
        let Some(pb::bet::Family::Roulette(bet)) = &bet.family else {
            return Err(Error::Bet { field: "bet".into(), message: "this game is roulette; set bet.roulette".into() });
        };
        let wagers = self.wagers(bet, step)?;
        let stake = self.total(&wagers, step)?;
        if !actions.is_empty() {
            return Err(Error::Action { message: "a roulette round has no steps".into() });
        }
        let pocket = draws.below(pb::DrawPurpose::Pocket, u64::from(self.rules.wheel.pockets()));
        let pocket = u32::try_from(pocket).expect("below the number of pockets");
        let mut payouts_micros = Vec::with_capacity(wagers.len());
        for wager in &wagers {
            let (numerator, denominator) = self.multiplier(wager.kind, wager.pockets, pocket);
            payouts_micros.push(pay(wager.stake, numerator, denominator, step)?);
        }
        let payout = payouts_micros.iter().try_fold(0, |sum, &payout| add(sum, payout))?;
        let outcome = pb::RouletteOutcome { pocket, payouts_micros };
        Ok(Standing { outcome: pb::outcome::Family::Roulette(outcome), stake, payout: Some(payout) })
    }

    fn pay_table(&self) -> pb::PayTable {
        let offered = KINDS.into_iter().filter(|&kind| !places(self.rules.wheel, kind).is_empty());
        let mut rows: Vec<_> = offered.map(|kind| pay_row(&kind_label(kind), pays(kind), 1)).collect();
        if self.rules.la_partage {
            rows.push(pay_row("even money when a zero wins", 1, 2));
        }
        pb::PayTable { unit: "wager".into(), rows, ..pb::PayTable::default() }
    }
}

/// "six line" for `ROULETTE_WAGER_KIND_SIX_LINE`.
pub fn kind_label(kind: Kind) -> String {
    kind.as_str_name().trim_start_matches("ROULETTE_WAGER_KIND_").replace('_', " ").to_lowercase()
}

fn pay_row(label: &str, numerator: u64, denominator: i64) -> pb::PayTableRow {
    let pays_numerator = i64::try_from(numerator).expect("at most 36");
    pb::PayTableRow { label: label.into(), pays_numerator, pays_denominator: denominator }
}

fn refused(field: &str, message: String) -> Error {
    Error::Bet { field: format!("bet.roulette.{field}"), message }
}
