//! Following the committed log, without knowing who agreed on it.
//!
//! An observer pulls: it holds a position, and nothing is kept for one that does not ask.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use store::ReadError;
use tokio::sync::watch;

use crate::checkpoint::CheckpointId;
use crate::disk::{Disk, blocking};
use crate::disk_error::DiskError;

/// A step of the committed log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// The whole state before `end_offset`: whatever was known is replaced.
    Snapshot {
        end_offset: i64,
        epoch: i32,
        /// Of the last record that it covers.
        timestamp: i64,
        records: Vec<Bytes>,
    },
    /// The next batch. Raft's own have no records here, yet take up offsets.
    Batch {
        base_offset: i64,
        /// The offset after its last record.
        end_offset: i64,
        epoch: i32,
        timestamp: i64,
        records: Vec<Bytes>,
    },
}

impl Committed {
    pub fn end_offset(&self) -> i64 {
        match self {
            Self::Snapshot { end_offset, .. } | Self::Batch { end_offset, .. } => *end_offset,
        }
    }
}

/// Why there is nothing more to observe.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error("the quorum has shut down")]
    Closed,
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// See the module.
pub struct Observer {
    disk: Arc<Disk>,
    committed_end: watch::Receiver<i64>,
    /// Everything before it was read. `None`: not even the checkpoint.
    position: Option<i64>,
    read: VecDeque<Committed>,
}

impl Observer {
    pub(crate) fn new(disk: Arc<Disk>, committed_end: watch::Receiver<i64>) -> Self {
        Self {
            disk,
            committed_end,
            position: None,
            read: VecDeque::new(),
        }
    }

    /// The next step, as soon as it is committed. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Committed, ObserveError> {
        loop {
            if let Some(step) = self.read.pop_front() {
                return Ok(step);
            }
            let committed_end = *self.committed_end.borrow_and_update();
            match self.position {
                Some(position) if position >= committed_end => {
                    let changed = self.committed_end.changed().await;
                    changed.map_err(|_| ObserveError::Closed)?;
                }
                position => {
                    let steps =
                        blocking(&self.disk, move |disk| read(disk, position, committed_end));
                    self.read = steps.await?;
                    let end = self.read.back().map_or(0, Committed::end_offset);
                    self.position = Some(end.max(position.unwrap_or_default()));
                }
            }
        }
    }
}

fn read(
    disk: &Disk,
    position: Option<i64>,
    committed_end: i64,
) -> Result<VecDeque<Committed>, DiskError> {
    loop {
        let (checkpoint, log_start) = (newest_checkpoint(disk), disk.log_start());
        let attempt = match position {
            Some(position) if position >= log_start => batches(disk, position, committed_end),
            _ => snapshot(disk),
        };
        // A newer checkpoint may have come, and what it covers gone away.
        let is_overtaken = (checkpoint, log_start) != (newest_checkpoint(disk), disk.log_start());
        match attempt {
            Err(DiskError::Read(ReadError::OutOfRange { .. })) if is_overtaken => {}
            Err(DiskError::MissingCheckpoint(_)) if is_overtaken => {}
            Err(DiskError::Io(error))
                if is_overtaken && error.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
    }
}

fn newest_checkpoint(disk: &Disk) -> Option<CheckpointId> {
    disk.checkpoint().map(|(id, _)| id)
}

fn snapshot(disk: &Disk) -> Result<VecDeque<Committed>, DiskError> {
    let Some((CheckpointId { end_offset, epoch }, _)) = disk.checkpoint() else {
        return Ok(VecDeque::new());
    };
    let contents = disk.read_checkpoint(CheckpointId { end_offset, epoch })?;
    Ok(VecDeque::from([Committed::Snapshot {
        end_offset,
        epoch,
        timestamp: contents.timestamp,
        records: contents.records,
    }]))
}

fn batches(disk: &Disk, position: i64, end: i64) -> Result<VecDeque<Committed>, DiskError> {
    let batches = disk.committed_batches(position..end)?;
    let step = |batch: crate::disk::CommittedBatch| Committed::Batch {
        base_offset: batch.header.base_offset,
        end_offset: batch.header.next_offset(),
        epoch: batch.header.partition_leader_epoch,
        timestamp: batch.header.max_timestamp,
        records: batch.records,
    };
    Ok(batches.into_iter().map(step).collect())
}
