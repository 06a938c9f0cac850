//! `.index`: from an offset to a place in the segment's log at or before it.
//!
//! An entry is a batch's last offset, relative to the segment's base, and the position of the
//! batch's first byte; four bytes each, big endian.

use std::io;
use std::sync::Arc;

use crate::index_file::IndexFile;
use crate::names::{FileKind, PartitionDir};

const ENTRY_BYTES: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetPosition {
    /// The last offset of the batch at `position`.
    pub(crate) offset: i64,
    pub(crate) position: u32,
}

#[derive(Debug)]
pub(crate) struct OffsetIndex(IndexFile<ENTRY_BYTES>);

impl OffsetIndex {
    pub(crate) fn existing(dir: Arc<PartitionDir>, base_offset: i64) -> Self {
        Self(IndexFile::existing(dir, base_offset, FileKind::Index))
    }

    pub(crate) fn create(dir: Arc<PartitionDir>, base_offset: i64) -> io::Result<Self> {
        IndexFile::create(dir, base_offset, FileKind::Index).map(Self)
    }

    /// The caller has checked that `offset` is within reach of the base offset.
    pub(crate) fn append(&self, offset: i64, position: u32) -> io::Result<()> {
        let relative = (offset - self.0.base_offset()) as u32;
        let mut entry = [0; ENTRY_BYTES];
        let (left, right) = entry.split_at_mut(4);
        left.copy_from_slice(&relative.to_be_bytes());
        right.copy_from_slice(&position.to_be_bytes());
        self.0.push(entry)
    }

    /// The last entry at or below `offset`; the segment's start if there is none.
    pub(crate) fn lookup(&self, offset: i64) -> io::Result<OffsetPosition> {
        let (_, entry) = self
            .0
            .last_where(|entry| self.parse(entry).offset <= offset)?;
        Ok(entry.map_or(self.start(), |entry| self.parse(&entry)))
    }

    /// The last entry that lies at or below `position`; the segment's start if there is none.
    pub(crate) fn lookup_position(&self, position: u32) -> io::Result<OffsetPosition> {
        let (_, entry) = self
            .0
            .last_where(|entry| self.parse(entry).position <= position)?;
        Ok(entry.map_or(self.start(), |entry| self.parse(&entry)))
    }

    pub(crate) fn last(&self) -> io::Result<Option<OffsetPosition>> {
        Ok(self.0.last()?.map(|entry| self.parse(&entry)))
    }

    pub(crate) fn is_full(&self, max_bytes: u32) -> io::Result<bool> {
        Ok(self.0.len()? as usize >= max_bytes as usize / ENTRY_BYTES)
    }

    /// Drops the entries of batches that begin at or after `position`.
    pub(crate) fn truncate_to_position(&self, position: u32) -> io::Result<()> {
        let (count, _) = self
            .0
            .last_where(|entry| self.parse(entry).position < position)?;
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

    fn start(&self) -> OffsetPosition {
        OffsetPosition {
            offset: self.0.base_offset(),
            position: 0,
        }
    }

    fn parse(&self, entry: &[u8; ENTRY_BYTES]) -> OffsetPosition {
        let [a, b, c, d, e, f, g, h] = *entry;
        let relative = u32::from_be_bytes([a, b, c, d]);
        OffsetPosition {
            offset: self.0.base_offset().saturating_add(i64::from(relative)),
            position: u32::from_be_bytes([e, f, g, h]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_up_by_offset_and_by_position() {
        let dir = tempfile::tempdir().unwrap();
        let index = OffsetIndex::create(PartitionDir::new(dir.path()), 1000).unwrap();
        assert_eq!(index.lookup(1005).unwrap(), index.start());
        for i in 1..=10 {
            index.append(1000 + i * 10, i as u32 * 4096).unwrap();
        }
        let at = |i: u32| OffsetPosition {
            offset: 1000 + i64::from(i) * 10,
            position: i * 4096,
        };
        assert_eq!(index.lookup(1009).unwrap(), index.start());
        assert_eq!(index.lookup(1010).unwrap(), at(1));
        assert_eq!(index.lookup(1069).unwrap(), at(6));
        assert_eq!(index.lookup_position(4095).unwrap(), index.start());
        assert_eq!(index.lookup_position(4096).unwrap(), at(1));
        assert_eq!(index.lookup_position(u32::MAX).unwrap(), at(10));
        assert_eq!(index.last().unwrap(), Some(at(10)));
        index.truncate_to_position(3 * 4096).unwrap();
        assert_eq!(index.last().unwrap(), Some(at(2)));
        assert!(index.is_full(16).unwrap() && !index.is_full(24).unwrap());
    }

    #[test]
    fn the_file_is_kafkas() {
        let dir = tempfile::tempdir().unwrap();
        let index = OffsetIndex::create(PartitionDir::new(dir.path()), 7).unwrap();
        index.append(7 + 0x0102, 0x0304).unwrap();
        index.flush().unwrap();
        let bytes = std::fs::read(dir.path().join("00000000000000000007.index")).unwrap();
        assert_eq!(bytes, [0, 0, 1, 2, 0, 0, 3, 4]);
    }
}
