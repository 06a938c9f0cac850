//! Appends a shard's records to its partition.

use bytes::{Bytes, BytesMut};
use coordinator::{GroupRecord, encode_record};
use format::{BatchBuilder, BuildError, Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID};
use replica::AppendError;
use store::Origin;
use thiserror::Error;

use super::seat::Seat;

/// Why some of the records, or all of them, are not in the log.
#[derive(Debug, Error)]
pub(super) enum JournalError {
    #[error(transparent)]
    Encode(#[from] wire::EncodeError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Appends `records`, in as few batches as the topic's largest batch allows. Returns the offset behind the last of them.
///
/// The shard keeps back what is too large. What it lets through is written: a removal may be of something that was
/// written under a higher limit.
pub(super) fn append(
    seat: &Seat,
    records: &[GroupRecord],
    now_ms: i64,
) -> Result<i64, JournalError> {
    let max_batch_bytes = seat.max_batch_bytes();
    let mut writer = Writer {
        seat,
        now_ms,
        batches: BytesMut::new(),
        end: 0,
    };
    let mut batch = Vec::new();
    let mut size_bytes = BATCH_HEADER_BYTES;
    for record in records {
        let (key, value) = encode_record(record)?;
        let record_bytes =
            RECORD_FRAMING_BYTES + key.len() + value.as_ref().map_or(0, |value| value.len());
        if size_bytes + record_bytes > max_batch_bytes && !batch.is_empty() {
            writer.put(&std::mem::take(&mut batch))?;
            size_bytes = BATCH_HEADER_BYTES;
        }
        size_bytes += record_bytes;
        batch.push((key, value));
    }
    writer.put(&batch)?;
    writer.flush()?;
    Ok(writer.end)
}

const BATCH_HEADER_BYTES: usize = 61;

/// The most that a record takes beside its key and value: five varints, attributes and the count of headers.
const RECORD_FRAMING_BYTES: usize = 32;

struct Writer<'a> {
    seat: &'a Seat,
    now_ms: i64,
    /// Sealed and not yet appended; never more than one append may hold.
    batches: BytesMut,
    /// The offset behind what was appended last.
    end: i64,
}

type EncodedRecord = (Bytes, Option<Bytes>);

impl Writer<'_> {
    /// Adds a batch of `records`.
    fn put(&mut self, records: &[EncodedRecord]) -> Result<(), JournalError> {
        let mut sealed = self.build(records, self.seat.settings.codec)?;
        if sealed.len() > self.seat.max_batch_bytes() {
            // It did not shrink, and the codec's own framing is too much.
            sealed = self.build(records, Compression::None)?;
        }
        if self.batches.len() + sealed.len() > self.seat.max_append_bytes() {
            self.flush()?;
        }
        self.batches.extend_from_slice(&sealed);
        Ok(())
    }

    fn build(&self, records: &[EncodedRecord], codec: Compression) -> Result<Bytes, BuildError> {
        // Kafka's coordinators count from sequence 0, although nobody is the producer.
        let mut batch = BatchBuilder::new(0)
            .producer(NO_PRODUCER_ID, NO_PRODUCER_EPOCH, 0)
            .compression(codec, None);
        for (key, value) in records {
            batch.append(self.now_ms, Some(key), value.as_deref(), &[]);
        }
        batch.build()
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        if self.batches.is_empty() {
            return Ok(());
        }
        let partition = &self.seat.partition;
        let appended = partition.append(&mut self.batches, Origin::Coordinator, self.now_ms)?;
        self.batches.clear();
        self.end = appended.last_offset + 1;
        Ok(())
    }
}
