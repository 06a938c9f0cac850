//! Snapshots of the metadata log in Kafka's format: `<end offset>-<epoch>.checkpoint`, a control batch
//! that opens it, batches of records, and a control batch that ends it.
//!
//! Invariant: a file of that name is whole, for it gets its name after its fsync.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use format::{BatchBuilder, BatchError, BatchHeader, batches, check_crc};
use wire::records::control::{ControlRecord, SnapshotFooterRecord, SnapshotHeaderRecord};

use crate::batch::{EntryError, control_batch, control_records, values, voters};
use crate::file;
use crate::types::Membership;

/// Kafka refuses batches of more than 8 MiB here.
const BATCH_SIZE_BYTES: usize = 1 << 20;
const SUFFIX: &str = ".checkpoint";

/// What a snapshot covers: everything before `end_offset`, the last of it written in `epoch`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CheckpointId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:010}", self.end_offset, self.epoch)
    }
}

impl CheckpointId {
    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}{SUFFIX}"))
    }

    fn parse(file_name: &str) -> Option<Self> {
        let (end_offset, epoch) = file_name.strip_suffix(SUFFIX)?.split_once('-')?;
        Some(Self {
            end_offset: end_offset.parse().ok()?,
            epoch: epoch.parse().ok()?,
        })
    }
}

/// A checkpoint on this machine's disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checkpoint {
    pub(crate) id: CheckpointId,
    pub(crate) path: PathBuf,
}

/// What a checkpoint holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Of the last record that it covers.
    pub(crate) timestamp: i64,
    pub(crate) records: Vec<Bytes>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Batch(#[from] EntryError),
    #[error("it does not begin with a header and end with a footer")]
    Unfinished,
}

impl From<BatchError> for CheckpointError {
    fn from(error: BatchError) -> Self {
        Self::Batch(error.into())
    }
}

/// Writes and fsyncs a checkpoint.
pub(crate) fn write(
    dir: &Path,
    id: CheckpointId,
    membership: &Membership,
    contents: &Contents,
    now_ms: i64,
) -> Result<Checkpoint, CheckpointError> {
    let path = id.path(dir);
    file::replace(&path, |file| {
        let mut batches = BatchWriter {
            out: BufWriter::new(file),
            epoch: id.epoch,
            now_ms,
            next_offset: 0,
        };
        let mut opening = vec![ControlRecord::SnapshotHeader(SnapshotHeaderRecord {
            version: 0,
            last_contained_log_timestamp: contents.timestamp,
        })];
        opening.extend(voters(membership));
        batches.write_control(&opening)?;
        batches.write_records(&contents.records)?;
        let footer = ControlRecord::SnapshotFooter(SnapshotFooterRecord { version: 0 });
        batches.write_control(&[footer])?;
        Ok::<(), CheckpointError>(batches.out.flush()?)
    })?;
    Ok(Checkpoint { id, path })
}

struct BatchWriter<W> {
    out: W,
    epoch: i32,
    now_ms: i64,
    next_offset: i64,
}

impl<W: Write> BatchWriter<W> {
    fn write_control(&mut self, records: &[ControlRecord]) -> Result<(), CheckpointError> {
        let batch = control_batch(self.batch(), records, self.now_ms)?;
        self.write(&batch)
    }

    fn write_records(&mut self, records: &[Bytes]) -> Result<(), CheckpointError> {
        let mut records = records.iter().peekable();
        while records.peek().is_some() {
            let mut batch = self.batch();
            while batch.record_count() == 0 || batch.size_bytes() < BATCH_SIZE_BYTES {
                let Some(record) = records.next() else { break };
                batch.append(self.now_ms, None, Some(record), &[]);
            }
            let batch = batch.build().map_err(EntryError::from)?;
            self.write(&batch)?;
        }
        Ok(())
    }

    fn batch(&self) -> BatchBuilder {
        BatchBuilder::new(self.next_offset).leader_epoch(self.epoch)
    }

    fn write(&mut self, batch: &[u8]) -> Result<(), CheckpointError> {
        self.next_offset = BatchHeader::parse(batch)?.next_offset();
        Ok(self.out.write_all(batch)?)
    }
}

/// Reads a checkpoint and checks that it is whole.
pub(crate) fn read(path: &Path) -> Result<Contents, CheckpointError> {
    let bytes = Bytes::from(std::fs::read(path)?);
    let mut walk = batches(&bytes);
    let mut contents = Contents {
        timestamp: 0,
        records: Vec::new(),
    };
    let (mut opened, mut finished) = (false, false);
    for batch in walk.by_ref() {
        let batch = batch?;
        check_crc(batch.bytes)?;
        let bytes = bytes.slice_ref(batch.bytes);
        contents.records.extend(values(&bytes, &batch.header)?);
        for record in control_records(&bytes, &batch.header)? {
            match record {
                ControlRecord::SnapshotHeader(header) => {
                    opened = batch.position == 0;
                    contents.timestamp = header.last_contained_log_timestamp;
                }
                ControlRecord::SnapshotFooter(_) => finished = true,
                _ => {}
            }
        }
    }
    if opened && finished && walk.position() == bytes.len() {
        Ok(contents)
    } else {
        Err(CheckpointError::Unfinished)
    }
}

/// Deletes all checkpoints older than `newest`. What remains of them is harmless.
pub(crate) fn delete_older(dir: &Path, newest: CheckpointId) -> io::Result<()> {
    for file in std::fs::read_dir(dir)? {
        let file = file?;
        let id = file.file_name().to_str().and_then(CheckpointId::parse);
        if id.is_some_and(|id| id.end_offset < newest.end_offset) {
            std::fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
