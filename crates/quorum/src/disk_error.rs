//! Why the metadata log cannot be used.

use std::io;
use std::path::PathBuf;

use store::{AppendError, ReadError};

use crate::batch::EntryError;

/// Why the metadata log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Open(#[from] store::OpenError),
    #[error("metadata log: {0}")]
    Append(#[from] AppendError),
    #[error("metadata log: {0}")]
    Read(#[from] ReadError),
    #[error("metadata log: {0}")]
    Entry(String),
    #[error("{path}: {message}")]
    Checkpoint { path: PathBuf, message: String },
    #[error("{}: the newest checkpoint, as raft-state names it, is missing", .0.display())]
    MissingCheckpoint(PathBuf),
    #[error("metadata log: expected a batch at offset {expected}, found one at {found}")]
    Gap { expected: i64, found: i64 },
    #[error("{}: damaged at position {position}: {problem}", path.display())]
    Damaged {
        path: PathBuf,
        position: u64,
        problem: &'static str,
    },
    #[error(
        "metadata log: the batch at offset {offset} is of epoch {found}, which began otherwise or never"
    )]
    Epoch { offset: i64, found: i32 },
    #[error(
        "metadata log: it ends at offset {end_offset}, before entry {index}, which was committed"
    )]
    TooShort { end_offset: i64, index: u64 },
    #[error("offset {0} is not where a committed batch of that epoch ends")]
    NoSuchBatch(i64),
}

impl From<EntryError> for DiskError {
    fn from(error: EntryError) -> Self {
        Self::Entry(error.to_string())
    }
}

impl From<format::BatchError> for DiskError {
    fn from(error: format::BatchError) -> Self {
        Self::Entry(error.to_string())
    }
}
