//! Stage "pay.lines": runs of one symbol along the pay lines from the left, with wilds. Sets of lines are bit masks, so a whole group of
//! lines that show the same symbol is followed from reel to reel at once.

use super::spin::{Spin, Stops, Symbol};

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
    /// Lines without a wild so far.
    plain: LineSet,
    /// Lines with one.
    wilded: LineSet,
}

/// The stage for one mode's reels.
#[derive(Debug, Clone)]
pub struct Lines {
    rules: LineRules,
    reels: usize,
    symbols: usize,
    /// Lines that run through each row, by reel and row.
    through: Vec<Vec<LineSet>>,
    /// Lines that show a symbol or the wild, by reel, then stop x symbols + symbol.
    shows: Vec<Vec<LineSet>>,
    /// The groups that start on the first reel, by stop.
    starts: Vec<Vec<Group>>,
    /// `LineRules::pay` by symbol, count, wilds and wilded.
    values: Vec<u64>,
}

impl Lines {
    /// The stage for checked rules: as many rows in each line as there are reels, at most `LINES_MAX` lines.
    pub fn new(rules: &LineRules, spin: &Spin, rows: usize) -> Self {
        let (reels, symbols) = (spin.reels(), rules.pays.len());
        let set =
            |reel: usize, row: usize| (0..).zip(&rules.lines).filter(|(_, line)| line[reel] == row).fold(0, |all, (i, _)| all | 1 << i);
        let through: Vec<Vec<LineSet>> = (0..reels).map(|reel| (0..rows).map(|row| set(reel, row)).collect()).collect();
        let mut stage = Self { rules: rules.clone(), reels, symbols, through, shows: Vec::new(), starts: Vec::new(), values: Vec::new() };
        stage.shows = (0..reels).map(|reel| stage.shown_sets(spin, reel)).collect();
        stage.starts = (0..spin.length(0)).map(|stop| stage.start_groups(spin.column(0, stop))).collect();
        stage.values = stage.all_values();
        stage
    }

    fn shown_sets(&self, spin: &Spin, reel: usize) -> Vec<LineSet> {
        let mut sets = vec![0; usize::from(spin.length(reel)) * self.symbols];
        for stop in 0..spin.length(reel) {
            let sets = &mut sets[usize::from(stop) * self.symbols..][..self.symbols];
            for (&symbol, &through) in spin.column(reel, stop).iter().zip(&self.through[reel]) {
                if Some(symbol) == self.rules.wild {
                    sets.iter_mut().for_each(|set| *set |= through);
                } else {
                    sets[usize::from(symbol)] |= through;
                }
            }
        }
        sets
    }

    fn start_groups(&self, column: &[Symbol]) -> Vec<Group> {
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
                groups.push(Group { symbol, wilds: u8::from(wild), plain, wilded });
            }
        }
        groups
    }

    fn all_values(&self) -> Vec<u64> {
        let mut values = Vec::new();
        for symbol in (0..).take(self.symbols) {
            for count in 0..=self.reels {
                for wilds in 0..=self.reels {
                    values.extend([false, true].map(|wilded| self.rules.pay(symbol, count, wilds, wilded)));
                }
            }
        }
        values
    }

    /// The rules behind the stage.
    pub fn rules(&self) -> &LineRules {
        &self.rules
    }

    /// What the lines pay together, in the unit of stake.
    #[inline]
    pub fn pay(&self, spin: &Spin, stops: &Stops) -> u64 {
        self.starts[usize::from(stops[0])].iter().map(|group| self.follow(spin, stops, *group, 1)).sum()
    }

    fn follow(&self, spin: &Spin, stops: &Stops, mut group: Group, first: usize) -> u64 {
        let mut won = 0;
        for (reel, &stop) in stops.iter().enumerate().take(self.reels).skip(first) {
            if Some(group.symbol) == self.rules.wild {
                let mut later = 0;
                let ended = self.split(spin, reel, stop, group, &mut |part| later += self.follow(spin, stops, part, reel + 1));
                return won + ended + later;
            }
            let (ended, stays) = self.join(reel, stop, group);
            won += ended;
            match stays {
                Some(stays) => group = stays,
                None => return won,
            }
        }
        won + self.finished(group)
    }

    /// Takes a group of one symbol over `reel`: what the lines that end there pay, and those that go on.
    #[inline]
    pub fn join(&self, reel: usize, stop: u16, group: Group) -> (u64, Option<Group>) {
        let shows = &self.shows[reel][usize::from(stop) * self.symbols..][..self.symbols];
        let symbol = shows[usize::from(group.symbol)];
        let wild = self.rules.wild.map_or(0, |wild| shows[usize::from(wild)]);
        let stays = Group { plain: group.plain & symbol & !wild, wilded: (group.wilded & symbol) | (group.plain & wild), ..group };
        let ended = self.worth(group, reel, group.plain & !symbol, group.wilded & !symbol);
        (ended, (stays.plain | stays.wilded != 0).then_some(stays))
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
                go_on(Group { wilds: group.wilds + 1, wilded: part, ..group });
            } else {
                go_on(Group { symbol, wilded: part, ..group });
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
    pub fn starts(&self, stop: u16) -> &[Group] {
        &self.starts[usize::from(stop)]
    }

    /// Whether a group has only shown wilds so far.
    pub fn is_wild(&self, group: Group) -> bool {
        Some(group.symbol) == self.rules.wild
    }

    #[inline]
    fn worth(&self, group: Group, count: usize, plain: LineSet, wilded: LineSet) -> u64 {
        let states = self.reels + 1;
        let at = ((usize::from(group.symbol) * states + count) * states + usize::from(group.wilds)) * 2;
        u64::from(plain.count_ones()) * self.values[at] + u64::from(wilded.count_ones()) * self.values[at + 1]
    }
}
