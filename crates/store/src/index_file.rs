//! A file of fixed-size entries in rising order, beneath the offset index and the time index.
//!
//! The newest entries wait in memory and are appended by positioned writes, several at once; no
//! descriptor stays open. Losing the waiting entries is harmless: recovery builds them again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::cached::{self, Access};
use crate::limits::{INDEX_BLOCK_BYTES, MAX_PENDING_INDEX_ENTRIES};
use crate::names::{FileKind, PartitionDir};
use crate::verdict::fsync;

/// Entries of `N` bytes.
#[derive(Debug)]
pub(crate) struct IndexFile<const N: usize> {
    dir: Arc<PartitionDir>,
    base_offset: i64,
    kind: FileKind,
    entries: Mutex<Entries<N>>,
}

#[derive(Debug)]
struct Entries<const N: usize> {
    /// Entries in the file; `None` until somebody asks.
    written: Option<u32>,
    /// Entries that come after those in the file.
    pending: Vec<[u8; N]>,
    /// The last entry of all, once it is known.
    last: Option<[u8; N]>,
}

impl<const N: usize> IndexFile<N> {
    /// The index of a segment that exists; its file is looked at when it is needed.
    pub(crate) fn existing(dir: Arc<PartitionDir>, base_offset: i64, kind: FileKind) -> Self {
        Self::with(dir, base_offset, kind, None)
    }

    /// The index of a new segment, as an empty file.
    pub(crate) fn create(
        dir: Arc<PartitionDir>,
        base_offset: i64,
        kind: FileKind,
    ) -> io::Result<Self> {
        File::create(dir.file(base_offset, kind))?;
        Ok(Self::with(dir, base_offset, kind, Some(0)))
    }

    fn with(
        dir: Arc<PartitionDir>,
        base_offset: i64,
        kind: FileKind,
        written: Option<u32>,
    ) -> Self {
        Self {
            dir,
            base_offset,
            kind,
            entries: Mutex::new(Entries {
                written,
                pending: Vec::new(),
                last: None,
            }),
        }
    }

    pub(crate) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    pub(crate) fn len(&self) -> io::Result<u32> {
        let (entries, written) = self.lock()?;
        Ok(written.saturating_add(entries.pending.len() as u32))
    }

    /// Adds an entry. A failure to write earlier entries leaves them waiting.
    pub(crate) fn push(&self, entry: [u8; N]) -> io::Result<()> {
        let mut entries = self.entries.lock();
        entries.pending.push(entry);
        entries.last = Some(entry);
        if entries.pending.len() < MAX_PENDING_INDEX_ENTRIES {
            return Ok(());
        }
        self.write_pending(&mut entries)
    }

