//! The group commit of one log directory: threads that take partitions with unsynced appends, sync their logs, and raise
//! their durable ends. The appends that come to a partition during its sync share its next one.
//!
//! Invariants: a partition's dirty flag is cleared before its log end is read, so an append that comes during the sync
//! queues the partition again; one partition is never synced by two threads at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::leader::Partition;
use crate::vital::Vital;

/// Where fdatasync throughput levels off (see ARCHITECTURE.md).
const SYNC_THREADS: usize = 8;

/// Hands the partitions of one log directory to its sync threads.
pub(crate) struct Flusher {
    queue: Mutex<Queue>,
    work: Condvar,
    /// Sticky: a sync failed, and no page of this directory is to be trusted from then on.
    failed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Queue {
    /// Each partition at most once (its dirty flag), so bounded by the partitions of the directory.
    dirty: VecDeque<Arc<Partition>>,
    /// At most one a thread.
    syncing: Vec<Arc<Partition>>,
    stopping: bool,
}

impl Queue {
    /// Takes the oldest dirty partition that nobody syncs. Those that somebody syncs are next for whoever does.
    fn begin(&mut self) -> Option<Arc<Partition>> {
        let at = self
            .dirty
            .iter()
            .position(|partition| !self.is_syncing(partition))?;
        let partition = self.dirty.remove(at)?;
        self.syncing.push(partition.clone());
        Some(partition)
    }

    fn end(&mut self, partition: &Arc<Partition>) {
        self.syncing.retain(|other| !Arc::ptr_eq(other, partition));
    }

    fn is_syncing(&self, partition: &Arc<Partition>) -> bool {
        let mut syncing = self.syncing.iter();
        syncing.any(|other| Arc::ptr_eq(other, partition))
    }
}

impl Flusher {
    pub(crate) fn start(name: &str) -> std::io::Result<Arc<Self>> {
        let flusher = Arc::new(Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            failed: AtomicBool::new(false),
            threads: Mutex::default(),
        });
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

    pub(crate) fn enqueue(&self, partition: Arc<Partition>) {
        let mut queue = self.queue.lock();
        if !queue.stopping {
            queue.dirty.push_back(partition);
            self.work.notify_one();
        }
    }

    fn run(&self) {
        let _vital = Vital::job("flusher");
        let mut queue = self.queue.lock();
        loop {
            if let Some(partition) = queue.begin() {
                MutexGuard::unlocked(&mut queue, || self.sync(&partition));
                queue.end(&partition);
            } else if queue.stopping {
                return;
            } else {
                self.work.wait(&mut queue);
            }
        }
    }

    fn sync(&self, partition: &Partition) {
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
