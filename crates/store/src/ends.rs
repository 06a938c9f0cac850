//! How far a log reaches: appended, fsynced, and as durable as its mode promises.
//!
//! Invariant: whoever loads the durable or the synced end, and then the end, finds the end at or above it, unless the
//! log was truncated in between.

use crate::mark::{AtomicI64, AtomicMark, Mark, Ordering};

#[derive(Debug)]
pub(crate) struct Ends {
    /// Stored under `writer`, after the bytes below it were written.
    end: AtomicMark,
    /// Stored under `syncing`, after the bytes below it were fsynced.
    synced: AtomicMark,
    /// Raised by each sync; in page-cache mode by appends too, as far as `flush.messages` allows.
    durable: AtomicI64,
}

impl Ends {
    /// Of a log all of which is on stable storage.
    pub(crate) fn new(end: Mark) -> Self {
        Self {
            end: AtomicMark::new(end),
            synced: AtomicMark::new(end),
            durable: AtomicI64::new(end.offset),
        }
    }

    pub(crate) fn end(&self) -> Mark {
        self.end.load()
    }

    pub(crate) fn end_offset(&self) -> i64 {
        self.end.offset()
    }

    pub(crate) fn synced(&self) -> Mark {
        self.synced.load()
    }

    pub(crate) fn synced_offset(&self) -> i64 {
        self.synced.offset()
    }

    pub(crate) fn durable_offset(&self) -> i64 {
        self.durable.load(Ordering::Acquire)
    }

    /// The bytes below `end` are written.
    pub(crate) fn publish(&self, end: Mark) {
        self.end.store(end);
    }

    /// What is appended up to `offset` is as durable as promised without a sync.
    pub(crate) fn promise(&self, offset: i64) {
        self.durable.fetch_max(offset, Ordering::AcqRel);
    }

    /// The bytes below `target`, an end as it was loaded, are fsynced.
    pub(crate) fn raise_synced(&self, target: Mark) {
        self.synced.store(target);
        self.durable.fetch_max(target.offset, Ordering::AcqRel);
    }

    /// The log is cut. What was synced above the new end is gone; below it, it still is.
    pub(crate) fn lower(&self, end: Mark) {
        self.end.store(end);
        if self.synced.load().offset > end.offset {
            self.synced.store(end);
        }
        self.durable.fetch_min(end.offset, Ordering::AcqRel);
    }

    /// The log is emptied and goes on at `end`: there is nothing left to sync.
    pub(crate) fn restart(&self, end: Mark) {
        self.end.store(end);
        self.synced.store(end);
        self.durable.store(end.offset, Ordering::Release);
    }
}

#[cfg(all(test, feature = "loom"))]
mod model {
    use std::sync::Arc;

    use super::*;

    fn mark(offset: i64) -> Mark {
        Mark {
            offset,
            segment: offset * 3,
            position: offset as u32 * 7,
        }
    }

    /// As a flusher does, but without spinning: the checker would follow every turn.
    fn sync(ends: &Ends) {
        if let Some(target) = ends.end.try_load() {
            ends.raise_synced(target);
        }
    }

    #[test]
    fn nobody_sees_a_durable_or_synced_end_above_the_end() {
        loom::model(|| {
            let ends = Arc::new(Ends::new(mark(0)));
            let flusher = ends.clone();
            let flusher = loom::thread::spawn(move || sync(&flusher));
            let reader = ends.clone();
            let reader = loom::thread::spawn(move || {
                let durable = reader.durable_offset();
                assert!(durable <= reader.end_offset());
                let synced = reader.synced_offset();
                assert!(durable <= synced);
                assert!(synced <= reader.end_offset());
            });
            ends.publish(mark(1));
            flusher.join().unwrap();
            reader.join().unwrap();
            assert_eq!(ends.synced(), mark(ends.durable_offset()));
        });
    }

    #[test]
    fn a_promise_and_a_sync_leave_the_higher_durable_end() {
        loom::model(|| {
            let ends = Arc::new(Ends::new(mark(0)));
            let flusher = ends.clone();
            let flusher = loom::thread::spawn(move || sync(&flusher));
            ends.publish(mark(1));
            ends.promise(1);
            assert_eq!(ends.durable_offset(), 1);
            flusher.join().unwrap();
            assert_eq!(ends.durable_offset(), 1);
        });
    }
}
