//! The disk beneath one log directory: the threads that wait for it, and how long it has kept somebody waiting.
//!
//! Invariant: while an operation has been under way for long, whoever must not wait hands over what would; and no longer, so
//! that one slow operation does not leave a directory to a single thread. What comes later may overtake what was handed
//! over: whoever needs an order begins nothing before that is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::flusher::Flusher;
use crate::writer::Writer;

/// How long a write or a sync may take before the directory's appends go to its writer thread: far more than a disk at
/// work takes for one, and little enough for whoever is kept from a worker by an append that began before.
const BEHIND_AFTER: Duration = Duration::from_millis(50);

/// Operations watched at a time: the flusher's syncs and an append of every worker. Where more are under way, and the disk
/// hangs, those that are watched hang too.
const WATCHED: usize = 32;

/// See the module.
pub struct Disk {
    pub(crate) flusher: Arc<Flusher>,
    writer: Arc<Writer>,
    started: Instant,
    /// When each operation under way began, in milliseconds after `started`; 0 where there is none.
    began_ms: [AtomicU64; WATCHED],
}

/// A write or a sync, for as long as it takes.
pub(crate) struct Underway<'a>(Option<&'a AtomicU64>);

impl Disk {
    /// `name` tells the threads from those of other disks.
    pub fn start(name: &str) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            flusher: Flusher::start(name)?,
            writer: Writer::start(name)?,
            started: Instant::now(),
            began_ms: [const { AtomicU64::new(0) }; WATCHED],
        }))
    }

    /// Ends the threads: what was handed over and not begun is dropped, what is dirty is synced. Waits for a disk that hangs.
    pub fn stop(&self) {
        self.writer.stop();
        self.flusher.stop();
    }

    /// A sync failed: the directory is to be taken offline.
    pub fn failed(&self) -> bool {
        self.flusher.failed()
    }

    /// Whether an append may take long, and is to be handed over.
    pub fn is_behind(&self) -> bool {
        self.oldest() > BEHIND_AFTER
    }

    /// Has the writer thread do `job`, after all that was handed over before. It is dropped undone when the disk stops.
    pub fn hand_over(&self, job: impl FnOnce() + Send + 'static) {
        self.writer.enqueue(Box::new(job));
    }

    /// How long the oldest operation has been under way.
    fn oldest(&self) -> Duration {
        let began = self.began_ms.iter().map(|at| at.load(Ordering::Relaxed));
        let oldest = began.filter(|began_ms| *began_ms > 0).min();
        oldest.map_or(Duration::ZERO, |began_ms| {
            Duration::from_millis(self.now_ms().saturating_sub(began_ms))
        })
    }

    /// Called before a write or a sync.
    pub(crate) fn watch(&self) -> Underway<'_> {
        let now_ms = self.now_ms();
        let free = |at: &&AtomicU64| {
            at.load(Ordering::Relaxed) == 0
                && at
                    .compare_exchange(0, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
        };
        Underway(self.began_ms.iter().find(free))
    }

    /// Never 0.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .saturating_add(1)
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if let Some(at) = self.0 {
            at.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_disk_is_behind_while_its_oldest_operation_is_old() {
        let disk = Disk::start("test").unwrap();
        assert!(!disk.is_behind());
        let hanging = disk.watch();
        assert!(!disk.is_behind(), "it has only begun");
        std::thread::sleep(BEHIND_AFTER + Duration::from_millis(10));
        drop(disk.watch());
        assert!(disk.is_behind(), "others end, this one does not");
        drop(hanging);
        assert!(!disk.is_behind());
        disk.stop();
    }

    #[test]
    fn more_operations_than_are_watched_disturb_nobody() {
        let disk = Disk::start("test").unwrap();
        let many: Vec<_> = (0..2 * WATCHED).map(|_| disk.watch()).collect();
        drop(many);
        assert_eq!(disk.oldest(), Duration::ZERO);
        disk.stop();
    }

    #[test]
    fn what_is_handed_over_is_done_in_order() {
        let disk = Disk::start("test").unwrap();
        let (done, order) = mpsc::channel();
        for number in 0..100 {
            let done = done.clone();
            disk.hand_over(move || done.send(number).unwrap());
        }
        drop(done);
        assert!(order.iter().eq(0..100));
        disk.stop();
    }

    #[test]
    fn a_writer_that_is_never_idle_keeps_nobody_to_itself_once_the_disk_has_caught_up() {
        let disk = Disk::start("test").unwrap();
        let slow = disk.watch();
        std::thread::sleep(BEHIND_AFTER + Duration::from_millis(10));
        assert!(disk.is_behind());
        let (go, gone) = mpsc::channel::<()>();
        disk.hand_over(move || gone.recv().unwrap());
        drop(slow);
        assert!(
            !disk.is_behind(),
            "with a job under way and quick operations"
        );
        go.send(()).unwrap();
        disk.stop();
    }

    #[test]
    fn a_stop_drops_what_was_not_begun() {
        let disk = Disk::start("test").unwrap();
        let (go, gone) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel::<()>();
        let (done, undone) = mpsc::channel::<()>();
        disk.hand_over(move || {
            begun.send(()).unwrap();
            gone.recv().unwrap();
        });
        has_begun.recv().unwrap();
        disk.hand_over(move || done.send(()).unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| disk.stop());
            assert!(undone.recv().is_err(), "dropped while the first goes on");
            go.send(()).unwrap();
        });
        let (late, refused) = mpsc::channel::<()>();
        disk.hand_over(move || late.send(()).unwrap());
        assert!(refused.recv().is_err());
    }
}
