use loom::cell::UnsafeCell;
use loom::thread;

use super::*;
use crate::primitives::AtomicI64;

/// A log without a disk.
struct Toy {
    dirty: AtomicBool,
    end: AtomicI64,
    durable_end: AtomicI64,
    /// Taken by whoever syncs: the checker tells when two do at once.
    disk: UnsafeCell<()>,
    is_offline: AtomicBool,
    fails: bool,
}

impl Toy {
    fn new(fails: bool) -> Arc<Self> {
        Arc::new(Self {
            dirty: AtomicBool::new(false),
            end: AtomicI64::new(0),
            durable_end: AtomicI64::new(0),
            disk: UnsafeCell::new(()),
            is_offline: AtomicBool::new(false),
            fails,
        })
    }

    fn append(self: &Arc<Self>, flusher: &Flusher<Self>) {
        self.end.fetch_add(1, Ordering::Release);
        flusher.mark(self);
    }

    fn ends(&self) -> (i64, i64) {
        let load = |end: &AtomicI64| end.load(Ordering::Acquire);
        (load(&self.durable_end), load(&self.end))
    }
}

impl Unsynced for Toy {
    fn dirty(&self) -> &AtomicBool {
        &self.dirty
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.with_mut(|_| {
            let end = self.end.load(Ordering::Acquire);
            if self.fails {
                return Err(io::ErrorKind::Other.into());
            }
            self.durable_end.store(end, Ordering::Release);
            Ok(())
        })
    }

    fn take_offline(&self) {
        self.is_offline.store(true, Ordering::Release);
    }
}

fn flusher() -> Arc<Flusher<Toy>> {
    Arc::new(Flusher::without_threads())
}

fn running(flusher: &Arc<Flusher<Toy>>) -> thread::JoinHandle<()> {
    let flusher = flusher.clone();
    thread::spawn(move || flusher.run())
}

#[test]
fn an_append_during_a_sync_is_synced_too() {
    loom::model(|| {
        let (flusher, log) = (flusher(), Toy::new(false));
        let thread = running(&flusher);
        log.append(&flusher);
        log.append(&flusher);
        flusher.stop();
        thread.join().unwrap();
        assert_eq!(log.ends(), (2, 2));
    });
}

#[test]
fn two_threads_forget_nothing_and_never_sync_one_log_at_once() {
    loom::model(|| {
        let (flusher, log) = (flusher(), Toy::new(false));
        let threads = [running(&flusher), running(&flusher)];
        log.append(&flusher);
        log.append(&flusher);
        flusher.stop();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(log.ends(), (2, 2));
    });
}

#[test]
fn appends_of_two_threads_are_synced() {
    loom::model(|| {
        let (flusher, log) = (flusher(), Toy::new(false));
        let thread = running(&flusher);
        let other = (flusher.clone(), log.clone());
        let other = thread::spawn(move || other.1.append(&other.0));
        log.append(&flusher);
        other.join().unwrap();
        flusher.stop();
        thread.join().unwrap();
        assert_eq!(log.ends(), (2, 2));
    });
}

#[test]
fn nobody_is_synced_behind_a_sync_that_failed() {
    loom::model(|| {
        let (flusher, broken, whole) = (flusher(), Toy::new(true), Toy::new(false));
        broken.append(&flusher);
        whole.append(&flusher);
        let thread = running(&flusher);
        whole.append(&flusher);
        flusher.stop();
        thread.join().unwrap();
        assert_eq!((broken.ends(), whole.ends()), ((0, 1), (0, 2)));
        let offline = [&broken, &whole].map(|log| log.is_offline.load(Ordering::Acquire));
        assert!(offline == [true; 2] && flusher.failed());
    });
}
