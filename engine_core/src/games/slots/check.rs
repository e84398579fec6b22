//! Turns the file's `[slots]` part into a model, or says the line, what is wrong and what would be right.

use super::chain;
use super::check_modes::{Modes, MULTIPLIER_MAX};
use super::file::{self, File, Part, Unit};
use super::lines::{LineRules, LINES_MAX};
use super::spin::{Symbol, REELS_MAX, ROWS_MAX, STRIP_MAX};
use super::{Levels, Slots};
use crate::error::Error;
use crate::model::{error_at, toml_error};
use std::ops::Range;
use toml::Spanned;

/// The most symbols of a model.
const SYMBOLS_MAX: usize = 64;
/// The highest single pay, so that a round's units stay far inside 64 bits.
const PAY_MAX: u32 = 10_000_000;
/// The most levels of stake, and the highest one in steps.
const LEVELS_MAX: usize = 100;
const LEVEL_MAX: u64 = 1_000_000;
/// The largest step of a currency that a model must be able to pay in: one whole unit, as in JPY.
const STEP_MAX: u64 = 1_000_000;

/// The file's text beside what was read so far, for errors.
pub struct Check<'a> {
    text: &'a str,
    pub part: &'a Part,
    symbols: Vec<String>,
}

/// See [`Slots::parse`].
pub fn slots(text: &str) -> Result<Slots, Error> {
    let part = toml::from_str::<File>(text).map_err(|e| toml_error(text, &e))?.slots;
    let rows = *part.rows.get_ref();
    if rows == 0 || rows > ROWS_MAX {
        return Err(error_at(text, &part.rows.span(), format!("rows = {rows}; a window has 1 to {ROWS_MAX} rows")));
    }
    let check = Check { text, part: &part, symbols: symbols(text, &part)? };
    let wild = check.special(part.wild.as_ref(), "wild")?;
    let scatter = check.special(part.scatter.as_ref(), "scatter")?;
    if let (Some(name), true) = (&part.wild, wild.is_some() && wild == scatter) {
        return Err(check.at(&name.span(), "wild and scatter are the same symbol; a wild stands for every symbol but the scatter"));
    }
    let base = check.base_reels()?;
    let rules = check.rules(rows, base.len(), wild, scatter)?;
    let scatter_pays = check.scatter_pays(scatter)?;
    let stake = check.levels(rules.as_ref())?;
    let modes = Modes { check: &check, rows, rules: rules.as_ref(), scatter, scatter_pays: scatter_pays.as_deref(), base }.all()?;
    let slots = Slots { rows, symbols: check.symbols.clone(), rules, scatter_pays: scatter.zip(scatter_pays), stake, modes };
    check.whole(&slots)?;
    Ok(slots)
}

fn symbols(text: &str, part: &Part) -> Result<Vec<String>, Error> {
    let listed = part.symbols.get_ref();
    if listed.is_empty() || listed.len() > SYMBOLS_MAX {
        return Err(error_at(text, &part.symbols.span(), format!("{} symbols; a model has 1 to {SYMBOLS_MAX}", listed.len())));
    }
    let mut names: Vec<String> = Vec::new();
    for name in listed {
        if name.get_ref().trim().is_empty() || names.contains(name.get_ref()) {
            return Err(error_at(
                text,
                &name.span(),
                format!("symbol \"{}\" is empty or listed twice; each needs its own name", name.get_ref()),
            ));
        }
        names.push(name.get_ref().clone());
    }
    Ok(names)
}

