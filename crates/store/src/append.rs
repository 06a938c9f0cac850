//! Appending to a log: offsets, producer check, one write, indexes, and then it is published.

use format::{Batch, BatchHeader, NO_TIMESTAMP, batches, set_base_offset, set_leader_epoch};

use crate::config::{Durability, LogConfig};
use crate::control::end_txn_marker;
use crate::limits::MAX_SEGMENT_BYTES;
use crate::log::{Log, Writer};
use crate::mark::Mark;
use crate::producer_state::BatchMetadata;
use crate::scan::BatchAt;
use crate::segment::{RollCheck, Segment, WriteError};
use crate::types::{AppendArgs, AppendError, Appended, Origin};
use crate::verdict::Verdict;

/// What an append comes to, before anything is written.
#[derive(Debug, Clone, Copy)]
struct Extent {
    base_offset: i64,
    last_offset: i64,
    max_timestamp: i64,
}

impl Log {
    /// Appends whole batches whose checksums and records the caller has checked.
    ///
    /// Unless they come from a leader's log, they are numbered from the log end on and stamped with
    /// the leader epoch, in place. A client's append holds one batch. Once this returns the batches
    /// can be read; they are durable once the durable end has passed them.
    pub fn append(&self, records: &mut [u8], args: AppendArgs) -> Result<Appended, AppendError> {
        let mut writer = self.writer.lock();
        if self.failed() {
            return Err(AppendError::Failed);
        }
        let extent = match args.origin {
            Origin::Client | Origin::Coordinator => {
                number(records, self.log_end(), args.leader_epoch)?
            }
            Origin::Replication => check_numbers(records, self.log_end())?,
        };
        for batch in batches(records) {
            let batch = batch?;
            let marker = end_txn_marker(&batch.header, batch.bytes);
            let producers = &mut writer.producers;
            let checked =
                self.check_producer(producers, &batch.header, marker.as_ref(), args.origin)?;
            if let Some(original) = checked {
                return Ok(self.duplicate(&original));
            }
        }
        let config = self.config();
        self.roll_if_needed(&mut writer, records.len(), &extent, args.now_ms, &config)?;
        self.write(&mut writer, records, &extent, &config)?;
        Ok(Appended {
            base_offset: extent.base_offset,
            last_offset: extent.last_offset,
            log_start_offset: self.log_start(),
            duplicate: false,
            max_timestamp: extent.max_timestamp,
        })
    }

    fn duplicate(&self, original: &BatchMetadata) -> Appended {
        Appended {
            base_offset: original.first_offset(),
            last_offset: original.last_offset,
            log_start_offset: self.log_start(),
            duplicate: true,
            max_timestamp: original.timestamp,
        }
    }

    fn roll_if_needed(
        &self,
        writer: &mut Writer,
        size_bytes: usize,
        extent: &Extent,
        now_ms: i64,
        config: &LogConfig,
    ) -> Result<(), AppendError> {
        let segment_bytes = config.segment_bytes.min(MAX_SEGMENT_BYTES);
        let batch_bytes = u32::try_from(size_bytes)
            .ok()
            .filter(|size_bytes| *size_bytes <= segment_bytes)
            .ok_or(AppendError::LargerThanSegment {
                size_bytes,
                segment_bytes,
            })?;
        let active = self.active();
        let check = RollCheck {
            batch_bytes,
            last_offset: extent.last_offset,
            max_timestamp: extent.max_timestamp,
            now_ms,
            segment_bytes,
            segment_ms: self.jittered_segment_ms(config, active.base_offset()),
            segment_index_bytes: config.segment_index_bytes,
        };
        if active.must_roll(&check)? {
            let rolled = self.roll_to(writer, extent.base_offset, now_ms);
            rolled.inspect_err(|error| {
                if Verdict::of(error) != Verdict::Passes {
                    self.set_failed();
                }
            })?;
        }
        Ok(())
    }

    fn write(
        &self,
        writer: &mut Writer,
        records: &[u8],
        extent: &Extent,
        config: &LogConfig,
    ) -> Result<(), AppendError> {
        let segment = self.active();
        let position = segment.size_bytes();
        segment.write(records).map_err(|error| match error {
            WriteError::RolledBack(error) => AppendError::Io(error),
            WriteError::Final(error) => {
                self.set_failed();
                AppendError::Io(error)
            }
        })?;
        for batch in batches(records) {
            self.note(writer, &segment, position, &batch?, config);
        }
        let end = position.saturating_add(records.len() as u32);
        segment.publish(end);
        self.ends.publish(Mark {
            offset: extent.last_offset.saturating_add(1),
            segment: segment.base_offset(),
            position: end,
        });
        self.promise(extent.last_offset.saturating_add(1), config);
        Ok(())
    }

