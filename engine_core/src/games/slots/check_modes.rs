//! Checks the modes of a model file: reels, stages, triggers, and how they hang together.

use super::check::Check;
use super::file;
use super::lines::{LineRules, Lines};
use super::scatter::Scatter;
use super::spin::{Spin, Symbol};
use super::trigger::{Award, Triggers};
use super::{Mode, BASE};
use crate::error::Error;
use toml::Spanned;

/// The highest multiplier.
pub const MULTIPLIER_MAX: u32 = 1_000;
/// The most free spins of one trigger.
const SPINS_MAX: u32 = 1_000;
/// Every stage there is.
const STAGES: [&str; 3] = ["spin", "pay.lines", "pay.scatter"];

/// What the modes are built from.
pub struct Modes<'a> {
    pub check: &'a Check<'a>,
    pub rows: usize,
    pub rules: Option<&'a LineRules>,
    pub scatter: Option<Symbol>,
    pub scatter_pays: Option<&'a [u32]>,
    /// Strips of the base mode.
    pub base: Vec<Vec<Symbol>>,
}

impl Modes<'_> {
    /// Every mode, base first.
    pub fn all(&self) -> Result<Vec<Mode>, Error> {
        let parts = self.check.ordered();
        let modes = parts.iter().map(|(name, part)| self.mode(name, part)).collect::<Result<Vec<Mode>, Error>>()?;
        self.reachable(&parts)?;
        self.one_multiplier(&parts)?;
        self.used(&parts)?;
        self.pays_can_show(&modes)?;
        Ok(modes)
    }

    fn mode(&self, name: &Spanned<String>, part: &file::Mode) -> Result<Mode, Error> {
        let stages = self.stages(part)?;
        let strips = part.reels.as_ref().map_or_else(|| Ok(self.base.clone()), |reels| self.check.strips(reels))?;
        if let (Some(reels), true) = (&part.reels, strips.len() != self.base.len()) {
            let message = format!("{} reels; the base mode has {} and every mode has as many", strips.len(), self.base.len());
            return Err(self.check.at(&reels.span(), message));
        }
        let spin = Spin::new(&strips, self.rows);
        let lines = self.rules.filter(|_| stages.contains(&"pay.lines")).map(|rules| Lines::new(rules, &spin, self.rows));
        let pays = self.scatter_pays.filter(|_| stages.contains(&"pay.scatter")).unwrap_or(&[]);
        let scatter = self.scatter.map(|symbol| Scatter::new(&spin, symbol, pays));
        let triggers = self.triggers(name, part, scatter.as_ref())?;
        Ok(Mode { name: name.get_ref().clone(), spin, lines, scatter, triggers })
    }

    fn stages<'a>(&self, part: &'a file::Mode) -> Result<Vec<&'a str>, Error> {
        let listed = part.stages.get_ref();
        if listed.first().is_none_or(|stage| stage.get_ref() != "spin") {
            return Err(self.check.at(&part.stages.span(), "the first stage must be \"spin\"; nothing can pay before the reels stop"));
        }
        let mut stages: Vec<&str> = Vec::new();
        for stage in listed {
            let name = stage.get_ref().as_str();
            if !STAGES.contains(&name) || stages.contains(&name) {
                let message = format!("stage \"{name}\" is unknown or listed twice; stages are: {}", STAGES.join(", "));
                return Err(self.check.at(&stage.span(), message));
            }
            if (name == "pay.lines" && self.rules.is_none()) || (name == "pay.scatter" && self.scatter_pays.is_none()) {
                return Err(self.check.at(&stage.span(), format!("stage \"{name}\" has no parameters; add [slots.{name}]")));
            }
            stages.push(name);
        }
        Ok(stages)
    }

    fn triggers(&self, name: &Spanned<String>, part: &file::Mode, scatter: Option<&Scatter>) -> Result<Triggers, Error> {
        let most = scatter.map_or(0, Scatter::count_max);
        let mut rules: Vec<(usize, Award)> = Vec::new();
        for trigger in &part.trigger {
            let trigger = trigger.get_ref();
            let on = *trigger.on.scatter.get_ref();
            if on == 0 || on > most || rules.iter().any(|(other, _)| *other == on) {
                let message = format!("a trigger on {on} scatters; these reels show at most {most}, and each number has one trigger");
                return Err(self.check.at(&trigger.on.scatter.span(), message));
            }
            let spins = *trigger.spins.get_ref();
            if spins == 0 || spins > SPINS_MAX {
                return Err(self.check.at(&trigger.spins.span(), format!("spins = {spins}; a trigger wins 1 to {SPINS_MAX}")));
            }
            if let Some(multiplier) = trigger.multiplier.as_ref().filter(|m| !(1..=MULTIPLIER_MAX).contains(m.get_ref())) {
                let message = format!("multiplier = {}; it must be 1 to {MULTIPLIER_MAX}", multiplier.get_ref());
                return Err(self.check.at(&multiplier.span(), message));
            }
            rules.push((on, Award { mode: self.target(name, trigger)?, spins, multiplier: multiplier(trigger) }));
        }
        Ok(Triggers::new(&rules, most))
    }

    /// The index of the mode that a trigger goes to.
    fn target(&self, from: &Spanned<String>, trigger: &file::Trigger) -> Result<usize, Error> {
        let go = trigger.go.get_ref();
        let found = self.check.ordered().iter().position(|(name, _)| name.get_ref() == go);
        let names: Vec<&str> = self.check.ordered().iter().skip(1).map(|(name, _)| name.get_ref().as_str()).collect();
        let Some(mode) = found.filter(|&mode| mode != BASE) else {
            let message = format!("go = \"{go}\" is no mode of free spins; modes are: {}", names.join(", "));
            return Err(self.check.at(&trigger.go.span(), message));
        };
        if from.get_ref() != "base" && from.get_ref() != go {
            let message = format!("go = \"{go}\"; free spins can only win more of their own mode, \"{}\"", from.get_ref());
            return Err(self.check.at(&trigger.go.span(), message));
        }
        Ok(mode)
    }

    fn reachable(&self, parts: &[(&Spanned<String>, &file::Mode)]) -> Result<(), Error> {
        let (_, base) = parts[BASE];
        for (name, _) in &parts[1..] {
            if !base.trigger.iter().any(|trigger| trigger.get_ref().go.get_ref() == name.get_ref()) {
                let message = format!("mode \"{0}\" can't be reached; a trigger of the base mode needs go = \"{0}\"", name.get_ref());
                return Err(self.check.at(&name.span(), message));
            }
        }
        Ok(())
    }

    /// The spins of one visit share one multiplier, so every trigger that goes to a mode must name the same.
    fn one_multiplier(&self, parts: &[(&Spanned<String>, &file::Mode)]) -> Result<(), Error> {
        let triggers: Vec<&file::Trigger> = parts.iter().flat_map(|(_, part)| part.trigger.iter().map(Spanned::get_ref)).collect();
        for trigger in &triggers {
            let differs =
                triggers.iter().find(|other| other.go.get_ref() == trigger.go.get_ref() && multiplier(other) != multiplier(trigger));
            if let Some(other) = differs {
                let (one, two) = (multiplier(trigger), multiplier(other));
                let message = format!(
                    "triggers of \"{}\" name the multipliers {one} and {two}; all that go to one mode name the same",
                    trigger.go.get_ref()
                );
                return Err(self.check.at(&trigger.multiplier.as_ref().map_or_else(|| trigger.go.span(), Spanned::span), message));
            }
        }
        Ok(())
    }

    /// Parameters of a stage that no mode has are a mistake, and so is a wild or scatter that does nothing.
    fn used(&self, parts: &[(&Spanned<String>, &file::Mode)]) -> Result<(), Error> {
        let has = |name: &str| parts.iter().any(|(_, part)| part.stages.get_ref().iter().any(|stage| stage.get_ref() == name));
        let pay = &self.check.part.pay;
        let spans = [("pay.lines", pay.lines.as_ref().map(Spanned::span)), ("pay.scatter", pay.scatter.as_ref().map(Spanned::span))];
        for (name, span) in spans {
            if let Some(span) = span.filter(|_| !has(name)) {
                return Err(self.check.at(&span, format!("[slots.{name}] is used by no mode; add \"{name}\" to the stages of one")));
            }
        }
        if let Some(wild) = self.check.part.wild.as_ref().filter(|_| self.rules.is_none()) {
            return Err(self.check.at(&wild.span(), "a wild needs lines to substitute on; add [slots.pay.lines]"));
        }
        Ok(())
    }

    /// As many scatter pays as scatters can show, so that none is missing and none is promised in vain.
    fn pays_can_show(&self, modes: &[Mode]) -> Result<(), Error> {
        let Some(part) = &self.check.part.pay.scatter else { return Ok(()) };
        let most = modes.iter().filter_map(|mode| mode.scatter.as_ref()).map(Scatter::count_max).max().unwrap_or(0);
        let listed = part.get_ref().pays.get_ref().len();
        if listed == most {
            return Ok(());
        }
        let message =
            format!("{listed} scatter pays; these reels show up to {most} scatters, so list {most}, with 0 where nothing is paid");
        Err(self.check.at(&part.get_ref().pays.span(), message))
    }
}

fn multiplier(trigger: &file::Trigger) -> u32 {
    trigger.multiplier.as_ref().map_or(1, |multiplier| *multiplier.get_ref())
}
