//! Requests parked on a partition. A request registers once with every partition it waits for, re-checks, and then
//! sleeps on its [`Waiter`]; each partition tells only those whose wish its progress fulfils.
//!
//! Invariant: an entry pays its waiter exactly once per fulfilled wish, whether by progress or by the re-check, so no
//! wake-up is lost and none is counted twice.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::primitives::{AtomicI64, AtomicUsize, Mutex, Notify, Ordering, fence};

/// The kind of progress of a partition that a request can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The end of what is on stable storage at the leader (acks=1).
    DurableEnd,
    /// The end of what every in-sync replica holds (acks=all, a consumer's fetch).
    HighWatermark,
}

/// One parked request, shared by the partitions it waits for.
#[derive(Debug)]
pub struct Waiter {
    /// What is still missing before the request is due: partitions for a Produce, bytes for a Fetch.
    missing: AtomicI64,
    due: Notify,
}

impl Waiter {
    pub fn new(missing: i64) -> Arc<Self> {
        Arc::new(Self {
            missing: AtomicI64::new(missing),
            due: Notify::new(),
        })
    }

    /// Resolves once the request is due, or at once if it already is.
    pub async fn due(&self) {
        self.due.notified().await;
    }

    /// Lowers what is missing.
    pub fn pay(&self, amount: i64) {
        if self.missing.fetch_sub(amount, Ordering::AcqRel) <= amount {
            self.due.notify_one();
        }
    }

    /// Makes the request due whatever is missing: its partition changed under it.
    pub(crate) fn call_off(&self) {
        self.due.notify_one();
    }
}

#[derive(Debug)]
enum Wish {
    /// The cause's offset reaches this one; paid 1, then gone.
    Offset(i64),
    /// Bytes become visible; paid per byte, stays until unregistered.
    Bytes,
}

#[derive(Debug)]
struct Entry {
    cause: Cause,
    wish: Wish,
    waiter: Arc<Waiter>,
}

/// The requests waiting on one partition.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// Equals `entries.len()`, so that an append nobody waits for takes no lock.
    count: AtomicUsize,
    entries: Mutex<BTreeMap<Place, Entry>>,
}

/// Those of one waiter, by its address, are neighbours; it lives for as long as they do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    waiter: usize,
    serial: usize,
}

impl Waiters {
    /// Registers for `cause` reaching `offset`, then looks how far it has come by now.
    pub(crate) fn await_offset(
        &self,
        cause: Cause,
        offset: i64,
        waiter: &Arc<Waiter>,
        reached: impl FnOnce() -> i64,
    ) {
        self.push(Entry {
            cause,
            wish: Wish::Offset(offset),
            waiter: waiter.clone(),
        });
        self.progress(cause, reached(), 0);
    }

    /// Registers for bytes becoming visible below the high watermark. The caller reads once more before it sleeps.
    pub(crate) fn await_bytes(&self, waiter: &Arc<Waiter>) {
        self.push(Entry {
            cause: Cause::HighWatermark,
            wish: Wish::Bytes,
            waiter: waiter.clone(),
        });
    }

    fn push(&self, entry: Entry) {
        let mut entries = self.entries.lock();
        let waiter = Arc::as_ptr(&entry.waiter).addr();
        let last = entries.range(places_of(waiter)).next_back();
        let serial = last.map_or(0, |(last, _)| last.serial + 1);
        entries.insert(Place { waiter, serial }, entry);
        self.count.store(entries.len(), Ordering::SeqCst);
        // Pairs with the one in `progress`: the re-check sees the offset, or the progress sees the entry.
        fence(Ordering::SeqCst);
    }

    /// `cause` has reached `offset`, which made `bytes` more visible.
    pub(crate) fn progress(&self, cause: Cause, offset: i64, bytes: i64) {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| {
            if entry.cause != cause {
                return true;
            }
            match entry.wish {
                Wish::Offset(wanted) if wanted <= offset => {
                    entry.waiter.pay(1);
                    false
                }
                Wish::Offset(_) => true,
                Wish::Bytes => {
                    entry.waiter.pay(bytes);
                    true
                }
            }
        });
        self.count.store(entries.len(), Ordering::SeqCst);
    }

    /// The partition is no longer what it was: every request looks again.
    pub(crate) fn call_off(&self) {
        let mut entries = self.entries.lock();
        for entry in std::mem::take(&mut *entries).into_values() {
            entry.waiter.call_off();
        }
        self.count.store(0, Ordering::SeqCst);
    }

    /// Forgets a request that was answered, timed out or lost its connection.
    pub(crate) fn unregister(&self, waiter: &Arc<Waiter>) {
        let places = places_of(Arc::as_ptr(waiter).addr());
        let mut entries = self.entries.lock();
        entries.extract_if(places, |_, _| true).for_each(drop);
        self.count.store(entries.len(), Ordering::SeqCst);
    }
}

fn places_of(waiter: usize) -> RangeInclusive<Place> {
    let place = |serial| Place { waiter, serial };
    place(0)..=place(usize::MAX)
}

#[cfg(all(test, feature = "loom"))]
#[path = "waiters_model_tests.rs"]
mod model;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn is_due(waiter: &Waiter) -> bool {
        tokio::time::timeout(Duration::from_millis(1), waiter.due())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn an_offset_wish_is_paid_once() {
        let (waiters, waiter) = (Waiters::default(), Waiter::new(2));
        waiters.await_offset(Cause::HighWatermark, 5, &waiter, || 0);
        waiters.progress(Cause::DurableEnd, 9, 0);
        waiters.progress(Cause::HighWatermark, 4, 0);
        waiters.progress(Cause::HighWatermark, 5, 0);
        waiters.progress(Cause::HighWatermark, 6, 0);
        assert!(!is_due(&waiter).await, "the second partition has not paid");
        waiters.await_offset(Cause::HighWatermark, 7, &waiter, || 0);
        waiters.progress(Cause::HighWatermark, 7, 0);
        assert!(is_due(&waiter).await);
        assert_eq!(waiters.count.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn bytes_add_up_across_partitions() {
        let (one, two, waiter) = (Waiters::default(), Waiters::default(), Waiter::new(100));
        one.await_bytes(&waiter);
        two.await_bytes(&waiter);
        one.progress(Cause::HighWatermark, 1, 60);
        assert!(!is_due(&waiter).await);
        two.progress(Cause::HighWatermark, 1, 40);
        assert!(is_due(&waiter).await);
        one.unregister(&waiter);
        assert!(one.entries.lock().is_empty());
    }

    #[tokio::test]
    async fn a_request_is_forgotten_with_all_its_wishes_and_no_other() {
        let (waiters, gone, stays) = (Waiters::default(), Waiter::new(3), Waiter::new(2));
        for offset in [5, 5, 7] {
            waiters.await_offset(Cause::HighWatermark, offset, &gone, || 0);
        }
        for offset in [5, 7] {
            waiters.await_offset(Cause::HighWatermark, offset, &stays, || 0);
        }
        assert_eq!(waiters.count.load(Ordering::SeqCst), 5);
        waiters.unregister(&gone);
        waiters.unregister(&gone);
        assert_eq!(waiters.count.load(Ordering::SeqCst), 2);
        waiters.progress(Cause::HighWatermark, 7, 0);
        assert!(is_due(&stays).await && !is_due(&gone).await);
    }

    #[tokio::test]
    async fn a_changed_partition_wakes_everyone() {
        let (waiters, waiter) = (Waiters::default(), Waiter::new(100));
        waiters.await_offset(Cause::DurableEnd, 5, &waiter, || 0);
        waiters.call_off();
        assert!(is_due(&waiter).await);
    }
}
