//! Shuffles and weighted picks, built on unbiased draws.

use super::Draws;
use crate::pb::DrawPurpose;

/// Puts `items` into an order that is uniform over all orders (Fisher and Yates, from the end). Takes one draw for each item but one.
///
/// An order of n items needs log2(n!) bits: one seed of 256 bits can reach every order of 52 cards (226 bits), but not every order of an
/// eight-deck shoe (2,230 bits), so such a shoe is dealt card by card instead (R7).
pub fn shuffle<T, D: Draws>(draws: &mut D, purpose: DrawPurpose, items: &mut [T]) {
    for left in (2..=items.len()).rev() {
        items.swap(left - 1, index(draws.below(purpose, left as u64)));
    }
}

/// Picks index i with probability `weights[i]` over their sum, by one draw; `None` if the sum is 0.
///
/// # Panics
/// If the sum of the weights leaves the range of one draw, 2^32 - 1.
pub fn weighted<D: Draws>(draws: &mut D, purpose: DrawPurpose, weights: &[u32]) -> Option<usize> {
    let sum: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
    if sum == 0 {
        return None;
    }
    let mut rest = draws.below(purpose, sum);
    weights.iter().position(|&weight| {
        let here = rest < u64::from(weight);
        rest = rest.saturating_sub(weight.into());
        here
    })
}

fn index(value: u64) -> usize {
    usize::try_from(value).expect("an index of a slice")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::scripted::Scripted;
    use std::collections::HashMap;

    /// R5: over all draws there are, every order of four items comes exactly once.
    #[test]
    fn every_order_has_one_script() {
        let mut seen: HashMap<[u8; 4], u32> = HashMap::new();
        for (a, b, c) in (0..4).flat_map(|a| (0..3).flat_map(move |b| (0..2).map(move |c| (a, b, c)))) {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut Scripted::new([a, b, c]), DrawPurpose::PlayerCard, &mut items);
            *seen.entry(items).or_default() += 1;
        }
        assert_eq!(seen.len(), 24);
        assert!(seen.values().all(|&times| times == 1));
    }

    /// R5: over all values of the draw, each index is picked as often as its weight says, and a weight of 0 never.
    #[test]
    fn weights_are_exact() {
        let weights = [3, 0, 1, 4];
        let mut picked = [0; 4];
        for value in 0..8 {
            picked[weighted(&mut Scripted::new([value]), DrawPurpose::ReelStop, &weights).expect("a sum above 0")] += 1;
        }
        assert_eq!(picked, weights);
        assert_eq!(weighted(&mut Scripted::new([]), DrawPurpose::ReelStop, &[0, 0]), None);
    }
}
