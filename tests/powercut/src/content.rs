//! A file's bytes as they are, and what a power cut may make of them.

use std::collections::BTreeMap;

use crate::disk::Chance;

/// What a disk writes whole or not at all.
pub(crate) const SECTOR: usize = 512;

/// Invariant: where a sector differs from what is on the disk, and the disk has it at all, `before`
/// has what is there.
#[derive(Debug, Default)]
pub(crate) struct Content {
    bytes: Vec<u8>,
    /// By number: sectors as they were fsynced, of those that changed since.
    before: BTreeMap<usize, Vec<u8>>,
    /// The size as it was fsynced.
    durable_len: usize,
}

impl Content {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn read(&self, at: usize, count: usize) -> &[u8] {
        let end = at.saturating_add(count).min(self.bytes.len());
        self.bytes.get(at..end).unwrap_or_default()
    }

    pub(crate) fn write(&mut self, at: usize, data: &[u8]) {
        let end = at + data.len();
        self.remember(at, end);
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(at..end) {
            place.copy_from_slice(data);
        }
    }

    pub(crate) fn set_len(&mut self, len: usize) {
        self.remember(len.min(self.bytes.len()), self.durable_len);
        self.bytes.resize(len, 0);
    }

    /// Keeps the sectors of `from..to` as they are on the disk.
    fn remember(&mut self, from: usize, to: usize) {
        for sector in from / SECTOR..to.min(self.durable_len).div_ceil(SECTOR) {
            let at = sector * SECTOR;
            let count = SECTOR.min(self.durable_len - at);
            if !self.before.contains_key(&sector) {
                let old = self.read(at, count).to_vec();
                self.before.insert(sector, old);
            }
        }
    }

    pub(crate) fn sync(&mut self) {
        self.before.clear();
        self.durable_len = self.bytes.len();
    }

    /// The disk keeps its old sectors. The page cache keeps the new ones and takes them for written,
    /// so that a later sync finds nothing to do.
    pub(crate) fn fail_sync(&mut self) {
        let len = self.bytes.len();
        self.revert(len, &mut None);
        self.bytes.resize(len, 0);
    }

    /// Leaves what was fsynced and, by chance, any of the other sectors and sizes.
    pub(crate) fn cut(&mut self, chance: &mut Option<Chance>) {
        let len = self.bytes.len();
        let kept_len = chance.as_mut().map_or(self.durable_len, |chance| {
            chance.between(self.durable_len.min(len), self.durable_len.max(len))
        });
        self.revert(len, chance);
        self.bytes.resize(kept_len, 0);
        self.durable_len = kept_len;
    }

    /// Puts the old sectors back, but those that chance keeps.
    fn revert(&mut self, len: usize, chance: &mut Option<Chance>) {
        self.bytes.resize(len.max(self.durable_len), 0);
        let is_kept = |chance: &mut Option<Chance>| chance.as_mut().is_some_and(Chance::is_lucky);
        let new_from = self.durable_len.div_ceil(SECTOR);
        for sector in new_from..len.div_ceil(SECTOR) {
            if !is_kept(chance) {
                self.restore(sector * SECTOR, &[0; SECTOR]);
            }
        }
        for (sector, old) in std::mem::take(&mut self.before) {
            if !is_kept(chance) {
                self.restore(sector * SECTOR, &[0; SECTOR]);
                self.restore(sector * SECTOR, &old);
            }
        }
    }

    fn restore(&mut self, at: usize, old: &[u8]) {
        let place = self.bytes.get_mut(at..).unwrap_or_default();
        for (new, old) in place.iter_mut().zip(old) {
            *new = *old;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn synced(bytes: &[u8]) -> Content {
        let mut content = Content::default();
        content.write(0, bytes);
        content.sync();
        content
    }

    #[test]
    fn what_was_not_fsynced_is_gone() {
        let mut content = synced(&[1; 1000]);
        content.write(900, &[2; 1000]);
        content.write(10, &[3; 10]);
        content.cut(&mut None);
        assert_eq!(content.read(0, 5000), [1; 1000]);

        content.set_len(10);
        content.write(2000, &[4; 10]);
        content.cut(&mut None);
        assert_eq!(content.read(0, 5000), [1; 1000]);

        content.write(0, &[5; 1]);
        content.sync();
        content.cut(&mut None);
        assert_eq!(content.read(0, 2), [5, 1]);
    }

    #[test]
    fn a_failed_fsync_is_not_made_good_by_the_next() {
        let mut content = synced(&[1; 10]);
        content.write(0, &[2; 10]);
        content.fail_sync();
        content.sync();
        content.cut(&mut None);
        assert_eq!(content.read(0, 10), [1; 10]);
    }

    #[test]
    fn each_sector_is_old_or_new_and_both_occur() {
        let (mut old, mut new, mut lengths) = (0, 0, std::collections::BTreeSet::new());
        for seed in 0..50 {
            let mut content = synced(&[1; 4 * SECTOR]);
            content.write(0, &[2; 8 * SECTOR]);
            content.cut(&mut Some(Chance::new(seed)));
            lengths.insert(content.len());
            for (number, sector) in content.read(0, usize::MAX).chunks(SECTOR).enumerate() {
                let before = if number < 4 { 1 } else { 0 };
                assert!(sector.iter().all(|byte| *byte == 2 || *byte == before));
                assert!(sector.iter().all(|byte| Some(byte) == sector.first()));
                *(if sector.first() == Some(&2) {
                    &mut new
                } else {
                    &mut old
                }) += 1;
            }
        }
        assert!(old > 50 && new > 50 && lengths.len() > 10);
    }
}
