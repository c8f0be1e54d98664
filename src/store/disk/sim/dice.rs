//! Chance that can be played again.

/// Numbers that a seed determines (`SplitMix64`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dice(u64);

impl Dice {
    /// The numbers of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(limit).unwrap_or(0)
    }

    /// One of two.
    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    /// From nothing up to everything.
    pub(super) fn part(&mut self, whole: usize) -> usize {
        let limit = u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(1);
        usize::try_from(self.below(limit)).unwrap_or(whole)
    }
}
