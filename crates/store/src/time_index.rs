//! `.timeindex`: from a timestamp to an offset at or before the first record that is as late.
//!
//! An entry is the largest timestamp so far, eight bytes, and the last offset of the batch that
//! has it, relative to the segment's base, four bytes; big endian.

use std::io;
use std::sync::Arc;

use format::NO_TIMESTAMP;

use crate::index_file::IndexFile;
use crate::names::{FileKind, PartitionDir};

const ENTRY_BYTES: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimestampOffset {
    pub(crate) timestamp: i64,
    /// The last offset of the first batch that has `timestamp` as its largest.
    pub(crate) offset: i64,
}

#[derive(Debug)]
pub(crate) struct TimeIndex(IndexFile<ENTRY_BYTES>);

impl TimeIndex {
    pub(crate) fn existing(dir: Arc<PartitionDir>, base_offset: i64) -> Self {
        Self(IndexFile::existing(dir, base_offset, FileKind::TimeIndex))
    }

    pub(crate) fn create(dir: Arc<PartitionDir>, base_offset: i64) -> io::Result<Self> {
        IndexFile::create(dir, base_offset, FileKind::TimeIndex).map(Self)
    }

    /// Adds an entry if its timestamp is later than the last one's. The caller has checked that
    /// the offset is within reach of the base offset.
    pub(crate) fn maybe_append(&self, entry: TimestampOffset) -> io::Result<()> {
        if entry.timestamp <= self.last()?.timestamp {
            return Ok(());
        }
        let relative = (entry.offset - self.0.base_offset()) as u32;
        let mut bytes = [0; ENTRY_BYTES];
        let (left, right) = bytes.split_at_mut(8);
        left.copy_from_slice(&entry.timestamp.to_be_bytes());
        right.copy_from_slice(&relative.to_be_bytes());
        self.0.push(bytes)
    }

    /// The last entry at or below `timestamp`; the segment's start if there is none.
    pub(crate) fn lookup(&self, timestamp: i64) -> io::Result<TimestampOffset> {
        let (_, entry) = self
            .0
            .last_where(|entry| self.parse(entry).timestamp <= timestamp)?;
        Ok(entry.map_or(self.start(), |entry| self.parse(&entry)))
    }

    /// The last entry, which has the largest timestamp; no timestamp if there is none.
    pub(crate) fn last(&self) -> io::Result<TimestampOffset> {
        let last = self.0.last()?;
        Ok(last.map_or(self.start(), |entry| self.parse(&entry)))
    }

    /// One entry is kept back for the largest timestamp of all, added when the segment is sealed.
    pub(crate) fn is_full(&self, max_bytes: u32) -> io::Result<bool> {
        Ok(self.0.len()? as usize + 1 >= max_bytes as usize / ENTRY_BYTES)
    }

    /// Drops the entries of batches that end at or after `offset`.
    pub(crate) fn truncate_to_offset(&self, offset: i64) -> io::Result<()> {
        let (count, _) = self
            .0
            .last_where(|entry| self.parse(entry).offset < offset)?;
        self.0.truncate(count)
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.0.is_sound()
    }

    fn start(&self) -> TimestampOffset {
        TimestampOffset {
            timestamp: NO_TIMESTAMP,
            offset: self.0.base_offset(),
        }
    }

    fn parse(&self, entry: &[u8; ENTRY_BYTES]) -> TimestampOffset {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *entry;
        let relative = u32::from_be_bytes([i, j, k, l]);
        TimestampOffset {
            timestamp: i64::from_be_bytes([a, b, c, d, e, f, g, h]),
            offset: self.0.base_offset().saturating_add(i64::from(relative)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(timestamp: i64, offset: i64) -> TimestampOffset {
        TimestampOffset { timestamp, offset }
    }

    #[test]
    fn keeps_only_rising_timestamps() {
        let dir = tempfile::tempdir().unwrap();
        let index = TimeIndex::create(PartitionDir::new(dir.path()), 5).unwrap();
        assert_eq!(index.last().unwrap(), entry(NO_TIMESTAMP, 5));
        index.maybe_append(entry(NO_TIMESTAMP, 6)).unwrap();
        index.maybe_append(entry(100, 7)).unwrap();
        index.maybe_append(entry(100, 9)).unwrap();
        index.maybe_append(entry(90, 11)).unwrap();
        index.maybe_append(entry(200, 12)).unwrap();
        assert_eq!(index.last().unwrap(), entry(200, 12));
        assert_eq!(index.lookup(99).unwrap(), entry(NO_TIMESTAMP, 5));
        assert_eq!(index.lookup(150).unwrap(), entry(100, 7));
        index.truncate_to_offset(12).unwrap();
        assert_eq!(index.last().unwrap(), entry(100, 7));
    }

    #[test]
    fn the_file_is_kafkas() {
        let dir = tempfile::tempdir().unwrap();
        let index = TimeIndex::create(PartitionDir::new(dir.path()), 7).unwrap();
        index
            .maybe_append(entry(0x0102_0304_0506, 7 + 0x0809))
            .unwrap();
        index.flush().unwrap();
        let bytes = std::fs::read(dir.path().join("00000000000000000007.timeindex")).unwrap();
        assert_eq!(bytes, [0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 8, 9]);
    }
}
