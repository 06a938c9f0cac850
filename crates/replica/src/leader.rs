//! A partition as its leader serves it: appends, reads below the right bound, and the high watermark.
//!
//! Invariants: an append happens entirely under one leadership; the high watermark never passes the durable end and
//! never goes back.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use store::{AppendArgs, Appended, DeleteBeyondEnd, Log, Origin, Verdict};
use thiserror::Error;
use uuid::Uuid;

use crate::disk::Disk;
use crate::flusher::Unsynced;
use crate::leadership::{Leadership, LeadershipError};
use crate::primitives::AtomicBool;
use crate::waiters::{Cause, Waiter, Waiters};

#[derive(Debug, Error)]
pub enum AppendError {
    #[error(transparent)]
    Leadership(#[from] LeadershipError),
    #[error(transparent)]
    Log(#[from] store::AppendError),
}

/// One partition with a log on this broker.
pub struct Partition {
    pub topic: Arc<str>,
    pub topic_id: Uuid,
    pub index: i32,
    log: Arc<Log>,
    disk: Arc<Disk>,
    leadership: Leadership,
    high_watermark: AtomicI64,
    /// See [`Unsynced`].
    dirty: AtomicBool,
    /// When the flusher last synced the log, or when it was opened.
    synced_at: Mutex<Instant>,
    /// Appended but not yet credited to waiting fetches.
    hidden_bytes: AtomicI64,
    waiters: Waiters,
}

impl Partition {
    /// `log` has been recovered: everything in it is on stable storage.
    pub fn new(
        topic: Arc<str>,
        topic_id: Uuid,
        index: i32,
        log: Arc<Log>,
        disk: Arc<Disk>,
    ) -> Arc<Self> {
        Arc::new(Self {
            topic,
            topic_id,
            index,
            high_watermark: AtomicI64::new(log.log_start()),
            log,
            disk,
            leadership: Leadership::new(),
            dirty: AtomicBool::new(false),
            synced_at: Mutex::new(Instant::now()),
            hidden_bytes: AtomicI64::new(0),
            waiters: Waiters::default(),
        })
    }

    /// Leads from now on under `epoch`, as the only in-sync replica: all that is durable is committed.
    pub fn become_leader(&self, epoch: i32) {
        if !self
            .leadership
            .take_up(epoch, || self.log.start_epoch(epoch))
        {
            return;
        }
        self.waiters.call_off();
        self.raise_high_watermark(self.log.durable_end(), 0);
    }

    /// Stops serving: deleted, or led elsewhere. Parked requests look again and find no leader. Returns when nothing is
    /// appended any more.
    pub fn resign(&self) {
        self.leadership.lay_down();
        self.waiters.call_off();
        self.leadership.await_appends();
    }

    /// Stops serving until a restart: the disk below failed.
    pub fn take_offline(&self) {
        self.leadership.take_offline();
        self.waiters.call_off();
    }

    /// The current leader epoch, where this broker leads.
    pub fn leader_epoch(&self) -> Result<i32, LeadershipError> {
        self.leadership.epoch()
    }

    /// Compares the epoch a client believes in (-1: it does not say) with the current one (KIP-320).
    pub fn check_leader_epoch(&self, believed: i32) -> Result<i32, LeadershipError> {
        let current = self.leader_epoch()?;
        match believed {
            -1 => Ok(current),
            older if older < current => Err(LeadershipError::FencedEpoch),
            newer if newer > current => Err(LeadershipError::UnknownEpoch),
            _ => Ok(current),
        }
    }

    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    pub fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    pub fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::SeqCst)
    }

    /// The bound of a read_committed fetch; without open transactions, the high watermark (KIP-98).
    pub fn last_stable_offset(&self) -> i64 {
        self.high_watermark()
    }

    /// Appends validated batches, patching offsets and leader epoch into them. Durability comes later: see
    /// [`Partition::await_offset`].
    pub fn append(
        self: &Arc<Self>,
        batches: &mut [u8],
        origin: Origin,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        let _underway = self.disk.watch();
        let tenure = self.leadership.hold()?;
        let appended = self.log.append(
            batches,
            AppendArgs {
                leader_epoch: tenure.epoch,
                now_ms,
                origin,
            },
        )?;
        if !appended.duplicate {
            let bytes = i64::try_from(batches.len()).unwrap_or(i64::MAX);
            self.hidden_bytes.fetch_add(bytes, Ordering::AcqRel);
            self.settle();
        }
        Ok(appended)
    }

