//! A trigger: enough scatters win free spins in another mode, or more of them in the same one.

/// What one number of scatters wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Award {
    /// Index of the mode in which the spins are played.
    pub mode: usize,
    /// How many spins are won.
    pub spins: u32,
    /// What every win of those spins is multiplied by.
    pub multiplier: u32,
}

/// All triggers of one mode.
#[derive(Debug, Clone)]
pub struct Triggers {
    /// The award by number of scatters, from 0 to the most that can show.
    awards: Vec<Option<Award>>,
}

impl Triggers {
    /// `rules` are pairs of the fewest scatters and the award; where several hold, the one that asks for the most scatters wins.
    pub fn new(rules: &[(usize, Award)], count_max: usize) -> Self {
        let best = |count| rules.iter().filter(|(fewest, _)| *fewest <= count).max_by_key(|(fewest, _)| *fewest).map(|(_, award)| *award);
        Self { awards: (0..=count_max).map(best).collect() }
    }

    /// What `count` scatters win.
    #[inline]
    pub fn award(&self, count: usize) -> Option<Award> {
        self.awards[count]
    }

    /// Whether any number of scatters wins anything.
    pub fn any(&self) -> bool {
        self.awards.iter().any(Option::is_some)
    }

    /// Every award that some number of scatters wins.
    pub fn awards(&self) -> impl Iterator<Item = &Award> {
        self.awards.iter().flatten()
    }

    /// The most spins that are won at once.
    pub fn spins_max(&self) -> u32 {
        self.awards().map(|award| award.spins).max().unwrap_or(0)
    }
}
