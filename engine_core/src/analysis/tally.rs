//! Sums of simulated rounds, in integers, so that adding them up in any order gives the same result.

/// What many rounds of one bet came to. Amounts are in whatever unit the table chose; see [`super::Table::stake`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rounds played.
    pub rounds: u64,
    /// Rounds that paid anything.
    pub hits: u64,
    /// Sum of all stakes, later ones included.
    pub staked: i128,
    /// Sum of payout - stake.
    pub net: i128,
    /// Sum of (payout - stake) squared.
    pub net_squared: i128,
    /// The highest payout of a round.
    pub paid_max: i64,
    /// Spins of the reels, where rounds have some: paid and free ones.
    pub spins: u64,
}

impl Tally {
    /// Adds one round.
    #[inline]
    pub fn add(&mut self, staked: i64, paid: i64) {
        // Both are amounts of one round, far from the ends of an i64.
        let net = i128::from(paid - staked);
        self.rounds += 1;
        self.hits += u64::from(paid > 0);
        self.staked += i128::from(staked);
        self.net += net;
        self.net_squared += net * net;
        self.paid_max = self.paid_max.max(paid);
    }

    /// Adds another tally of the same table.
    pub fn merge(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.hits += other.hits;
        self.staked += other.staked;
        self.net += other.net;
        self.net_squared += other.net_squared;
        self.paid_max = self.paid_max.max(other.paid_max);
        self.spins += other.spins;
    }
}
