//! Reads a partition of `__consumer_offsets` into a shard. Blocking.

use std::collections::HashMap;
use std::time::Instant;

use coordinator::{GroupRecord, Shard};
use format::Batch;
use replica::Partition;
use thiserror::Error;

use super::seat::ShardSettings;
use crate::clock;
use crate::limits::MAX_DECOMPRESSED_BATCH_BYTES;

#[derive(Debug, Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Read(#[from] store::ReadError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Batch(#[from] format::BatchError),
    #[error(transparent)]
    Body(#[from] format::BuildError),
    #[error(transparent)]
    Record(#[from] format::MalformedRecord),
    #[error("nothing can be read at offset {0}")]
    Stuck(i64),
}

/// The shard that the log describes, and the offset up to which it was read.
pub(super) fn load(
    partition: &Partition,
    settings: &ShardSettings,
) -> Result<(Shard, i64), LoadError> {
    let began = Instant::now();
    let log = partition.log();
    let end = log.log_end();
    let mut offset = log.log_start();
    let mut replay = Replay {
        shard: Shard::new(settings.groups),
        now_ms: clock::now_ms(),
        open: HashMap::new(),
    };
    while offset < end {
        let bytes = log
            .read(offset, settings.load_buffer_bytes, end, true)?
            .into_bytes()?;
        let before = offset;
        for batch in format::batches(&bytes) {
            let batch = batch?;
            offset = batch.header.next_offset();
            replay.batch(&batch)?;
        }
        if offset <= before {
            return Err(LoadError::Stuck(offset));
        }
    }
    tracing::debug!(
        partition = partition.index,
        end,
        took_ms = began.elapsed().as_millis(),
        "offsets partition loaded"
    );
    Ok((replay.shard, end))
}

struct Replay {
    shard: Shard,
    now_ms: i64,
    /// By producer id, what transactions have written that are not decided yet.
    open: HashMap<i64, Vec<GroupRecord>>,
}

impl Replay {
    fn batch(&mut self, batch: &Batch<'_>) -> Result<(), LoadError> {
        let header = &batch.header;
        let body = format::body(batch.bytes, MAX_DECOMPRESSED_BATCH_BYTES)?;
        for record in format::records(&body) {
            let record = record?;
            let Some(key) = record.key else { continue };
            if header.is_control() {
                self.end_transaction(header.producer_id, key);
            } else if let Some(record) = decode(key, record.value) {
                if header.is_transactional() {
                    self.open
                        .entry(header.producer_id)
                        .or_default()
                        .push(record);
                } else {
                    self.shard.replay(record, self.now_ms);
                }
            }
        }
        Ok(())
    }

    /// The key of a control record is its version and its type; type 1 is a commit.
    fn end_transaction(&mut self, producer_id: i64, key: &[u8]) {
        const COMMIT: &[u8] = &[0, 1];
        let records = self.open.remove(&producer_id).unwrap_or_default();
        if key.get(2..4) == Some(COMMIT) {
            for record in records {
                self.shard.replay(record, self.now_ms);
            }
        }
    }
}

/// A record that cannot be read is left out: the others of the partition are worth having.
fn decode(key: &[u8], value: Option<&[u8]>) -> Option<GroupRecord> {
    GroupRecord::decode(key, value)
        .inspect_err(
            |error| tracing::warn!(%error, "a record of the offsets topic was passed over"),
        )
        .ok()
}
