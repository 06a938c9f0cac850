//! A partition as its leader serves it: appends, reads below the right bound, and the high watermark.
//!
//! Invariants: an append happens entirely under one leadership; the high watermark never passes the durable end and
//! never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use store::{AppendArgs, Appended, DeleteBeyondEnd, Log, Origin, Payload};
use thiserror::Error;
use uuid::Uuid;

use crate::flusher::Flusher;
use crate::waiters::{Cause, Waiter, Waiters};

/// Why a request that names a leader epoch, or needs the leader, is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LeadershipError {
    #[error("this broker does not lead the partition")]
    NotLeader,
    #[error("the caller's leader epoch is older than the current one")]
    FencedEpoch,
    #[error("the caller's leader epoch is newer than the current one")]
    UnknownEpoch,
    #[error("the partition's log directory is offline")]
    Offline,
}

#[derive(Debug, Error)]
pub enum AppendError {
    #[error(transparent)]
    Leadership(#[from] LeadershipError),
    #[error(transparent)]
    Log(#[from] store::AppendError),
}

#[derive(Debug, Error)]
pub enum ReadError {
    #[error(transparent)]
    Leadership(#[from] LeadershipError),
    #[error(transparent)]
    Log(#[from] store::ReadError),
}

/// What a fetch of one partition found.
#[derive(Debug)]
pub struct Read {
    pub payload: Payload,
    pub high_watermark: i64,
    pub log_start: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Known here, led by nobody or by another broker.
    Idle,
    Leader {
        epoch: i32,
    },
    /// Its log directory failed; only a restart brings it back.
    Offline,
}

/// One partition with a log on this broker.
pub struct Partition {
    pub topic: Arc<str>,
    pub topic_id: Uuid,
    pub index: i32,
    log: Arc<Log>,
    flusher: Arc<Flusher>,
    /// Held for reading across an append, so that no leadership change falls into one.
    role: RwLock<Role>,
    high_watermark: AtomicI64,
    /// Queued at the flusher, or being queued.
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
        flusher: Arc<Flusher>,
    ) -> Arc<Self> {
        Arc::new(Self {
            topic,
            topic_id,
            index,
            high_watermark: AtomicI64::new(log.log_start()),
            log,
            flusher,
            role: RwLock::new(Role::Idle),
            dirty: AtomicBool::new(false),
            synced_at: Mutex::new(Instant::now()),
            hidden_bytes: AtomicI64::new(0),
            waiters: Waiters::default(),
        })
    }

    /// Leads from now on under `epoch`, as the only in-sync replica: all that is durable is committed.
    pub fn become_leader(&self, epoch: i32) {
        let mut role = self.role.write();
        match *role {
            Role::Offline => return,
            Role::Leader { epoch: current } if current >= epoch => return,
            Role::Leader { .. } | Role::Idle => {}
        }
        self.log.start_epoch(epoch);
        *role = Role::Leader { epoch };
        drop(role);
        self.waiters.call_off();
        self.raise_high_watermark(self.log.durable_end(), 0);
    }

    /// Stops serving: deleted, or led elsewhere. Parked requests look again and find no leader.
    pub fn resign(&self) {
        self.leave(Role::Idle);
    }

    /// Stops serving until a restart: the disk below failed.
    pub fn take_offline(&self) {
        self.leave(Role::Offline);
    }

    /// A partition whose disk failed stays offline, whatever the metadata says of it next.
    fn leave(&self, next: Role) {
        let mut role = self.role.write();
        if !matches!(*role, Role::Offline) {
            *role = next;
        }
        drop(role);
        self.waiters.call_off();
    }

    /// The current leader epoch, where this broker leads.
    pub fn leader_epoch(&self) -> Result<i32, LeadershipError> {
        match *self.role.read() {
            Role::Leader { epoch } => Ok(epoch),
            Role::Idle => Err(LeadershipError::NotLeader),
            Role::Offline => Err(LeadershipError::Offline),
        }
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
        let role = self.role.read();
        let leader_epoch = match *role {
            Role::Leader { epoch } => epoch,
            Role::Idle => return Err(LeadershipError::NotLeader.into()),
            Role::Offline => return Err(LeadershipError::Offline.into()),
        };
        let appended = self.log.append(
            batches,
            AppendArgs {
                leader_epoch,
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
            self.flush();
        }
    }

    fn flush(self: &Arc<Self>) {
        if !self.dirty.swap(true, Ordering::AcqRel) {
            self.flusher.enqueue(self.clone());
        }
    }

    /// Has what is unsynced flushed if the last sync was `flush.ms` ago. As in Kafka, that is the
    /// sync's age and not the record's.
    pub fn flush_if_due(self: &Arc<Self>) {
        let flush_ms = u64::try_from(self.log.config().flush_ms).unwrap_or(0);
        let is_due = self.synced_at.lock().elapsed() >= Duration::from_millis(flush_ms);
        if is_due && self.log.synced_end() < self.log.log_end() {
            self.flush();
        }
    }

    /// One cycle of the flusher. A failed sync is final: nothing above the durable end may be trusted.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.dirty.swap(false, Ordering::AcqRel);
        let bytes = self.hidden_bytes.swap(0, Ordering::AcqRel);
        *self.synced_at.lock() = Instant::now();
        let durable_end = match self.log.sync() {
            Ok(durable_end) => durable_end,
            // Its files may be gone with its topic, and nobody waits for it any more.
            Err(_) if *self.role.read() == Role::Idle => return Ok(()),
            Err(error) => {
                tracing::error!(topic = %self.topic, partition = self.index, %error, "sync failed");
                return Err(error);
            }
        };
        self.raise_durable_end(durable_end, bytes);
        Ok(())
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

    /// Reads whole batches from `from` up to the high watermark.
    pub fn read(&self, from: i64, max_bytes: u32, at_least_one: bool) -> Result<Read, ReadError> {
        let high_watermark = self.high_watermark();
        let payload = self
            .log
            .read(from, max_bytes, high_watermark, at_least_one)?;
        Ok(Read {
            payload,
            high_watermark,
            log_start: self.log.log_start(),
        })
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
        self.waiters.await_offset(cause, offset, waiter);
        self.waiters.progress(cause, self.offset_of(cause), 0);
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

#[cfg(test)]
#[path = "leader_tests.rs"]
mod tests;
