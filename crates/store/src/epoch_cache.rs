//! Which leader wrote what: the first offset of each leader epoch, kept in
//! `leader-epoch-checkpoint`.
//!
//! Invariant: epochs and start offsets both rise strictly.

use std::io;
use std::path::Path;

use crate::checkpoint;

pub(crate) const FILE_NAME: &str = "leader-epoch-checkpoint";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochEntry {
    pub(crate) epoch: i32,
    pub(crate) start_offset: i64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct EpochCache {
    entries: Vec<EpochEntry>,
    /// Changed since it was last written.
    dirty: bool,
}

impl EpochCache {
    /// `None` if there is no checkpoint.
    pub(crate) fn read(dir: &Path) -> io::Result<Option<Self>> {
        let path = dir.join(FILE_NAME);
        if !path.try_exists()? {
            return Ok(None);
        }
        let entries = checkpoint::read_lines(&path, |fields| {
            let [epoch, start_offset] = fields else {
                return None;
            };
            Some(EpochEntry {
                epoch: epoch.parse().ok()?,
                start_offset: start_offset.parse().ok()?,
            })
        })?;
        let mut cache = Self::default();
        for entry in entries {
            cache.assign(entry.epoch, entry.start_offset);
        }
        cache.dirty = false;
        Ok(Some(cache))
    }

    /// The checkpoint's text if it changed since it was last taken.
    pub(crate) fn take_changed(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.dirty) {
            return None;
        }
        let lines = self
            .entries
            .iter()
            .map(|entry| format!("{} {}", entry.epoch, entry.start_offset));
        Some(checkpoint::format_lines(lines))
    }

    /// What was taken could not be written.
    pub(crate) fn set_changed(&mut self) {
        self.dirty = true;
    }

    /// Notes that `epoch` begins at `start_offset`, dropping entries that contradict it.
    pub(crate) fn assign(&mut self, epoch: i32, start_offset: i64) {
        if epoch < 0 || start_offset < 0 {
            return;
        }
        if let Some(latest) = self.latest()
            && latest.epoch == epoch
            && latest.start_offset <= start_offset
        {
            return;
        }
        while self
            .latest()
            .is_some_and(|latest| latest.epoch >= epoch || latest.start_offset >= start_offset)
        {
            self.entries.pop();
        }
        self.entries.push(EpochEntry {
            epoch,
            start_offset,
        });
        self.dirty = true;
    }

    /// Takes the epoch of a batch found by recovery, unless a later one is known already.
    pub(crate) fn assign_recovered(&mut self, epoch: i32, start_offset: i64) {
        if self.latest().is_none_or(|latest| epoch > latest.epoch) {
            self.assign(epoch, start_offset);
        }
    }

    pub(crate) fn latest(&self) -> Option<EpochEntry> {
        self.entries.last().copied()
    }

    /// The epoch that wrote `offset`.
    pub(crate) fn epoch_for_offset(&self, offset: i64) -> Option<i32> {
        let after = self
            .entries
            .partition_point(|entry| entry.start_offset <= offset);
        let entry = self.entries.get(after.checked_sub(1)?)?;
        Some(entry.epoch)
    }

    /// The largest known epoch that is not above `epoch`, and where it ends: KIP-101 and KIP-279.
    /// `None` if nothing is known of it.
    pub(crate) fn end_offset_for(&self, epoch: i32, log_end: i64) -> Option<(i32, i64)> {
        if epoch < 0 {
            return None;
        }
        let latest = self.latest()?;
        if latest.epoch == epoch {
            return Some((epoch, log_end));
        }
        let higher_at = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let higher = self.entries.get(higher_at)?;
        let floor = higher_at
            .checked_sub(1)
            .and_then(|at| self.entries.get(at))
            .map_or(epoch, |entry| entry.epoch);
        Some((floor, higher.start_offset))
    }

    /// Drops epochs that begin at or after `end_offset`.
    pub(crate) fn truncate_from_end(&mut self, end_offset: i64) {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.start_offset < end_offset);
        self.dirty |= self.entries.len() != before;
    }

    /// Drops epochs that end before `start_offset`; the one that holds it begins there now.
    pub(crate) fn truncate_from_start(&mut self, start_offset: i64) {
        let obsolete = self
            .entries
            .partition_point(|entry| entry.start_offset <= start_offset);
        let Some(holder_at) = obsolete.checked_sub(1) else {
            return;
        };
        if let Some(holder) = self.entries.get_mut(holder_at)
            && (holder_at > 0 || holder.start_offset != start_offset)
        {
            holder.start_offset = start_offset;
            self.entries.drain(..holder_at);
            self.dirty = true;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.dirty = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, i64)]) -> EpochCache {
        let mut cache = EpochCache::default();
        for &(epoch, start_offset) in entries {
            cache.assign(epoch, start_offset);
        }
        cache
    }

    fn entries(cache: &EpochCache) -> Vec<(i32, i64)> {
        let entries = cache.entries.iter();
        entries.map(|e| (e.epoch, e.start_offset)).collect()
    }

    #[test]
    fn assigning_keeps_epochs_and_offsets_rising() {
        let mut epochs = cache(&[(1, 0), (2, 10), (4, 20)]);
        epochs.assign(4, 25);
        assert_eq!(entries(&epochs), [(1, 0), (2, 10), (4, 20)]);
        epochs.assign(5, 20);
        assert_eq!(entries(&epochs), [(1, 0), (2, 10), (5, 20)]);
        epochs.assign(3, 5);
        assert_eq!(entries(&epochs), [(1, 0), (3, 5)]);
        epochs.assign(-1, 9);
        assert_eq!(entries(&epochs), [(1, 0), (3, 5)]);
    }

    #[test]
    fn finds_ends_and_epochs() {
        let epochs = cache(&[(2, 10), (4, 20), (7, 30)]);
        assert_eq!(epochs.end_offset_for(7, 99), Some((7, 99)));
        assert_eq!(epochs.end_offset_for(8, 99), None);
        assert_eq!(epochs.end_offset_for(-1, 99), None);
        assert_eq!(epochs.end_offset_for(1, 99), Some((1, 10)));
        assert_eq!(epochs.end_offset_for(4, 99), Some((4, 30)));
        assert_eq!(epochs.end_offset_for(5, 99), Some((4, 30)));
        assert_eq!(cache(&[]).end_offset_for(5, 99), None);
        assert_eq!(epochs.epoch_for_offset(9), None);
        assert_eq!(epochs.epoch_for_offset(10), Some(2));
        assert_eq!(epochs.epoch_for_offset(29), Some(4));
        assert_eq!(epochs.epoch_for_offset(300), Some(7));
    }

    #[test]
    fn truncates_at_both_ends() {
        let mut epochs = cache(&[(2, 10), (4, 20), (7, 30)]);
        epochs.truncate_from_end(30);
        assert_eq!(entries(&epochs), [(2, 10), (4, 20)]);
        epochs.truncate_from_start(5);
        assert_eq!(entries(&epochs), [(2, 10), (4, 20)]);
        epochs.truncate_from_start(25);
        assert_eq!(entries(&epochs), [(4, 25)]);
    }

    #[test]
    fn the_file_is_kafkas() {
        let dir = tempfile::tempdir().unwrap();
        assert!(EpochCache::read(dir.path()).unwrap().is_none());
        let mut epochs = cache(&[(0, 0), (3, 17)]);
        let text = epochs.take_changed().unwrap();
        assert_eq!(text, "0\n2\n0 0\n3 17\n");
        assert_eq!(epochs.take_changed(), None);
        std::fs::write(dir.path().join(FILE_NAME), text).unwrap();
        let read = EpochCache::read(dir.path()).unwrap().unwrap();
        assert_eq!(entries(&read), entries(&epochs));
        assert!(!read.dirty);
    }
}
