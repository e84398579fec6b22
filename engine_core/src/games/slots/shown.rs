//! A spin as the player sees it. Each line is evaluated on its own here, apart from the sets of lines that the machine follows; the two must
//! agree on every spin that is shown, or the round stops.

use super::lines::LineRules;
use super::machine::Spun;
use super::spin::{Spin, Stops, Symbol};
use super::{Mode, Slots};
use crate::amount::Micros;
use crate::error::Error;
use crate::pb;

impl Slots {
    /// The message of one spin. `unit` is the stake of one unit in micros.
    pub(super) fn shown(&self, spun: &Spun, unit: Micros) -> Result<pb::SlotsSpin, Error> {
        let mode = &self.modes[spun.mode];
        let reels = mode.spin.reels();
        let micros = |units: u64| {
            let multiplied = i64::try_from(units * u64::from(spun.multiplier)).ok().and_then(|units| units.checked_mul(unit));
            multiplied.ok_or_else(|| Error::Amount { message: "a spin's win leaves the range of money".into() })
        };
        let mut lines = Vec::new();
        let mut line_units = 0;
        if spun.line_units > 0 {
            for win in mode.line_wins(&spun.stops) {
                line_units += win.units;
                let count = u32::try_from(win.count).expect("at most REELS_MAX reels");
                lines.push(pb::SlotsLineWin { line: win.line, symbol: win.symbol.into(), count, payout_micros: micros(win.units)? });
            }
        }
        assert_eq!(line_units, spun.line_units, "two evaluations of one spin differ");
        let window = (0..reels).flat_map(|reel| mode.spin.column(reel, spun.stops[reel])).map(|&symbol| symbol.into()).collect();
        let scatter = (spun.scatter_units > 0 || spun.won > 0).then_some(pb::SlotsScatterWin {
            count: u32::try_from(spun.scatters).expect("a window holds at most 64 symbols"),
            payout_micros: micros(spun.scatter_units)?,
        });
        Ok(pb::SlotsSpin {
            mode: mode.name.clone(),
            stops: spun.stops[..reels].iter().map(|&stop| stop.into()).collect(),
            window,
            lines,
            scatter,
            multiplier: spun.multiplier,
            free_spins_won: spun.won,
            free_spins_left: spun.left,
            payout_micros: micros(spun.line_units + spun.scatter_units)?,
        })
    }
}

/// One line that pays.
struct LineWin {
    line: u32,
    symbol: Symbol,
    count: usize,
    /// Before the multiplier of the mode.
    units: u64,
}

impl Mode {
    fn line_wins(&self, stops: &Stops) -> Vec<LineWin> {
        let Some(stage) = &self.lines else { return Vec::new() };
        let rules = stage.rules();
        let win = |(line, rows): (u32, &Vec<usize>)| line_win(rules, &self.spin, stops, rows).map(|win| LineWin { line, ..win });
        (0..).zip(&rules.lines).filter_map(win).collect()
    }
}

/// What one line pays: the better of the run from the left and of the wilds alone that it starts with.
fn line_win(rules: &LineRules, spin: &Spin, stops: &Stops, rows: &[usize]) -> Option<LineWin> {
    let symbols: Vec<Symbol> = rows.iter().enumerate().map(|(reel, &row)| spin.column(reel, stops[reel])[row]).collect();
    let wild = |symbol: &Symbol| Some(*symbol) == rules.wild;
    let wilds = symbols.iter().take_while(|symbol| wild(symbol)).count();
    let alone = rules.wild.map(|symbol| LineWin { line: 0, symbol, count: wilds, units: rules.pay(symbol, wilds, wilds, true) });
    let run = symbols.get(wilds).filter(|symbol| Some(**symbol) != rules.scatter).map(|&symbol| {
        let count = symbols.iter().take_while(|s| **s == symbol || wild(s)).count();
        let wilded = symbols[..count].iter().any(wild);
        LineWin { line: 0, symbol, count, units: rules.run(symbol, count, wilded) }
    });
    // The run is named where both pay the same: it is the longer one.
    [alone, run].into_iter().flatten().filter(|win| win.units > 0).max_by_key(|win| win.units)
}
