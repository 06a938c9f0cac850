//! A bounded set of open log files, shared by all logs of a process.
//!
//! Invariant: a slot that is dirty (written since its last fsync) stays open, so that the fsync
//! sees every write error, and so does one whose file is being read; all others are closed, least
//! recently used first, above the capacity.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::cached::{self, Access};
use crate::limits::MAX_EVICTION_STEPS;

/// See the module.
#[derive(Debug)]
pub struct FileCache {
    capacity: usize,
    /// The clock: slots that are open, the next candidate to be closed in front.
    open: Mutex<VecDeque<Weak<Slot>>>,
}

/// A segment's log file: open, or closed until somebody asks for it.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    file: Mutex<Option<Arc<File>>>,
    /// Asked for since the clock's hand last passed.
    used: AtomicBool,
    dirty: AtomicBool,
}

impl FileCache {
    /// Keeps about `capacity` descriptors open: files being read, and files that are dirty, come
    /// on top.
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            open: Mutex::new(VecDeque::new()),
        })
    }

    /// The slot's file, opened for reading and writing if it is not open.
    pub(crate) fn get(
        &self,
        slot: &Arc<Slot>,
        path: impl FnOnce() -> PathBuf,
    ) -> io::Result<Arc<File>> {
        let mut file = cached::lock(&slot.file)?;
        slot.used.store(true, Ordering::Relaxed);
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        let opened = Arc::new(cached::open(&path(), Access::ReadWrite)?);
        *file = Some(Arc::clone(&opened));
        drop(file);
        self.admit(slot);
        Ok(opened)
    }

    /// Puts a file that was just created into its slot.
    pub(crate) fn put(&self, slot: &Arc<Slot>, file: Arc<File>) {
        *slot.file.lock() = Some(file);
        self.admit(slot);
    }

    /// The slot's file if it is dirty, for an fsync: a write from now on counts for the next one.
    pub(crate) fn take_dirty(
        &self,
        slot: &Arc<Slot>,
        path: impl FnOnce() -> PathBuf,
    ) -> io::Result<Option<Arc<File>>> {
        if !slot.is_dirty() {
            return Ok(None);
        }
        // The file first: one that nobody has is closed once it is not dirty.
        let file = self.get(slot, path)?;
        Ok(slot.dirty.swap(false, Ordering::AcqRel).then_some(file))
    }

    fn admit(&self, slot: &Arc<Slot>) {
        let mut open = self.open.lock();
        open.push_back(Arc::downgrade(slot));
        for _ in 0..MAX_EVICTION_STEPS {
            if open.len() <= self.capacity {
                return;
            }
            let Some(candidate) = open.pop_front() else {
                return;
            };
            if candidate
                .upgrade()
                .is_some_and(|slot| !slot.close_if_idle())
            {
                open.push_back(candidate);
            }
        }
    }
}

impl Slot {
    /// Called before a write, so that the file stays open until its fsync, and after it, so that a
    /// later fsync does not pass the file over.
    pub(crate) fn set_dirty(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    /// Takes the file out: whoever asks next opens it by its path.
    pub(crate) fn take(&self) -> Option<Arc<File>> {
        self.file.lock().take()
    }

    /// Whether the slot is closed now.
    fn close_if_idle(&self) -> bool {
        !self.used.swap(false, Ordering::Relaxed) && !self.is_dirty() && self.close_if_unneeded()
    }

    fn close_if_unneeded(&self) -> bool {
        // A slot that is being opened right now is not idle, nor one whose file somebody reads:
        // truncation relies on finding every reader's file here.
        let Some(mut file) = self.file.try_lock() else {
            return false;
        };
        // Dirty only now: whoever wrote had the file after the first look, and is done with it.
        let is_held = |file: &Arc<File>| Arc::strong_count(file) > 1;
        if self.is_dirty() || file.as_ref().is_some_and(is_held) {
            return false;
        }
        *file = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(slot: &Slot) -> bool {
        slot.file.lock().is_some()
    }

    #[test]
    fn closes_idle_files_above_the_capacity_but_never_dirty_ones() {
        let dir = tempfile::tempdir().unwrap();
        let cache = FileCache::new(4);
        let slots: Vec<Arc<Slot>> = (0..20).map(|_| Arc::default()).collect();
        for (i, slot) in slots.iter().enumerate() {
            let path = dir.path().join(i.to_string());
            std::fs::write(&path, b"").unwrap();
            cache.get(slot, || path).unwrap();
            if i < 2 {
                slot.set_dirty();
            }
        }
        assert!(is_open(&slots[0]) && is_open(&slots[1]));
        assert!(slots.iter().filter(|slot| is_open(slot)).count() <= 6);
        assert!(is_open(&slots[19]));

        let path = dir.path().join("2");
        cache.get(&slots[2], || path).unwrap();
        assert!(is_open(&slots[2]));
    }

    #[test]
    fn a_file_that_is_read_stays_in_its_slot() {
        let dir = tempfile::tempdir().unwrap();
        let cache = FileCache::new(1);
        let slots: Vec<Arc<Slot>> = (0..4).map(|_| Arc::default()).collect();
        let mut held = Vec::new();
        for (i, slot) in slots.iter().enumerate() {
            let path = dir.path().join(i.to_string());
            std::fs::write(&path, b"").unwrap();
            held.push(cache.get(slot, || path).unwrap());
        }
        assert!(slots.iter().all(|slot| is_open(slot)));
    }

    #[test]
    fn a_file_stays_open_from_its_write_to_the_end_of_its_sync() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"").unwrap();
        let cache = FileCache::new(1);
        let slot = Arc::<Slot>::default();
        let take = || cache.take_dirty(&slot, || path.clone()).unwrap();
        cache.get(&slot, || path.clone()).unwrap();
        assert!(take().is_none(), "nothing to be synced");
        // Whoever wants to close it has seen it clean and unused; then somebody wrote.
        slot.set_dirty();
        assert!(!slot.close_if_unneeded());
        let syncing = take();
        assert!(syncing.is_some() && !slot.is_dirty());
        assert!(!slot.close_if_unneeded(), "it is being synced");
        drop(syncing);
        assert!(slot.close_if_unneeded() && !is_open(&slot));
    }

    #[test]
    fn a_file_that_is_being_opened_is_not_waited_for_where_nobody_may_wait() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"").unwrap();
        let cache = FileCache::new(1);
        let slot = Arc::<Slot>::default();
        let opening = slot.file.lock();
        let got = cached::only(|| cache.get(&slot, || path.clone()));
        assert_eq!(got.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(opening);
        cached::only(|| cache.get(&slot, || path)).expect("its directory is in memory");
    }

    #[test]
    fn a_missing_file_is_an_error_and_leaves_the_slot_closed() {
        let cache = FileCache::new(4);
        let slot = Arc::default();
        let error = cache.get(&slot, || PathBuf::from("/nonexistent/file"));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!is_open(&slot));
    }
}
