//! What callers hand to a log and get from it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use format::BatchError;

use crate::verdict::Verdict;

/// Where an append comes from, which decides what is checked of its producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A produce request: producer epoch and sequence are checked, duplicates are found.
    Client,
    /// A coordinator or the controller: the producer epoch is checked.
    Coordinator,
    /// A leader's log: offsets and epochs are already assigned, nothing is refused.
    Replication,
}

#[derive(Debug, Clone, Copy)]
pub struct AppendArgs {
    /// Stamped on every batch, unless the append is a replica's.
    pub leader_epoch: i32,
    pub now_ms: i64,
    pub origin: Origin,
}

/// An append that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: i64,
    pub last_offset: i64,
    pub log_start_offset: i64,
    /// Nothing was written: the offsets are those of the batch's first arrival.
    pub duplicate: bool,
    /// The largest timestamp of the append; of the original's for a duplicate.
    pub max_timestamp: i64,
}

/// Why an append was refused. Nothing of it is in the log.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("not a sequence of whole record batches: {0}")]
    Malformed(#[from] BatchError),
    #[error("nothing to append")]
    Empty,
    #[error("{size_bytes} bytes do not fit into a segment of {segment_bytes}")]
    LargerThanSegment {
        size_bytes: usize,
        segment_bytes: u32,
    },
    #[error("offset {found} is below the next offset {expected}")]
    OffsetsOutOfOrder { expected: i64, found: i64 },
    #[error(
        "producer {producer_id} sent sequence {found} after {expected_after}, at epoch {producer_epoch}"
    )]
    OutOfOrderSequence {
        producer_id: i64,
        producer_epoch: i16,
        expected_after: i32,
        found: i32,
    },
    #[error("producer {producer_id} sent epoch {found}, but {current} is known")]
    InvalidProducerEpoch {
        producer_id: i64,
        found: i16,
        current: i16,
    },
    #[error("producer {producer_id} wrote outside of its ongoing transaction")]
    InvalidTransactionState { producer_id: i64 },
    #[error("transaction marker of coordinator epoch {found}, but {current} is known")]
    TransactionCoordinatorFenced { found: i32, current: i32 },
    /// The write was rolled back; a later append may succeed (`StorageFull`, say).
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    /// An earlier fsync or roll-back failed; the log accepts nothing until it is opened anew.
    #[error("the log failed earlier and is offline")]
    Failed,
}

impl AppendError {
    /// The same append may succeed later, without anything else being done.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Io(error) if Verdict::of(error) == Verdict::Passes)
    }
}

/// Why a read has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("offset {offset} is outside {log_start}..={log_end}")]
    OutOfRange {
        offset: i64,
        log_start: i64,
        log_end: i64,
    },
    /// The disk is needed, and the read was not to wait for it.
    #[error("not in the page cache")]
    Cold,
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
}

/// Where a read looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In memory, and in the page cache.
    Memory,
    /// On the disk too, however long that takes.
    Disk,
}

/// What a read asks for.
#[derive(Debug, Clone, Copy)]
pub struct ReadArgs {
    /// An offset of the first batch.
    pub from: i64,
    pub max_bytes: u32,
    /// Above all batches. Cheapest when it is the log end or the durable end; nothing at or beyond the log end is answered,
    /// whatever it says.
    pub up_to: i64,
    /// The first batch comes however large it is.
    pub at_least_one: bool,
    pub reach: Reach,
}

/// What a read found.
#[derive(Debug)]
pub struct Found {
    pub payload: Payload,
    /// Batches below `up_to` come after these, and a read from there would find them.
    pub more: bool,
}

/// Whole batches as read, not yet copied. The file stays readable while this lives, whatever
/// happens to the log meanwhile.
#[derive(Debug, Clone)]
pub enum Payload {
    File {
        file: Arc<File>,
        position: u64,
        len: u32,
    },
    Bytes(Bytes),
}

impl Payload {
    pub fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }

    pub fn len(&self) -> usize {
        match self {
            Self::File { len, .. } => *len as usize,
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A record found by its timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampedOffset {
    pub offset: i64,
    pub timestamp: i64,
    /// The batch's leader epoch, -1 if it has none.
    pub leader_epoch: i32,
}

/// A producer as DescribeProducers shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveProducer {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// -1: none.
    pub last_sequence: i32,
    pub last_timestamp: i64,
    /// -1: no transaction marker seen.
    pub coordinator_epoch: i32,
    /// -1: no transaction is open.
    pub current_txn_first_offset: i64,
}
