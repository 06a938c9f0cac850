//! The group commit of one log directory: a thread that takes every partition with unsynced appends, syncs its log, and
//! raises its durable end. The appends of the next cycle overlap the sync of this one.
//!
//! Invariant: a partition's dirty flag is cleared before its log end is read, so an append that comes during the sync
//! queues the partition again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::leader::Partition;
use crate::vital::Vital;

/// Below this many dirty partitions one thread syncs them in sequence; above, several do.
const PARALLEL_FROM: usize = 3;
/// Threads that share a cycle: where fdatasync throughput levels off (see ARCHITECTURE.md).
const SYNC_THREADS: usize = 8;

/// Hands the partitions of one log directory to its flusher thread.
pub(crate) struct Flusher {
    queue: Mutex<Queue>,
    work: Condvar,
    /// Sticky: a sync failed, and no page of this directory is to be trusted from then on.
    failed: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Queue {
    /// Each partition at most once (its dirty flag), so bounded by the partitions of the directory.
    dirty: Vec<Arc<Partition>>,
    stopping: bool,
}

impl Flusher {
    pub(crate) fn start(name: &str) -> std::io::Result<Arc<Self>> {
        let flusher = Arc::new(Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            failed: AtomicBool::new(false),
            thread: Mutex::new(None),
        });
        let running = flusher.clone();
        let thread = Builder::new()
            .name(format!("flush-{name}"))
            .spawn(move || running.run())?;
        *flusher.thread.lock() = Some(thread);
        Ok(flusher)
    }

    /// Syncs what is queued and ends the thread. What is queued meanwhile is left to whoever closes the logs: under load
    /// the queue would never be found empty.
    pub(crate) fn stop(&self) {
        self.queue.lock().stopping = true;
        self.work.notify_one();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the flusher panicked");
        }
    }

    pub(crate) fn enqueue(&self, partition: Arc<Partition>) {
        let mut queue = self.queue.lock();
        queue.dirty.push(partition);
        if queue.dirty.len() == 1 {
            self.work.notify_one();
        }
    }

    fn run(&self) {
        let _vital = Vital::job("flusher");
        loop {
            let (batch, is_last) = {
                let mut queue = self.queue.lock();
                while queue.dirty.is_empty() && !queue.stopping {
                    self.work.wait(&mut queue);
                }
                (std::mem::take(&mut queue.dirty), queue.stopping)
            };
            self.sync_all(&batch);
            if is_last {
                return;
            }
        }
    }

    fn sync_all(&self, batch: &[Arc<Partition>]) {
        if batch.len() < PARALLEL_FROM {
            batch.iter().for_each(|partition| self.sync(partition));
            return;
        }
        let share = batch.len().div_ceil(SYNC_THREADS);
        std::thread::scope(|scope| {
            for part in batch.chunks(share) {
                let sync_part = move || part.iter().for_each(|partition| self.sync(partition));
                if Builder::new().spawn_scoped(scope, sync_part).is_err() {
                    // No more threads to be had: slower, but nobody waits for ever.
                    sync_part();
                }
            }
        });
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