    /// Writes the entries that wait in memory.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.write_pending(&mut self.entries.lock())
    }

    /// Writes the entries that wait in memory, and fsyncs the file.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.flush()?;
        fsync(&self.open_for_write()?)
    }

    pub(crate) fn last(&self) -> io::Result<Option<[u8; N]>> {
        let (mut entries, written) = self.lock()?;
        if entries.last.is_some() {
            return Ok(entries.last);
        }
        // Nothing was pushed since the index was opened or truncated, so the last entry, if there
        // is one, waits in memory or is in the file.
        entries.last = match (entries.pending.last().copied(), written) {
            (Some(last), _) => Some(last),
            (None, 0) => None,
            (None, written) => {
                let mut last = [0; N];
                Self::read(&self.open_for_read()?, written - 1, &mut last)?;
                Some(last)
            }
        };
        Ok(entries.last)
    }

    /// The last entry for which `before` holds, of entries ordered so that it holds for a prefix;
    /// and how many entries that prefix has.
    pub(crate) fn last_where(
        &self,
        before: impl Fn(&[u8; N]) -> bool,
    ) -> io::Result<(u32, Option<[u8; N]>)> {
        loop {
            let (entries, written) = self.lock()?;
            let in_memory = entries.pending.partition_point(|entry| before(entry));
            if let Some(at) = in_memory.checked_sub(1) {
                let count = written.saturating_add(in_memory as u32);
                return Ok((count, entries.pending.get(at).copied()));
            }
            // Appends need the lock and must not wait for this read, which does not need it: what is in the file stays as
            // it is, or is cut off.
            drop(entries);
            match self.last_written_where(written, &before) {
                Err(error)
                    if error.kind() == io::ErrorKind::UnexpectedEof && self.lock()?.1 < written => {
                }
                found => return found,
            }
        }
    }

    /// As `last_where`, of the first `written` entries of the file.
    fn last_written_where(
        &self,
        written: u32,
        before: impl Fn(&[u8; N]) -> bool,
    ) -> io::Result<(u32, Option<[u8; N]>)> {
        if written == 0 {
            return Ok((0, None));
        }
        let file = self.open_for_read()?;
        let (mut low, mut high, mut found) = (0, written, None);
        while (high - low) as usize > INDEX_BLOCK_BYTES / N {
            let middle = low + (high - low) / 2;
            let mut entry = [0; N];
            Self::read(&file, middle, &mut entry)?;
            if before(&entry) {
                found = Some(entry);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut block = [0; INDEX_BLOCK_BYTES];
        let (block, _) = block.split_at_mut((high - low) as usize * N);
        Self::read(&file, low, block)?;
        let (block, _) = block.as_chunks();
        let in_block = block.partition_point(before);
        if let Some(last) = in_block.checked_sub(1) {
            found = block.get(last).copied();
        }
        Ok((low + in_block as u32, found))
    }

    /// Keeps the first `count` entries.
    pub(crate) fn truncate(&self, count: u32) -> io::Result<()> {
        let (mut entries, written) = self.lock()?;
        entries.last = None;
        if count >= written {
            entries.pending.truncate((count - written) as usize);
            return Ok(());
        }
        entries.pending.clear();
        let size_bytes = u64::from(count) * N as u64;
        self.open_for_write()?.set_len(size_bytes)?;
        entries.written = Some(count);
        Ok(())
    }

    /// Whether the file is there and holds whole entries.
    pub(crate) fn is_sound(&self) -> bool {
        std::fs::metadata(self.dir.file(self.base_offset, self.kind))
            .is_ok_and(|metadata| metadata.len() % N as u64 == 0)
    }

    /// The entries, and how many of them are in the file.
    fn lock(&self) -> io::Result<(MutexGuard<'_, Entries<N>>, u32)> {
        let entries = cached::lock(&self.entries)?;
        if let Some(written) = entries.written {
            return Ok((entries, written));
        }
        drop(entries);
        let found = self.count()?;
        // Who was faster counted the same, and may have written more since.
        let mut entries = cached::lock(&self.entries)?;
        let written = *entries.written.get_or_insert(found);
        Ok((entries, written))
    }

    /// Entries in the file.
    fn count(&self) -> io::Result<u32> {
        let size_bytes = match self.open_for_read() {
            Ok(file) => file.metadata()?.len(),
            // An index without entries leads to the segment's start, which is slow but right.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(u32::try_from(size_bytes / N as u64).unwrap_or(u32::MAX))
    }

    fn write_pending(&self, entries: &mut Entries<N>) -> io::Result<()> {
        if entries.pending.is_empty() {
            return Ok(());
        }
        let written = match entries.written {
            Some(written) => written,
            None => self.count()?,
        };
        let at = u64::from(written) * N as u64;
        self.open_for_write()?
            .write_all_at(entries.pending.as_flattened(), at)?;
        entries.written = Some(written.saturating_add(entries.pending.len() as u32));
        entries.pending = Vec::new();
        Ok(())
    }

    fn open_for_read(&self) -> io::Result<File> {
        cached::open(&self.dir.file(self.base_offset, self.kind), Access::Read)
    }

    /// Fills `entries` from entry `at` on.
    fn read(file: &File, at: u32, entries: &mut [u8]) -> io::Result<()> {
        cached::read_exact_at(file, entries, u64::from(at) * N as u64)
    }

    fn open_for_write(&self) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.dir.file(self.base_offset, self.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many entries are in the file when one more waits in memory.
    const IN_FILE: u32 = 2 * MAX_PENDING_INDEX_ENTRIES as u32;

    fn index(dir: &std::path::Path) -> IndexFile<4> {
        IndexFile::create(PartitionDir::new(dir), 0, FileKind::Index).unwrap()
    }

    fn find(index: &IndexFile<4>, limit: u32) -> (u32, Option<u32>) {
        let (count, entry) = index
            .last_where(|entry| u32::from_be_bytes(*entry) <= limit)
            .unwrap();
        (count, entry.map(u32::from_be_bytes))
    }

    #[test]
    fn finds_entries_in_the_file_and_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(dir.path());
        assert_eq!(find(&index, 7), (0, None));
        let count = IN_FILE + 6;
        for i in 0..count {
            index.push((i * 10).to_be_bytes()).unwrap();
            for at in 0..=i {
                assert_eq!(find(&index, at * 10 + 5), (at + 1, Some(at * 10)));
            }
            assert_eq!(index.last().unwrap(), Some((i * 10).to_be_bytes()));
        }
        assert_eq!(index.len().unwrap(), count);
        index.flush().unwrap();
        let reopened = IndexFile::<4>::existing(PartitionDir::new(dir.path()), 0, FileKind::Index);
        assert_eq!(reopened.len().unwrap(), count);
        let last = (count - 1) * 10;
        assert_eq!(find(&reopened, last + 5), (count, Some(last)));
    }

    #[test]
    fn finds_entries_in_a_file_of_many_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(dir.path());
        let count = (INDEX_BLOCK_BYTES as u32 / 4) * 5 + 7;
        for i in 1..=count {
            index.push((i * 10).to_be_bytes()).unwrap();
        }
        index.flush().unwrap();
        for limit in (0..count * 10 + 20).step_by(5) {
            let found = (limit / 10).min(count);
            let entry = (found > 0).then_some(found * 10);
            assert_eq!(find(&index, limit), (found, entry), "up to {limit}");
        }
    }

    #[test]
    fn truncates_in_the_file_and_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(dir.path());
        for i in 0..IN_FILE + 6 {
            index.push(i.to_be_bytes()).unwrap();
        }
        for count in [IN_FILE + 5, IN_FILE + 1, IN_FILE, IN_FILE - 1, 10, 0] {
            index.truncate(count).unwrap();
            assert_eq!(index.len().unwrap(), count);
            let last = count.checked_sub(1).map(u32::to_be_bytes);
            assert_eq!(index.last().unwrap(), last);
        }
        index.push([0, 0, 0, 9]).unwrap();
        index.flush().unwrap();
        let path = dir.path().join("00000000000000000000.index");
        assert_eq!(std::fs::read(path).unwrap(), [0, 0, 0, 9]);
    }

    #[test]
    fn nobody_waits_for_a_look_into_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(dir.path());
        for i in 0..10u32 {
            index.push(i.to_be_bytes()).unwrap();
        }
        index.flush().unwrap();
        let looked = index.last_where(|_| {
            // A lock that is held here would never be had.
            index.push(10u32.to_be_bytes()).unwrap();
            index.truncate(10).unwrap();
            false
        });
        assert_eq!(looked.unwrap(), (0, None));
    }

    #[test]
    fn a_file_that_is_cut_off_meanwhile_is_looked_at_again() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(dir.path());
        for i in 0..INDEX_BLOCK_BYTES as u32 {
            index.push(i.to_be_bytes()).unwrap();
        }
        index.flush().unwrap();
        let looked = index.last_where(|_| {
            index.truncate(3).unwrap();
            true
        });
        assert_eq!(looked.unwrap(), (3, Some(2u32.to_be_bytes())));
    }

    #[test]
    fn an_index_that_is_being_written_is_not_waited_for_where_nobody_may_wait() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(dir.path());
        index.push([0; 4]).unwrap();
        let written = index.entries.lock();
        let looked = cached::only(|| index.last_where(|_| true));
        assert_eq!(looked.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(written);
        assert!(cached::only(|| index.last_where(|_| true)).is_ok());
    }
}
