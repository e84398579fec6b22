//! R6: statistical tests of the final output at a fixed seed, taken together at 99 %: each is held to the two-sided quantile of 0.01 / 30
//! (Bonferroni over at most 30 tests). A control runs the same battery over a bad generator and must fail.
#![allow(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "test statistics"
)]

use engine_core::pb::DrawPurpose;
use engine_core::rng::choose::shuffle;
use engine_core::rng::{Draws, Stream};

/// Two-sided normal quantile of 0.01 / 30.
const Z_MAX: f64 = 3.588;
/// The same level for the Kolmogorov distribution: 2 exp(-2 x^2) = 0.01 / 30.
const KS_MAX: f64 = 2.086;
const TESTS_MAX: usize = 30;

/// A source under test.
struct Source<D>(D);

impl<D: Draws> Source<D> {
    fn below(&mut self, range: u64) -> usize {
        self.0.below(DrawPurpose::Unspecified, range) as usize
    }
}

/// Chi-square of counts against expected ones, as a normal deviate (Wilson and Hilferty).
fn chi_square(counts: &[u64], expected: &[f64], freedom: f64) -> f64 {
    let x: f64 = counts.iter().zip(expected).map(|(&count, expected)| (count as f64 - expected).powi(2) / expected).sum();
    let spread = 2.0 / (9.0 * freedom);
    ((x / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

fn uniform(counts: &[u64]) -> f64 {
    let total: u64 = counts.iter().sum();
    let expected = vec![total as f64 / counts.len() as f64; counts.len()];
    chi_square(counts, &expected, counts.len() as f64 - 1.0)
}

/// Total distribution of one range.
fn frequency<D: Draws>(source: &mut Source<D>, range: u64) -> f64 {
    let mut counts = vec![0; range as usize];
    (0..range * 200).for_each(|_| counts[source.below(range)] += 1);
    uniform(&counts)
}

/// Pairs of neighbours that do not overlap.
fn serial_pairs<D: Draws>(source: &mut Source<D>) -> f64 {
    let mut counts = vec![0; 36];
    (0..50_000).for_each(|_| counts[source.below(6) * 6 + source.below(6)] += 1);
    uniform(&counts)
}

/// Correlation of draws `lag` apart.
fn serial_correlation<D: Draws>(source: &mut Source<D>, lag: usize) -> f64 {
    let draws: Vec<f64> = (0..100_000).map(|_| source.below(37) as f64 - 18.0).collect();
    let variance = (37.0 * 37.0 - 1.0) / 12.0;
    let sum: f64 = draws.iter().zip(&draws[lag..]).map(|(a, b)| a * b).sum();
    sum / variance / ((draws.len() - lag) as f64).sqrt()
}

/// Runs of heads and tails.
fn runs<D: Draws>(source: &mut Source<D>) -> f64 {
    let n = 100_000;
    let tosses: Vec<usize> = (0..n).map(|_| source.below(2)).collect();
    let changes = tosses.windows(2).filter(|pair| pair[0] != pair[1]).count();
    (changes as f64 - f64::from(n - 1) / 2.0) / (f64::from(n - 1) / 4.0).sqrt()
}

/// Lengths of the gaps between zeros of ten.
fn gaps<D: Draws>(source: &mut Source<D>) -> f64 {
    let mut counts = [0; 25];
    for _ in 0..20_000 {
        let gap = (0..24).take_while(|_| source.below(10) != 0).count();
        counts[gap] += 1;
    }
    let mut expected: Vec<f64> = (0..24).map(|gap| 20_000.0 * 0.1 * 0.9_f64.powi(gap)).collect();
    expected.push(20_000.0 * 0.9_f64.powi(24));
    chi_square(&counts, &expected, 24.0)
}

/// Different values in five draws of ten, by Stirling numbers.
fn poker<D: Draws>(source: &mut Source<D>) -> f64 {
    let mut counts = [0; 4];
    for _ in 0..50_000 {
        let set = (0..5).fold(0_u32, |set, _| set | 1 << source.below(10));
        counts[(set.count_ones() as usize).max(2) - 2] += 1;
    }
    let expected = [0.0136, 0.18, 0.504, 0.3024].map(|chance| chance * 50_000.0);
    chi_square(&counts, &expected, 3.0)
}

/// Rolls of a die until all six faces have come, from 6 to 20 and more.
fn coupons<D: Draws>(source: &mut Source<D>) -> f64 {
    let (mut counts, n) = (vec![0; 15], 20_000);
    for _ in 0..n {
        let (mut set, mut length) = (0_u32, 0);
        while set != 63 {
            (set, length) = (set | 1 << source.below(6), length + 1);
        }
        counts[(length - 6_usize).min(14)] += 1;
    }
    // The chance that all six have come within n rolls, by inclusion and exclusion.
    let binomial = [1.0, -6.0, 15.0, -20.0, 15.0, -6.0];
    let within = |rolls: i32| (0..6).map(|i| binomial[i as usize] * ((6.0 - f64::from(i)) / 6.0).powi(rolls)).sum::<f64>();
    let mut expected: Vec<f64> = (6..20).map(|rolls| (within(rolls) - within(rolls - 1)) * f64::from(n)).collect();
    expected.push((1.0 - within(19)) * f64::from(n));
    chi_square(&counts, &expected, 14.0)
}

/// Orders of four large draws.
fn permutations<D: Draws>(source: &mut Source<D>) -> f64 {
    let mut counts = vec![0; 24];
    for _ in 0..24_000 {
        let draws: [usize; 4] = std::array::from_fn(|_| source.below(1 << 31));
        let rank = |i: usize| draws[..i].iter().filter(|&&d| d < draws[i]).count();
        counts[rank(3) * 6 + rank(2) * 2 + rank(1)] += 1;
    }
    uniform(&counts)
}

/// Kolmogorov and Smirnov's distance, scaled so that its bound is `Z_MAX`.
fn kolmogorov<D: Draws>(source: &mut Source<D>) -> f64 {
    let n = 50_000;
    let mut draws: Vec<f64> = (0..n).map(|_| source.below(1 << 31) as f64 / f64::from(1_u32 << 31)).collect();
    draws.sort_by(f64::total_cmp);
    let distance = (0..n).map(|i| (draws[i as usize] - f64::from(i) / f64::from(n)).abs()).fold(0.0, f64::max);
    distance * f64::from(n).sqrt() * Z_MAX / KS_MAX
}

/// Duplicates among 2^14 draws of 2^26, in 100 sets: about Poisson, two a set.
fn duplicates<D: Draws>(source: &mut Source<D>) -> f64 {
    let mut found = 0;
    for _ in 0..100 {
        let mut draws: Vec<usize> = (0..1 << 14).map(|_| source.below(1 << 26)).collect();
        draws.sort_unstable();
        found += draws.windows(2).filter(|pair| pair[0] == pair[1]).count();
    }
    let mean = 100.0 * f64::from(1 << 14) * f64::from((1 << 14) - 1) / 2.0 / f64::from(1 << 26);
    (found as f64 - mean) / mean.sqrt()
}

/// Zeros in a hundred draws of a hundred: binomial, near Poisson with mean 1.
fn poisson<D: Draws>(source: &mut Source<D>) -> f64 {
    let (mut counts, n) = ([0; 6], 10_000);
    for _ in 0..n {
        let zeros = (0..100).filter(|_| source.below(100) == 0).count();
        counts[zeros.min(5)] += 1;
    }
    let mut chance = 0.99_f64.powi(100);
    let mut expected = Vec::new();
    for k in 0..5 {
        expected.push(chance * f64::from(n));
        chance *= f64::from(100 - k) / f64::from(k + 1) / 99.0;
    }
    expected.push(f64::from(n) - expected.iter().sum::<f64>());
    chi_square(&counts, &expected, 5.0)
}

/// Where each of eight items ends up after a shuffle; the matrix has 7 x 7 degrees of freedom.
fn shuffles<D: Draws>(source: &mut Source<D>) -> f64 {
    let (mut counts, n) = (vec![0; 64], 20_000);
    for _ in 0..n {
        let mut items: [usize; 8] = std::array::from_fn(|i| i);
        shuffle(&mut source.0, DrawPurpose::Unspecified, &mut items);
        (0..8).for_each(|place| counts[place * 8 + items[place]] += 1);
    }
    let expected = vec![f64::from(n) / 8.0; 64];
    // Rows and columns are fixed, so the statistic is 8 / 7 of a chi-square's.
    let x: f64 = counts.iter().zip(&expected).map(|(&c, e): (&u64, &f64)| (c as f64 - e).powi(2) / e).sum::<f64>() * 7.0 / 8.0;
    let spread = 2.0 / (9.0 * 49.0);
    ((x / 49.0).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// Every test by name, as a normal deviate.
fn battery<D: Draws>(source: D) -> Vec<(String, f64)> {
    let mut source = Source(source);
    let ranges = [2, 6, 13, 25, 32, 37, 38, 43, 52, 80, 10_001];
    let mut found: Vec<(String, f64)> = ranges.iter().map(|&range| (format!("frequency {range}"), frequency(&mut source, range))).collect();
    for lag in [1, 2, 5] {
        found.push((format!("serial correlation {lag}"), serial_correlation(&mut source, lag)));
    }
    found.push(("serial pairs".into(), serial_pairs(&mut source)));
    found.push(("runs".into(), runs(&mut source)));
    found.push(("gaps".into(), gaps(&mut source)));
    found.push(("poker".into(), poker(&mut source)));
    found.push(("coupon collector".into(), coupons(&mut source)));
    found.push(("permutations".into(), permutations(&mut source)));
    found.push(("Kolmogorov-Smirnov".into(), kolmogorov(&mut source)));
    found.push(("duplicates".into(), duplicates(&mut source)));
    found.push(("Poisson".into(), poisson(&mut source)));
    found.push(("shuffles".into(), shuffles(&mut source)));
    found
}

/// R6: the stream passes the whole battery.
#[test]
fn the_stream_passes() {
    let found = battery(Stream::from_key(&[0x5a; 32]));
    assert!(found.len() <= TESTS_MAX);
    let failed: Vec<_> = found.iter().filter(|(_, z)| z.abs() > Z_MAX).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// R6, R8: the first draws of neighbouring rounds are independent and uniform, and so are two reels of one round.
#[test]
fn rounds_do_not_depend_on_each_other() {
    let mut counts = vec![0; 36];
    let mut reels = vec![0; 36];
    let mut last = 0;
    for number in 0..40_000 {
        let mut stream = Stream::for_round(&[9; 32], "player", number);
        let draws: [usize; 5] = std::array::from_fn(|_| stream.below(DrawPurpose::ReelStop, 6) as usize);
        if number % 2 == 1 {
            counts[last * 6 + draws[0]] += 1;
        }
        reels[draws[0] * 6 + draws[4]] += 1;
        last = draws[0];
    }
    assert!(uniform(&counts).abs() < Z_MAX && uniform(&reels).abs() < Z_MAX);
}

/// A linear congruential generator scaled by remainder: what R1 and R5 rule out.
struct Bad(u32);

impl Draws for Bad {
    fn below(&mut self, _purpose: DrawPurpose, range: u64) -> u64 {
        self.0 = self.0.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        u64::from(self.0) % range
    }
}

/// The control: the same battery rejects a bad generator by several tests.
#[test]
fn a_bad_generator_fails() {
    let failed = battery(Bad(1)).iter().filter(|(_, z)| z.is_nan() || z.abs() > Z_MAX).count();
    assert!(failed >= 5, "only {failed} tests failed");
}
