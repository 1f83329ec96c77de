//! Randomness that can be had again.

use std::hash::{BuildHasher, RandomState};

/// Numbers that look random, by splitmix64. The same seed gives the same numbers.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Takes the seed from `GD_SEED`, or a fresh one, and prints it.
    pub fn seeded() -> Self {
        let given = std::env::var("GD_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0));
        println!("GD_SEED={seed}");
        Self(seed)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_numbers_again() {
        let numbers = |seed| (0..5).map(move |_| Random(seed).below(1_000)).collect::<Vec<_>>();
        assert_eq!(numbers(7), numbers(7));
        let mut random = Random(7);
        assert!((0..1_000).map(|_| random.below(10)).collect::<std::collections::BTreeSet<_>>().len() == 10);
    }
}
