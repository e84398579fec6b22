//! Stage "pay.lines": runs of one symbol along the pay lines from the left, with wilds. Sets of lines are bit masks, so a whole group of
//! lines that show the same symbol is followed from reel to reel at once.

use super::spin::{Spin, Stops, Symbol, REELS_MAX};

/// The most pay lines that a model may have.
pub const LINES_MAX: usize = 128;

/// A set of lines: bit i is line i.
pub type LineSet = u128;

/// What lines pay; the same for every mode.
#[derive(Debug, Clone)]
pub struct LineRules {
    /// Each line's row on each reel, 0 at the top.
    pub lines: Vec<Vec<usize>>,
    /// By symbol, then by count - 1, in the unit of stake.
    pub pays: Vec<Vec<u32>>,
    /// Substitutes for every symbol except the scatter.
    pub wild: Option<Symbol>,
    /// Stops every run.
    pub scatter: Option<Symbol>,
    /// What a run pays more with a wild in it; a run of wilds alone pays by the wild's own pays and is not multiplied.
    pub wild_multiplier: u32,
}

impl LineRules {
    /// What `count` of `symbol` in a row pay. `wilds` of them, from the left, are wild without a gap, and `wilded` says whether any is.
    /// The wilds alone may pay more than the whole run; the higher of the two is paid.
    pub fn pay(&self, symbol: Symbol, count: usize, wilds: usize, wilded: bool) -> u64 {
        if Some(symbol) == self.wild {
            return self.wild_run(count);
        }
        self.run(symbol, count, wilded).max(self.wild_run(wilds))
    }

    /// What `count` of `symbol` in a row pay, apart from any wilds alone among them.
    pub fn run(&self, symbol: Symbol, count: usize, wilded: bool) -> u64 {
        let factor = if wilded { self.wild_multiplier } else { 1 };
        self.listed(symbol, count) * u64::from(factor)
    }

    /// What `count` wilds alone pay: the wild's own pay, or that of the best symbol they can stand for if the wild has none.
    fn wild_run(&self, count: usize) -> u64 {
        let Some(wild) = self.wild else { return 0 };
        if self.pays[usize::from(wild)].is_empty() {
            let symbols = 0..self.pays.len();
            let best = symbols.map(|symbol| self.pays[symbol].get(count.wrapping_sub(1)).map_or(0, |&pay| u64::from(pay))).max();
            return best.unwrap_or(0) * u64::from(self.wild_multiplier);
        }
        self.listed(wild, count)
    }

    fn listed(&self, symbol: Symbol, count: usize) -> u64 {
        self.pays[usize::from(symbol)].get(count.wrapping_sub(1)).map_or(0, |&pay| u64::from(pay))
    }
}

/// Lines that have shown one symbol, or wilds, from the left so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    symbol: Symbol,
    /// How many wilds the lines start with.
    wilds: u8,
    /// Where the pays of (symbol, wilds) begin in `Lines::values`.
    values: u32,
    /// Lines without a wild so far.
    plain: LineSet,
    /// Lines with one. Where wilds multiply nothing, the two are not kept apart once a run has its symbol.
    wilded: LineSet,
}

impl Group {
    /// Whether no line is left in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.plain | self.wilded == 0
    }
}

/// The stage for one mode's reels.
#[derive(Debug, Clone)]
pub struct Lines {
    rules: LineRules,
    reels: usize,
    symbols: usize,
    /// The wild, if it multiplies what it completes.
    multiplying: Option<Symbol>,
    /// Lines that run through each row, by reel and row.
    through: Vec<Vec<LineSet>>,
    /// Lines that show a symbol or the wild: (stop of all reels before + stop) x symbols + symbol.
    shows: Vec<LineSet>,
    /// Where each reel begins in `shows`.
    first_shows: [usize; REELS_MAX],
    /// The groups that start on the first reel, and where those of each stop begin and end.
    starts: Vec<Group>,
    stops: Vec<(u32, u32)>,
    /// `LineRules::pay` by symbol, wilds, count and wilded.
    values: Vec<[u64; 2]>,
}

impl Lines {
    /// The stage for checked rules: as many rows in each line as there are reels, at most `LINES_MAX` lines.
    pub fn new(rules: &LineRules, spin: &Spin, rows: usize) -> Self {
        let (reels, symbols) = (spin.reels(), rules.pays.len());
        let set =
            |reel: usize, row: usize| (0..).zip(&rules.lines).filter(|(_, line)| line[reel] == row).fold(0, |all, (i, _)| all | 1 << i);
        let through: Vec<Vec<LineSet>> = (0..reels).map(|reel| (0..rows).map(|row| set(reel, row)).collect()).collect();
        let (shows, first_shows, starts, stops) = (Vec::new(), [0; REELS_MAX], Vec::new(), Vec::new());
        let multiplying = rules.wild.filter(|_| rules.wild_multiplier > 1);
        let mut stage = Self {
            multiplying,
            rules: rules.clone(),
            reels,
            symbols,
            through,
            shows,
            first_shows,
            starts,
            stops,
            values: all_values(rules, reels),
        };
        for reel in 0..reels {
            stage.first_shows[reel] = stage.shows.len();
            stage.push_shows(spin, reel);
        }
        for stop in 0..spin.length(0) {
            stage.push_starts(spin.column(0, stop));
        }
        stage
    }

    fn push_shows(&mut self, spin: &Spin, reel: usize) {
        for stop in 0..spin.length(reel) {
            let mut sets = vec![0; self.symbols];
            for (&symbol, &through) in spin.column(reel, stop).iter().zip(&self.through[reel]) {
                if Some(symbol) == self.rules.wild {
                    for set in &mut sets {
                        *set |= through;
                    }
                } else {
                    sets[usize::from(symbol)] |= through;
                }
            }
            self.shows.append(&mut sets);
        }
    }