    /// After an append: what is already durable is shown, the rest goes to the flusher.
    fn settle(self: &Arc<Self>) {
        let durable_end = self.log.durable_end();
        if durable_end >= self.log.log_end() {
            let bytes = self.hidden_bytes.swap(0, Ordering::AcqRel);
            self.raise_durable_end(durable_end, bytes);
        } else {
            self.disk.flusher.mark(self);
        }
    }

    /// Has what is unsynced flushed if the last sync was `flush.ms` ago. As in Kafka, that is the
    /// sync's age and not the record's.
    pub fn flush_if_due(self: &Arc<Self>) {
        let flush_ms = u64::try_from(self.log.config().flush_ms).unwrap_or(0);
        let is_due = self.synced_at.lock().elapsed() >= Duration::from_millis(flush_ms);
        if is_due && self.log.synced_end() < self.log.log_end() {
            self.disk.flusher.mark(self);
        }
    }

    /// See [`Log::checkpoint`]. Appends wait for part of it.
    pub fn checkpoint(&self) -> io::Result<i64> {
        let _underway = self.disk.watch();
        self.log.checkpoint()
    }

    /// See [`Log::apply_retention`]. Appends wait for it.
    pub fn apply_retention(&self, now_ms: i64) -> io::Result<usize> {
        let _underway = self.disk.watch();
        self.log.apply_retention(now_ms, self.high_watermark())
    }

    fn raise_durable_end(&self, durable_end: i64, bytes: i64) {
        self.waiters.progress(Cause::DurableEnd, durable_end, 0);
        self.raise_high_watermark(durable_end, bytes);
    }

    fn raise_high_watermark(&self, offset: i64, bytes: i64) {
        let before = self.high_watermark.fetch_max(offset, Ordering::SeqCst);
        if before < offset || bytes > 0 {
            self.waiters
                .progress(Cause::HighWatermark, offset.max(before), bytes);
        }
    }

    /// Moves the log start offset up to `offset` for good, at most to the high watermark (KIP-107).
    pub fn delete_records_before(&self, offset: i64) -> Result<i64, DeleteBeyondEnd> {
        self.log
            .delete_records_before(offset.min(self.high_watermark()))
    }

    /// Where the cause stands now.
    pub fn offset_of(&self, cause: Cause) -> i64 {
        match cause {
            Cause::DurableEnd => self.log.durable_end(),
            Cause::HighWatermark => self.high_watermark(),
        }
    }

    /// Registers `waiter` for `cause` to reach `offset`; already reached counts at once.
    pub fn await_offset(&self, cause: Cause, offset: i64, waiter: &Arc<Waiter>) {
        self.waiters
            .await_offset(cause, offset, waiter, || self.offset_of(cause));
        // Lost before it was registered: nobody else would tell.
        if self.leader_epoch().is_err() {
            waiter.call_off();
        }
    }

    /// Registers `waiter` for bytes becoming visible. The caller reads once more before it sleeps.
    pub fn await_bytes(&self, waiter: &Arc<Waiter>) {
        self.waiters.await_bytes(waiter);
    }

    pub fn unregister(&self, waiter: &Arc<Waiter>) {
        self.waiters.unregister(waiter);
    }
}

impl Unsynced for Partition {
    fn dirty(&self) -> &AtomicBool {
        &self.dirty
    }

    /// One cycle of the flusher. A failed sync is final: nothing above the durable end may be trusted.
    fn sync(&self) -> io::Result<()> {
        let bytes = self.hidden_bytes.swap(0, Ordering::AcqRel);
        *self.synced_at.lock() = Instant::now();
        let underway = self.disk.watch();
        let synced = self.log.sync();
        drop(underway);
        let durable_end = match synced {
            Ok(durable_end) => durable_end,
            // Its files may be gone with its topic, and nobody waits for it any more. But a disk that failed is others' too.
            Err(error)
                if Verdict::of(&error) != Verdict::Lost
                    && self.leader_epoch() == Err(LeadershipError::NotLeader) =>
            {
                return Ok(());
            }
            Err(error) => {
                tracing::error!(topic = %self.topic, partition = self.index, %error, "sync failed");
                return Err(error);
            }
        };
        self.raise_durable_end(durable_end, bytes);
        Ok(())
    }

    fn take_offline(&self) {
        self.take_offline();
    }
}

#[cfg(test)]
#[path = "leader_tests.rs"]
mod tests;