    /// In page-cache mode an append is as durable as promised at once, unless it makes as many
    /// records unsynced as `flush.messages` says: then the next sync makes it so.
    fn promise(&self, end_offset: i64, config: &LogConfig) {
        let unsynced = end_offset.saturating_sub(self.synced_end());
        if self.durability == Durability::PageCache && unsynced < config.flush_messages {
            self.ends.promise(end_offset);
        }
    }

    /// Takes a written batch into everything that is derived from the log.
    fn note(
        &self,
        writer: &mut Writer,
        segment: &Segment,
        position: u32,
        batch: &Batch<'_>,
        config: &LogConfig,
    ) {
        let header = batch.header;
        let at = BatchAt {
            position: position.saturating_add(batch.position as u32),
            header,
        };
        // The batch is in the log already. Entries that cannot be written now wait in memory, and
        // the recovery point does not pass them.
        if let Err(error) = segment.note_batch(&at, config.index_interval_bytes) {
            tracing::warn!(dir = %self.path().display(), %error, "cannot write index entries");
        }
        let marker = end_txn_marker(&header, batch.bytes);
        writer.producers.update(&header, marker.as_ref());
        let latest = self.epochs.read().latest();
        if latest.is_none_or(|latest| latest.epoch != header.partition_leader_epoch) {
            let mut epochs = self.epochs.write();
            epochs.assign(header.partition_leader_epoch, header.base_offset);
        }
    }
}

/// Numbers the batches from `next_offset` on.
fn number(
    records: &mut [u8],
    mut next_offset: i64,
    leader_epoch: i32,
) -> Result<Extent, AppendError> {
    let base_offset = next_offset;
    let mut max_timestamp = NO_TIMESTAMP;
    let mut rest = &mut *records;
    while !rest.is_empty() {
        let header = BatchHeader::parse(rest)?;
        check_delta(&header, next_offset)?;
        let (batch, after) = split_batch(rest, &header)?;
        set_base_offset(batch, next_offset)?;
        set_leader_epoch(batch, leader_epoch)?;
        next_offset = next_offset
            .saturating_add(i64::from(header.last_offset_delta))
            .saturating_add(1);
        max_timestamp = max_timestamp.max(header.max_timestamp);
        rest = after;
    }
    extent(base_offset, next_offset, max_timestamp)
}

/// Checks that the batches are whole and numbered upwards from `next_offset` or later.
fn check_numbers(records: &mut [u8], mut next_offset: i64) -> Result<Extent, AppendError> {
    let mut base_offset = None;
    let mut max_timestamp = NO_TIMESTAMP;
    let mut rest = &mut *records;
    while !rest.is_empty() {
        let header = BatchHeader::parse(rest)?;
        let (_, after) = split_batch(rest, &header)?;
        check_delta(&header, header.base_offset)?;
        if header.base_offset < next_offset {
            return Err(AppendError::OffsetsOutOfOrder {
                expected: next_offset,
                found: header.base_offset,
            });
        }
        base_offset.get_or_insert(header.base_offset);
        next_offset = header.next_offset();
        max_timestamp = max_timestamp.max(header.max_timestamp);
        rest = after;
    }
    extent(
        base_offset.unwrap_or(next_offset),
        next_offset,
        max_timestamp,
    )
}

fn extent(base_offset: i64, next_offset: i64, max_timestamp: i64) -> Result<Extent, AppendError> {
    if next_offset <= base_offset {
        return Err(AppendError::Empty);
    }
    Ok(Extent {
        base_offset,
        last_offset: next_offset - 1,
        max_timestamp,
    })
}

/// A batch that ended before it began would make offsets fall.
fn check_delta(header: &BatchHeader, base_offset: i64) -> Result<(), AppendError> {
    let delta = i64::from(header.last_offset_delta);
    if delta >= 0 && base_offset.checked_add(delta + 1).is_some() {
        return Ok(());
    }
    Err(AppendError::OffsetsOutOfOrder {
        expected: base_offset,
        found: base_offset.saturating_add(delta),
    })
}

fn split_batch<'a>(
    records: &'a mut [u8],
    header: &BatchHeader,
) -> Result<(&'a mut [u8], &'a mut [u8]), AppendError> {
    let available = records.len();
    let cut_off = format::BatchError::Truncated {
        needed: header.size_bytes(),
        available,
    };
    let split = records.split_at_mut_checked(header.size_bytes());
    split.ok_or(AppendError::Malformed(cut_off))
}
