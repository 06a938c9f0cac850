//! One entry of `log.dirs`, from its opening to its failure.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use replica::Disk;
use store::{LogDir, OpenError, PartitionName, ScrubMark, Verdict};
use uuid::Uuid;

use super::LogsError;

/// One entry of `log.dirs`.
pub(crate) struct Dir {
    pub(super) store: LogDir,
    pub(super) id: Uuid,
    pub(super) disk: Arc<Disk>,
    pub(super) logs: AtomicUsize,
    /// Logs that could not be opened, or are being opened and are not among the topics' yet. What is in them is neither
    /// checked nor synced. Before the first are opened, no checkpoint is written.
    pub(super) unopened: Mutex<HashSet<PartitionName>>,
    /// Sticky until a restart.
    pub(super) offline: AtomicBool,
    /// The failure has been dealt with.
    pub(super) noted: AtomicBool,
}

impl Dir {
    pub(crate) fn path(&self) -> &Path {
        self.store.path()
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Acquire) || self.disk.failed()
    }

    /// Whether an append to one of its logs may take long.
    pub(crate) fn is_behind(&self) -> bool {
        self.disk.is_behind()
    }

    /// See [`LogDir::scrub_mark`].
    pub(crate) fn scrub_mark(&self) -> Option<ScrubMark> {
        self.store.scrub_mark()
    }

    pub(crate) fn set_scrub_mark(&self, mark: &ScrubMark) -> io::Result<()> {
        self.usable()
            .map_err(io::Error::other)?
            .store
            .set_scrub_mark(mark)
    }

    pub(super) fn usable(&self) -> Result<&Self, LogsError> {
        if self.is_offline() {
            return Err(LogsError::Offline(self.path().to_owned()));
        }
        Ok(self)
    }

    /// A disk that failed for good takes the directory offline.
    pub(super) fn judge(&self, error: OpenError) -> OpenError {
        self.judge_io(&error.source);
        error
    }

    pub(super) fn judge_io(&self, error: &io::Error) {
        if Verdict::of(error) == Verdict::Lost {
            self.offline.store(true, Ordering::Release);
        }
    }

    /// True once, after the directory went offline.
    pub(crate) fn newly_failed(&self) -> bool {
        self.is_offline() && !self.noted.swap(true, Ordering::AcqRel)
    }

    /// Size of the volume and what is free for us on it, in bytes; -1 if unknown (KIP-827).
    pub(crate) fn volume_bytes(&self) -> (i64, i64) {
        let bytes =
            |blocks: u64, size: u64| i64::try_from(blocks.saturating_mul(size)).unwrap_or(i64::MAX);
        rustix::fs::statvfs(self.path()).map_or((-1, -1), |volume| {
            (
                bytes(volume.f_blocks, volume.f_frsize),
                bytes(volume.f_bavail, volume.f_frsize),
            )
        })
    }
}
