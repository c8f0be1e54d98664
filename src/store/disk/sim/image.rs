//! One file: as a process sees it, and as it stands on the disk.

use std::collections::BTreeSet;

use super::dice::Dice;

/// Bytes that the disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// A file.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    /// As a process sees it.
    now: Vec<u8>,
    /// As it stands on the disk.
    disk: Vec<u8>,
    /// The sectors that were written since the last sync.
    unsynced: BTreeSet<usize>,
    /// How short it was made since the last sync, when it was.
    cut: Option<usize>,
}

impl Image {
    /// A file that stands on the disk.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { now: bytes.clone(), disk: bytes, unsynced: BTreeSet::new(), cut: None }
    }

    /// As a process sees it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.now
    }

    /// Its length as a process sees it.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.now.len()).unwrap_or(u64::MAX)
    }

    /// Copies what is there from a place on; gives how much.
    pub(super) fn read(&self, at: u64, bytes: &mut [u8]) -> usize {
        let there = self.now.get(place(at)..).unwrap_or_default();
        let count = there.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..count), there.get(..count)) {
            to.copy_from_slice(from);
        }
        count
    }

    /// Writes at a place; the file grows as needed.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) {
        let at = place(at);
        let end = at.saturating_add(bytes.len());
        if bytes.is_empty() {
            return;
        }
        self.touch(at.min(self.now.len()), end);
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        copy(&mut self.now, at, bytes);
    }

    /// Gives it another length.
    pub(super) fn truncate(&mut self, bytes: u64) {
        let bytes = place(bytes);
        if bytes > self.now.len() {
            self.touch(self.now.len(), bytes);
        } else {
            self.cut = Some(self.cut.map_or(bytes, |cut| cut.min(bytes)));
        }
        self.now.resize(bytes, 0);
        let sectors = bytes.div_ceil(SECTOR_BYTES);
        self.unsynced.retain(|sector| *sector < sectors);
    }

    /// Makes what was written durable.
    pub(super) fn sync(&mut self) {
        let written = std::mem::take(&mut self.unsynced);
        self.cut = None;
        self.disk.resize(self.now.len(), 0);
        for sector in written {
            copy_sector(&self.now, &mut self.disk, sector);
        }
    }

    /// Loses track of what was not synced: it is read as before, and never written to the disk.
    pub(super) fn forget(&mut self) {
        self.unsynced.clear();
    }

    /// What the disk has of it when the power comes back.
    pub(super) fn after_power_loss(&self, dice: &mut Dice) -> Self {
        let written: Vec<usize> = self.unsynced.iter().copied().collect();
        let (survivors, whole): (Vec<usize>, bool) = match dice.below(4) {
            0 => (Vec::new(), false),
            1 => (written, true),
            2 => {
                let count = dice.part(written.len());
                (written.into_iter().take(count).collect(), false)
            }
            _ => (written.into_iter().filter(|_| dice.coin()).collect(), false),
        };
        let mut bytes = self.disk.clone();
        if let Some(cut) = self.cut.filter(|_| dice.coin()) {
            bytes.truncate(cut);
        }
        let length = self.length_after(bytes.len(), &survivors, whole, dice);
        bytes.resize(length, 0);
        for sector in survivors {
            copy_sector(&self.now, &mut bytes, sector);
        }
        Self::durable(bytes)
    }

    /// Flips bits, on the disk too.
    pub(super) fn flip(&mut self, at: u64, mask: u8) {
        for bytes in [&mut self.now, &mut self.disk] {
            if let Some(byte) = bytes.get_mut(place(at)) {
                *byte ^= mask;
            }
        }
    }

    /// Takes away the end, on the disk too.
    pub(super) fn cut(&mut self, bytes: u64) {
        self.now.truncate(place(bytes));
        self.disk.truncate(place(bytes));
    }

    /// A length between the old and the new one that has room for the sectors that survive.
    fn length_after(&self, old: usize, survivors: &[usize], whole: bool, dice: &mut Dice) -> usize {
        let new = self.now.len();
        if whole {
            return new;
        }
        if new < old {
            return if dice.coin() { new } else { old };
        }
        let end = survivors.last().map_or(0, |sector| sector.saturating_add(1).saturating_mul(SECTOR_BYTES));
        let least = old.max(end.min(new));
        match dice.below(3) {
            0 => least,
            1 => new,
            _ => least.saturating_add(dice.part(new.saturating_sub(least))),
        }
    }

    fn touch(&mut self, from: usize, to: usize) {
        self.unsynced.extend(from / SECTOR_BYTES..to.div_ceil(SECTOR_BYTES));
    }
}

fn place(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Copies as much of a sector as both have.
fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let begin = sector.saturating_mul(SECTOR_BYTES);
    let end = begin.saturating_add(SECTOR_BYTES).min(from.len()).min(to.len());
    if let Some(bytes) = from.get(begin..end) {
        copy(to, begin, bytes);
    }
}

fn copy(to: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = to.get_mut(at..at.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}
