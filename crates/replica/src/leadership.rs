//! Who leads a partition, as seen by those who append to it and by those who only ask.
//!
//! Invariants: asking never waits, however long an append does; a leadership begins when no append of an earlier one is
//! under way any more.

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};
use thiserror::Error;

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

/// Known here, led by nobody or by another broker.
const IDLE: i64 = -1;
/// Its log directory failed; only a restart brings it back.
const OFFLINE: i64 = -2;

/// See the module.
#[derive(Debug)]
pub(crate) struct Leadership {
    /// The leader epoch, where this broker leads; else one of the above.
    role: AtomicI64,
    /// Held for reading across an append. It may be held for as long as a disk hangs, so whoever serves others waits for
    /// it only to append.
    appending: RwLock<()>,
}

/// For as long as it lives, no other leadership begins.
pub(crate) struct Tenure<'a> {
    pub(crate) epoch: i32,
    _appending: RwLockReadGuard<'a, ()>,
}

impl Leadership {
    pub(crate) fn new() -> Self {
        Self {
            role: AtomicI64::new(IDLE),
            appending: RwLock::new(()),
        }
    }

    /// The current leader epoch, where this broker leads.
    pub(crate) fn epoch(&self) -> Result<i32, LeadershipError> {
        match self.role.load(Ordering::Acquire) {
            OFFLINE => Err(LeadershipError::Offline),
            role => i32::try_from(role)
                .ok()
                .filter(|epoch| *epoch >= 0)
                .ok_or(LeadershipError::NotLeader),
        }
    }

    /// The leadership to append under.
    pub(crate) fn hold(&self) -> Result<Tenure<'_>, LeadershipError> {
        let appending = self.appending.read();
        Ok(Tenure {
            epoch: self.epoch()?,
            _appending: appending,
        })
    }

    /// Has `prepare` done and leads under `epoch`, unless it is no newer than the current one or the disk is lost; whether
    /// it came to that. Waits for the appends under way.
    pub(crate) fn take_up(&self, epoch: i32, prepare: impl FnOnce()) -> bool {
        let _no_append = self.appending.write();
        let before = self.role.load(Ordering::Acquire);
        if before == OFFLINE || before >= i64::from(epoch) {
            return false;
        }
        prepare();
        // A disk that was lost meanwhile stays so.
        let taken =
            self.role
                .compare_exchange(before, epoch.into(), Ordering::AcqRel, Ordering::Acquire);
        taken.is_ok()
    }

    /// No append begins from now on; one that is under way may still end.
    pub(crate) fn lay_down(&self) {
        let idle = |role| (role != OFFLINE).then_some(IDLE);
        // A partition whose disk failed stays offline, whatever the metadata says of it next.
        let _ = self
            .role
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, idle);
    }

    pub(crate) fn take_offline(&self) {
        self.role.store(OFFLINE, Ordering::Release);
    }

    /// Returns when those appends have ended that had begun before.
    pub(crate) fn await_appends(&self) {
        drop(self.appending.write());
    }
}
