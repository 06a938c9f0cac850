//! The group commit of one log directory: threads that take partitions with unsynced appends, sync their logs, and raise
//! their durable ends. The appends that come to a partition during its sync share its next one.
//!
//! Invariants: a partition's dirty flag is cleared before its log end is read, so an append that comes during the sync
//! queues the partition again; one partition is never synced by two threads at once.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::leader::Partition;
use crate::primitives::{AtomicBool, Condvar, Mutex, Ordering, wait};
use crate::vital::Vital;

/// Where fdatasync throughput levels off (see ARCHITECTURE.md).
const SYNC_THREADS: usize = 8;

/// Something that is appended to, and has to be synced.
pub(crate) trait Unsynced {
    /// Set while it is queued, or being queued; the flusher's alone.
    fn dirty(&self) -> &AtomicBool;

    /// Syncs all that was appended before the call.
    fn sync(&self) -> io::Result<()>;

    /// The disk below failed.
    fn take_offline(&self);
}

/// Hands the partitions of one log directory to its sync threads.
pub(crate) struct Flusher<T = Partition> {
    queue: Mutex<Queue<T>>,
    work: Condvar,
    /// Sticky: a sync failed, and no page of this directory is to be trusted from then on.
    failed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Queue<T> {
    /// Each partition at most once (its dirty flag), so bounded by the partitions of the directory.
    dirty: VecDeque<Arc<T>>,
    /// At most one a thread.
    syncing: Vec<Arc<T>>,
    stopping: bool,
}

impl<T> Queue<T> {
    /// Takes the oldest dirty partition that nobody syncs. Those that somebody syncs are next for whoever does.
    fn begin(&mut self) -> Option<Arc<T>> {
        let at = self
            .dirty
            .iter()
            .position(|partition| !self.is_syncing(partition))?;
        let partition = self.dirty.remove(at)?;
        self.syncing.push(partition.clone());
        Some(partition)
    }

    fn end(&mut self, partition: &Arc<T>) {
        self.syncing.retain(|other| !Arc::ptr_eq(other, partition));
    }

    fn is_syncing(&self, partition: &Arc<T>) -> bool {
        let mut syncing = self.syncing.iter();
        syncing.any(|other| Arc::ptr_eq(other, partition))
    }
}

impl<T: Unsynced + Send + Sync + 'static> Flusher<T> {
    pub(crate) fn start(name: &str) -> io::Result<Arc<Self>> {
        let flusher = Arc::new(Self::without_threads());
        for _ in 0..SYNC_THREADS {
            let running = flusher.clone();
            let thread = Builder::new()
                .name(format!("flush-{name}"))
                .spawn(move || running.run())
                .inspect_err(|_| flusher.stop())?;
            flusher.threads.lock().push(thread);
        }
        Ok(flusher)
    }
}

impl<T: Unsynced> Flusher<T> {
    fn without_threads() -> Self {
        let queue = Queue {
            dirty: VecDeque::new(),
            syncing: Vec::new(),
            stopping: false,
        };
        Self {
            queue: Mutex::new(queue),
            work: Condvar::new(),
            failed: AtomicBool::new(false),
            threads: Mutex::default(),
        }
    }

    /// Syncs what is queued and ends the threads. What is queued meanwhile is left to whoever closes the logs: under load
    /// the queue would never be found empty.
    pub(crate) fn stop(&self) {
        self.queue.lock().stopping = true;
        self.work.notify_all();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("the flusher panicked");
            }
        }
    }

    /// Has what was appended before the call synced.
    pub(crate) fn mark(&self, partition: &Arc<T>) {
        if partition.dirty().swap(true, Ordering::AcqRel) {
            return;
        }
        let mut queue = self.queue.lock();
        if !queue.stopping {
            queue.dirty.push_back(partition.clone());
            self.work.notify_one();
        }
    }

    fn run(&self) {
        let _vital = Vital::job("flusher");
        let mut queue = self.queue.lock();
        loop {
            if let Some(partition) = queue.begin() {
                drop(queue);
                self.sync(&partition);
                queue = self.queue.lock();
                queue.end(&partition);
            } else if queue.stopping {
                return;
            } else {
                queue = wait(&self.work, queue);
            }
        }
    }

    fn sync(&self, partition: &T) {
        partition.dirty().swap(false, Ordering::AcqRel);
        if self.failed() || partition.sync().is_err() {
            self.failed.store(true, Ordering::Release);
            partition.take_offline();
        }
    }

    /// A sync failed: the directory is to be taken offline.
    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

#[cfg(all(test, feature = "loom"))]
#[path = "flusher_model_tests.rs"]
mod model;