    fn push_starts(&mut self, column: &[Symbol]) {
        let mut groups: Vec<Group> = Vec::new();
        for (&symbol, &through) in column.iter().zip(&self.through[0]) {
            if Some(symbol) == self.rules.scatter || through == 0 {
                continue;
            }
            let wild = Some(symbol) == self.rules.wild;
            let (plain, wilded) = if wild { (0, through) } else { (through, 0) };
            if let Some(group) = groups.iter_mut().find(|group| group.symbol == symbol) {
                group.plain |= plain;
                group.wilded |= wilded;
            } else {
                groups.push(self.group(symbol, u8::from(wild), plain, wilded));
            }
        }
        let index = |at: usize| u32::try_from(at).expect("at most STRIP_MAX x ROWS_MAX groups");
        self.stops.push((index(self.starts.len()), index(self.starts.len() + groups.len())));
        self.starts.append(&mut groups);
    }

    fn group(&self, symbol: Symbol, wilds: u8, plain: LineSet, wilded: LineSet) -> Group {
        let states = self.reels + 1;
        let values = (usize::from(symbol) * states + usize::from(wilds)) * states;
        Group { symbol, wilds, values: u32::try_from(values).expect("at most 64 x 9 x 9"), plain, wilded }
    }

    /// The rules behind the stage.
    pub fn rules(&self) -> &LineRules {
        &self.rules
    }

    /// What the lines pay together, in the unit of stake.
    #[inline]
    pub fn pay(&self, spin: &Spin, stops: &Stops) -> u64 {
        let mut won = 0;
        for group in self.starts(stops[0]) {
            won += if self.is_wild(*group) { self.follow_wild(spin, stops, *group, 1) } else { self.follow(stops, *group, 1) };
        }
        won
    }

    /// What a group of one symbol pays from reel `first` on.
    #[inline]
    fn follow(&self, stops: &Stops, mut group: Group, first: usize) -> u64 {
        let mut won = 0;
        for (reel, &stop) in (first..self.reels).zip(&stops[first..]) {
            won += self.keep(reel, stop, &mut group);
            if group.is_empty() {
                return won;
            }
        }
        won + self.finished(group)
    }

    /// What a group of wilds alone pays from reel `reel` on.
    fn follow_wild(&self, spin: &Spin, stops: &Stops, group: Group, reel: usize) -> u64 {
        if reel == self.reels {
            return self.finished(group);
        }
        let mut later = 0;
        let ended = self.split(spin, reel, stops[reel], group, &mut |part| {
            later += if self.is_wild(part) { self.follow_wild(spin, stops, part, reel + 1) } else { self.follow(stops, part, reel + 1) };
        });
        ended + later
    }

    /// Takes a group of one symbol over `reel`: keeps the lines that go on, and returns what those pay that end there.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the group stays in registers; a call costs a third of the spins a second")]
    pub fn keep(&self, reel: usize, stop: u16, group: &mut Group) -> u64 {
        let at = self.first_shows[reel] + usize::from(stop) * self.symbols;
        let symbol = self.shows[at + usize::from(group.symbol)];
        let ended = self.worth(*group, reel, group.plain & !symbol, group.wilded & !symbol);
        group.plain &= symbol;
        group.wilded &= symbol;
        if let Some(wild) = self.multiplying {
            let wild = group.plain & self.shows[at + usize::from(wild)];
            group.plain &= !wild;
            group.wilded |= wild;
        }
        ended
    }

    /// Takes a group of wilds alone over `reel`: what the lines that end there pay; `go_on` gets the groups that the others become.
    pub fn split(&self, spin: &Spin, reel: usize, stop: u16, group: Group, go_on: &mut impl FnMut(Group)) -> u64 {
        let mut ended = 0;
        for (&symbol, &through) in spin.column(reel, stop).iter().zip(&self.through[reel]) {
            let part = group.wilded & through;
            if part == 0 {
                continue;
            }
            if Some(symbol) == self.rules.scatter {
                ended |= part;
            } else if Some(symbol) == self.rules.wild {
                go_on(self.group(symbol, group.wilds + 1, 0, part));
            } else {
                go_on(self.group(symbol, group.wilds, 0, part));
            }
        }
        self.worth(group, reel, 0, ended)
    }

    /// What a group pays that has shown its symbol on every reel.
    #[inline]
    pub fn finished(&self, group: Group) -> u64 {
        self.worth(group, self.reels, group.plain, group.wilded)
    }

    /// The groups that start at `stop` of the first reel.
    #[inline]
    pub fn starts(&self, stop: u16) -> &[Group] {
        let (first, end) = self.stops[usize::from(stop)];
        &self.starts[first as usize..end as usize]
    }

    /// Whether a group has only shown wilds so far.
    #[inline]
    pub fn is_wild(&self, group: Group) -> bool {
        Some(group.symbol) == self.rules.wild
    }

    #[inline]
    fn worth(&self, group: Group, count: usize, plain: LineSet, wilded: LineSet) -> u64 {
        let [one, other] = self.values[group.values as usize + count];
        // Most runs are too short to pay; counting their lines would be the dearest part of a spin.
        if one | other == 0 {
            return 0;
        }
        u64::from(plain.count_ones()) * one + u64::from(wilded.count_ones()) * other
    }
}

fn all_values(rules: &LineRules, reels: usize) -> Vec<[u64; 2]> {
    let mut values = Vec::new();
    for symbol in (0..).take(rules.pays.len()) {
        for wilds in 0..=reels {
            values.extend((0..=reels).map(|count| [false, true].map(|wilded| rules.pay(symbol, count, wilds, wilded))));
        }
    }
    values
}
