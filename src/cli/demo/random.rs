//! Chance that comes out the same every time: a small seeded generator (`SplitMix64`).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// A stream of numbers that depends on its seed alone.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

/// Parts of a whole that [`Random::happens`] tells apart.
const PARTS: u64 = 1_000_000;

impl Random {
    /// The stream number `stream` of `seed`; streams of one seed have nothing to do with each other.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self { state: seed };
        let base = random.next();
        Self { state: base ^ stream.wrapping_mul(0xd134_2543_de82_ef95) }
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A place in something that is `len` long; 0 when it is empty.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap_or(0))).unwrap_or(0)
    }

    /// A whole number from `low` to `high`, both included; `low` when they are the wrong way round.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
        low.saturating_add(i64::try_from(self.below(width)).unwrap_or(0))
    }

    /// Whether something happens that happens in this share of cases: 0 is never, 1 is always.
    pub(crate) fn happens(&mut self, share: Decimal) -> bool {
        let parts = (share * Decimal::from(PARTS)).to_u64().unwrap_or(0);
        self.below(PARTS) < parts
    }

    /// A stream of its own, so that what is drawn from it does not move this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self { state: self.next() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_gives_others() {
        let draw = |seed, stream| {
            let mut random = Random::new(seed, stream);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(draw(7, 0), draw(7, 0));
        assert_ne!(draw(7, 0), draw(8, 0));
        assert_ne!(draw(7, 0), draw(7, 1));
        assert_ne!(draw(7, 1), draw(8, 0));
    }

    #[test]
    fn every_number_of_a_range_comes_and_none_outside_it() {
        let mut random = Random::new(1, 0);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            seen.insert(random.between(-2, 3));
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2, 3]);
        assert_eq!((random.below(0), random.index(0), random.between(5, 1)), (0, 0, 5));
    }

    #[test]
    fn a_share_is_kept() {
        let mut random = Random::new(3, 0);
        let mut count = |share: &str| (0..10_000).filter(|_| random.happens(share.parse().unwrap())).count();
        assert_eq!((count("0"), count("1"), count("-1")), (0, 10_000, 0));
        let some = count("0.25");
        assert!((2_300..2_700).contains(&some), "{some}");
    }

    #[test]
    fn a_fork_does_not_move_the_stream() {
        let mut one = Random::new(9, 0);
        let mut two = Random::new(9, 0);
        let mut fork = one.fork();
        two.fork();
        let drawn = (fork.next(), fork.next());
        assert_eq!(one.next(), two.next());
        assert_ne!(drawn.0, drawn.1);
    }
}
