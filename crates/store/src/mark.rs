//! A place in the log, published to readers that take no lock.

#[cfg(feature = "loom")]
use loom::hint;
#[cfg(feature = "loom")]
pub(crate) use loom::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(feature = "loom"))]
use std::hint;
#[cfg(not(feature = "loom"))]
pub(crate) use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence};

/// An offset together with where it is: the byte after the batch before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) offset: i64,
    /// Base offset of the segment that holds, or will hold, the offset.
    pub(crate) segment: i64,
    pub(crate) position: u32,
}

/// A mark that one writer at a time stores and anyone loads, whole.
///
/// A sequence lock: `version` is odd while a store is under way.
#[derive(Debug)]
pub(crate) struct AtomicMark {
    version: AtomicU64,
    offset: AtomicI64,
    segment: AtomicI64,
    position: AtomicU32,
}

impl AtomicMark {
    pub(crate) fn new(mark: Mark) -> Self {
        Self {
            version: AtomicU64::new(0),
            offset: AtomicI64::new(mark.offset),
            segment: AtomicI64::new(mark.segment),
            position: AtomicU32::new(mark.position),
        }
    }

    /// The caller holds the lock that makes it the only writer.
    pub(crate) fn store(&self, mark: Mark) {
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.segment.store(mark.segment, Ordering::Relaxed);
        self.position.store(mark.position, Ordering::Relaxed);
        // Release by itself too, for those who load the offset alone.
        self.offset.store(mark.offset, Ordering::Release);
        self.version
            .store(version.wrapping_add(2), Ordering::Release);
    }

    pub(crate) fn load(&self) -> Mark {
        loop {
            if let Some(mark) = self.try_load() {
                return mark;
            }
            hint::spin_loop();
        }
    }

    /// `None` if a store was under way.
    pub(crate) fn try_load(&self) -> Option<Mark> {
        let before = self.version.load(Ordering::Acquire);
        let mark = Mark {
            offset: self.offset.load(Ordering::Relaxed),
            segment: self.segment.load(Ordering::Relaxed),
            position: self.position.load(Ordering::Relaxed),
        };
        fence(Ordering::Acquire);
        let is_whole = before.is_multiple_of(2) && before == self.version.load(Ordering::Relaxed);
        is_whole.then_some(mark)
    }

    pub(crate) fn offset(&self) -> i64 {
        self.offset.load(Ordering::Acquire)
    }
}

#[cfg(all(test, feature = "loom"))]
mod model {
    use std::sync::Arc;

    use super::*;

    fn mark(of: i64) -> Mark {
        Mark {
            offset: of,
            segment: of * 3,
            position: of as u32 * 7,
        }
    }

    #[test]
    fn a_load_is_never_torn_and_never_goes_back() {
        loom::model(|| {
            let shared = Arc::new(AtomicMark::new(mark(0)));
            let reader = shared.clone();
            let reader = loom::thread::spawn(move || {
                let (first, offset) = (reader.try_load(), reader.offset());
                if let Some(first) = first {
                    assert_eq!(first, mark(first.offset));
                    assert!(first.offset <= offset);
                }
                if let Some(last) = reader.try_load() {
                    assert_eq!(last, mark(last.offset));
                    assert!(offset <= last.offset);
                }
            });
            shared.store(mark(1));
            shared.store(mark(2));
            reader.join().unwrap();
        });
    }

    #[test]
    fn what_was_written_before_a_store_is_there_after_a_load() {
        loom::model(|| {
            let written = Arc::new(loom::cell::UnsafeCell::new(()));
            let shared = Arc::new(AtomicMark::new(mark(0)));
            let reader = (shared.clone(), written.clone());
            let reader = loom::thread::spawn(move || {
                if reader.0.offset() == 1 || reader.0.try_load() == Some(mark(1)) {
                    reader.1.with(|_| {});
                }
            });
            written.with_mut(|_| {});
            shared.store(mark(1));
            reader.join().unwrap();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn mark(of: i64) -> Mark {
        Mark {
            offset: of,
            segment: of * 3,
            position: of as u32 * 7,
        }
    }

    #[test]
    fn a_load_is_never_torn() {
        let shared = AtomicMark::new(mark(0));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for of in 0..200_000 {
                    shared.store(mark(of));
                }
                done.store(true, Ordering::Release);
            });
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let seen = shared.load();
                assert_eq!(seen, mark(seen.offset));
                assert!(seen.offset >= last);
                last = seen.offset;
            }
        });
        assert_eq!(shared.load(), mark(199_999));
    }
}
