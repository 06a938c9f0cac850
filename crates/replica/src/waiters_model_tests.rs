use std::pin::pin;
use std::task::{Context, Waker};

use loom::thread;

use super::*;
use crate::primitives::AtomicBool;

/// A high watermark, and who waits for it.
#[derive(Default)]
struct Shown {
    high_watermark: AtomicI64,
    waiters: Waiters,
}

impl Shown {
    /// As a partition does it.
    fn raise(&self, offset: i64, bytes: i64) {
        let before = self.high_watermark.fetch_max(offset, Ordering::SeqCst);
        let reached = offset.max(before);
        self.waiters.progress(Cause::HighWatermark, reached, bytes);
    }

    fn await_offset(&self, offset: i64, waiter: &Arc<Waiter>) {
        let reached = || self.high_watermark.load(Ordering::SeqCst);
        self.waiters
            .await_offset(Cause::HighWatermark, offset, waiter, reached);
    }

    fn is_forgotten(&self) -> bool {
        self.waiters.count.load(Ordering::SeqCst) == 0 && self.waiters.entries.lock().is_empty()
    }
}

fn raised(shown: &Arc<Shown>, offset: i64, bytes: i64) -> thread::JoinHandle<()> {
    let shown = shown.clone();
    thread::spawn(move || shown.raise(offset, bytes))
}

/// For ever, if it was not woken: the checker says so.
fn sleep(waiter: &Waiter) {
    let due = pin!(waiter.due());
    assert!(due.poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

fn missing(waiter: &Waiter) -> i64 {
    waiter.missing.load(Ordering::SeqCst)
}

#[test]
fn a_wish_is_paid_once_whether_by_progress_or_by_the_second_look() {
    loom::model(|| {
        let (shown, waiter) = (Arc::new(Shown::default()), Waiter::new(1));
        let raising = [raised(&shown, 1, 5), raised(&shown, 2, 5)];
        shown.await_offset(1, &waiter);
        sleep(&waiter);
        raising
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(missing(&waiter), 0);
        assert!(shown.is_forgotten());
    });
}

#[test]
fn two_partitions_pay_one_request_together() {
    loom::model(|| {
        let partitions = [(); 2].map(|()| Arc::new(Shown::default()));
        let waiter = Waiter::new(2);
        let raising = [raised(&partitions[0], 1, 5), raised(&partitions[1], 1, 5)];
        for shown in &partitions {
            shown.await_offset(1, &waiter);
        }
        sleep(&waiter);
        raising
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(missing(&waiter), 0);
        assert!(partitions.iter().all(|shown| shown.is_forgotten()));
    });
}

#[test]
fn bytes_are_seen_by_the_second_read_or_paid_for() {
    loom::model(|| {
        let (shown, waiter) = (Arc::new(Shown::default()), Waiter::new(10));
        let raising = raised(&shown, 1, 10);
        shown.waiters.await_bytes(&waiter);
        if shown.high_watermark.load(Ordering::SeqCst) == 0 {
            sleep(&waiter);
        }
        shown.waiters.unregister(&waiter);
        raising.join().unwrap();
        assert!([0, 10].contains(&missing(&waiter)));
        assert!(shown.is_forgotten());
    });
}

#[test]
fn who_is_forgotten_is_not_counted_and_others_are_paid() {
    loom::model(|| {
        let (shown, gone, stays) = (Arc::new(Shown::default()), Waiter::new(1), Waiter::new(1));
        shown.await_offset(1, &gone);
        let raising = raised(&shown, 1, 5);
        shown.waiters.unregister(&gone);
        shown.await_offset(1, &stays);
        sleep(&stays);
        raising.join().unwrap();
        assert_eq!(missing(&stays), 0);
        assert!(missing(&gone) >= 0);
        assert!(shown.is_forgotten());
    });
}

#[test]
fn a_partition_that_is_lost_leaves_nobody_asleep() {
    loom::model(|| {
        let (shown, waiter) = (Arc::new(Shown::default()), Waiter::new(1));
        let lost = Arc::new(AtomicBool::new(false));
        let losing = (shown.clone(), lost.clone());
        let losing = thread::spawn(move || {
            losing.1.store(true, Ordering::Release);
            losing.0.waiters.call_off();
        });
        // As a partition does it.
        shown.await_offset(1, &waiter);
        if lost.load(Ordering::Acquire) {
            waiter.call_off();
        }
        sleep(&waiter);
        losing.join().unwrap();
    });
}