impl Check<'_> {
    /// The error of what stands at `span`.
    pub fn at(&self, span: &Range<usize>, message: impl Into<String>) -> Error {
        error_at(self.text, span, message.into())
    }

    fn symbol(&self, name: &Spanned<String>) -> Result<Symbol, Error> {
        let found = (0..).zip(&self.symbols).find(|(_, symbol)| *symbol == name.get_ref());
        let message = || format!("\"{}\" is not a symbol of this model; symbols are: {}", name.get_ref(), self.symbols.join(", "));
        found.map(|(index, _)| index).ok_or_else(|| self.at(&name.span(), message()))
    }

    fn special(&self, name: Option<&Spanned<String>>, role: &str) -> Result<Option<Symbol>, Error> {
        name.map(|name| self.symbol(name)).transpose().map_err(|error| match error {
            Error::Model { line, message } => Error::Model { line, message: format!("{role} = {message}") },
            other => other,
        })
    }

    fn base_reels(&self) -> Result<Vec<Vec<Symbol>>, Error> {
        let base = self.part.mode.iter().find(|(name, _)| name.get_ref() == "base").map(|(_, mode)| mode);
        let Some(base) = base else {
            let span = self.part.mode.keys().next().map_or(0..0, Spanned::span);
            return Err(self.at(&span, "there is no [slots.mode.base]; it is the mode that a round is paid for"));
        };
        let message = "the base mode has no reels; list its strips: reels = [[…], […], …]";
        let reels = base.reels.as_ref().ok_or_else(|| self.at(&base.stages.span(), message))?;
        self.strips(reels)
    }

    /// The strips of one mode.
    pub fn strips(&self, reels: &Spanned<Vec<Spanned<Vec<Spanned<String>>>>>) -> Result<Vec<Vec<Symbol>>, Error> {
        let count = reels.get_ref().len();
        if count == 0 || count > REELS_MAX {
            return Err(self.at(&reels.span(), format!("{count} reels; a mode has 1 to {REELS_MAX}")));
        }
        let rows = *self.part.rows.get_ref();
        let strip = |(reel, strip): (usize, &Spanned<Vec<Spanned<String>>>)| {
            let length = strip.get_ref().len();
            if length < rows || length > STRIP_MAX {
                let message = format!(
                    "reel {} has {length} symbols; a strip has at least as many as the window's rows, {rows}, and at most {STRIP_MAX}",
                    reel + 1
                );
                return Err(self.at(&strip.span(), message));
            }
            strip.get_ref().iter().map(|name| self.symbol(name)).collect()
        };
        reels.get_ref().iter().enumerate().map(strip).collect()
    }

    fn rules(&self, rows: usize, reels: usize, wild: Option<Symbol>, scatter: Option<Symbol>) -> Result<Option<LineRules>, Error> {
        let Some(part) = &self.part.pay.lines else { return Ok(None) };
        let part = part.get_ref();
        let count = part.lines.get_ref().len();
        if count == 0 || count > LINES_MAX {
            return Err(self.at(&part.lines.span(), format!("{count} lines; a model has 1 to {LINES_MAX}")));
        }
        let lines = (1..).zip(part.lines.get_ref()).map(|(number, line)| self.line(number, line, rows, reels)).collect::<Result<_, _>>()?;
        let wild_multiplier = part.wild_multiplier.as_ref().map_or(1, |multiplier| *multiplier.get_ref());
        if let Some(multiplier) = &part.wild_multiplier {
            if wild_multiplier == 0 || wild_multiplier > MULTIPLIER_MAX || wild.is_none() {
                let message = format!("wild_multiplier = {wild_multiplier}; it must be 1 to {MULTIPLIER_MAX}, and the model needs a wild");
                return Err(self.at(&multiplier.span(), message));
            }
        }
        Ok(Some(LineRules { lines, pays: self.line_pays(part, reels, scatter)?, wild, scatter, wild_multiplier }))
    }

    fn line(&self, number: usize, line: &Spanned<Vec<Spanned<usize>>>, rows: usize, reels: usize) -> Result<Vec<usize>, Error> {
        let places = line.get_ref();
        if places.len() != reels {
            return Err(
                self.at(&line.span(), format!("line {number} names {} rows; there are {reels} reels and each needs one", places.len()))
            );
        }
        let inside = |row: &Spanned<usize>| {
            let message = || format!("line {number} runs through row {}; rows are 0 to {}", row.get_ref(), rows - 1);
            if *row.get_ref() < rows {
                Ok(*row.get_ref())
            } else {
                Err(self.at(&row.span(), message()))
            }
        };
        places.iter().map(inside).collect()
    }

    fn line_pays(&self, part: &file::Lines, reels: usize, scatter: Option<Symbol>) -> Result<Vec<Vec<u32>>, Error> {
        let mut pays = vec![Vec::new(); self.symbols.len()];
        if part.pays.get_ref().is_empty() {
            return Err(self.at(&part.pays.span(), "no symbol pays on lines; list at least one, as in: Seven = [0, 0, 20, 100, 500]"));
        }
        for (name, listed) in part.pays.get_ref() {
            let symbol = self.symbol(name)?;
            if Some(symbol) == scatter {
                return Err(self.at(&name.span(), format!("{} is the scatter; its pays belong into [slots.pay.scatter]", name.get_ref())));
            }
            if listed.get_ref().is_empty() || listed.get_ref().len() > reels {
                let message = format!(
                    "{} has {} pays; list 1 to {reels}, one for each number of reels in a row",
                    name.get_ref(),
                    listed.get_ref().len()
                );
                return Err(self.at(&listed.span(), message));
            }
            pays[usize::from(symbol)] = self.amounts(listed.get_ref())?;
        }
        Ok(pays)
    }

    fn scatter_pays(&self, scatter: Option<Symbol>) -> Result<Option<Vec<u32>>, Error> {
        let Some(part) = &self.part.pay.scatter else { return Ok(None) };
        if scatter.is_none() {
            return Err(self.at(&part.span(), "scatters pay but the model names none; add scatter = \"…\" to [slots]"));
        }
        self.amounts(part.get_ref().pays.get_ref()).map(Some)
    }

    fn amounts(&self, listed: &[Spanned<u32>]) -> Result<Vec<u32>, Error> {
        let amount = |pay: &Spanned<u32>| {
            let message = || format!("a pay of {}; the most is {PAY_MAX}", pay.get_ref());
            if *pay.get_ref() <= PAY_MAX {
                Ok(*pay.get_ref())
            } else {
                Err(self.at(&pay.span(), message()))
            }
        };
        listed.iter().map(amount).collect()
    }

    fn levels(&self, rules: Option<&LineRules>) -> Result<Levels, Error> {
        let stake = &self.part.stake;
        let listed = stake.levels.get_ref();
        if listed.is_empty() || listed.len() > LEVELS_MAX {
            return Err(self.at(&stake.levels.span(), format!("{} levels; a model has 1 to {LEVELS_MAX}", listed.len())));
        }
        let mut steps: Vec<u64> = Vec::new();
        for level in listed {
            let value = *level.get_ref();
            if value == 0 || value > LEVEL_MAX || steps.last().is_some_and(|last| *last >= value) {
                return Err(self.at(&level.span(), format!("level {value}; levels are 1 to {LEVEL_MAX} steps and ascend")));
            }
            steps.push(value);
        }
        let lines = rules.map_or(1, |rules| rules.lines.len() as u64);
        let (units, unit) = if stake.unit == Unit::Line { (lines, "line stake") } else { (1, "total stake") };
        if stake.unit == Unit::Line && rules.is_none() {
            return Err(self.at(&stake.levels.span(), "unit = \"line\" needs [slots.pay.lines]; without lines use unit = \"total\""));
        }
        Ok(Levels { steps, units, unit })
    }

    /// What only the whole model shows: free spins that end, and wins that fit into money.
    fn whole(&self, slots: &Slots) -> Result<(), Error> {
        for (mode, (name, part)) in slots.modes.iter().zip(self.ordered()) {
            let span = part.trigger.first().map_or_else(|| name.span(), Spanned::span);
            chain::ends(slots, mode).map_err(|message| self.at(&span, message))?;
        }
        let top = slots.modes.iter().map(|mode| slots.units_max(mode)).max().unwrap_or(0);
        let level = slots.stake.steps.last().copied().unwrap_or(0);
        // A thousand top awards in one round must fit as well.
        if u128::from(top) * u128::from(level) * u128::from(STEP_MAX) * 1_000 > i64::MAX.unsigned_abs().into() {
            let message = format!("a spin may pay {top} units, at a level of {level} steps more than money can hold a thousand times; lower the level or the pays");
            return Err(self.at(&self.part.stake.levels.span(), message));
        }
        Ok(())
    }

    /// The modes, base first, then by name: the order of `Slots::modes`.
    pub fn ordered(&self) -> Vec<(&Spanned<String>, &file::Mode)> {
        let mut modes: Vec<_> = self.part.mode.iter().collect();
        modes.sort_by_key(|(name, _)| (name.get_ref() != "base", name.get_ref().clone()));
        modes
    }
}
