//! Appends a shard's records to its partition.

use bytes::BytesMut;
use coordinator::{GroupRecord, encode_record};
use format::BatchBuilder;
use replica::AppendError;
use store::Origin;

use super::error::CoordinatorError;
use super::seat::Seat;

/// Appends `records` in one write, in as few batches as the topic's largest batch allows. Returns the offset behind
/// the last of them.
pub(super) fn append(
    seat: &Seat,
    records: &[GroupRecord],
    now_ms: i64,
) -> Result<i64, CoordinatorError> {
    let max_batch_bytes = usize::try_from(seat.topic.config.load().max_message_bytes).unwrap_or(0);
    let mut batches = BytesMut::new();
    let mut batch = new_batch(seat);
    for record in records {
        let (key, value) = encode_record(record).map_err(|error| {
            tracing::error!(%error, "a group's record cannot be encoded");
            CoordinatorError::TooLarge
        })?;
        let is_full =
            batch.size_bytes() + key.len() + value.as_ref().map_or(0, |value| value.len())
                > max_batch_bytes.saturating_sub(RECORD_FRAMING_BYTES);
        if is_full && batch.record_count() > 0 {
            seal(
                std::mem::replace(&mut batch, new_batch(seat)),
                max_batch_bytes,
                &mut batches,
            )?;
        }
        batch.append(now_ms, Some(&key), value.as_deref(), &[]);
    }
    seal(batch, max_batch_bytes, &mut batches)?;
    match seat
        .partition
        .append(&mut batches, Origin::Coordinator, now_ms)
    {
        Ok(appended) => Ok(appended.last_offset + 1),
        Err(error) => {
            tracing::error!(partition = seat.partition.index, %error, "a group's records were not appended");
            Err(match error {
                AppendError::Leadership(_) | AppendError::Log(_) => {
                    CoordinatorError::NotCoordinator
                }
            })
        }
    }
}

/// The most that a record takes beside its key and value: five varints, attributes and the count of headers.
const RECORD_FRAMING_BYTES: usize = 32;

fn new_batch(seat: &Seat) -> BatchBuilder {
    BatchBuilder::new(0).compression(seat.settings.codec, None)
}

fn seal(
    batch: BatchBuilder,
    max_batch_bytes: usize,
    batches: &mut BytesMut,
) -> Result<(), CoordinatorError> {
    let bytes = batch.build().map_err(|error| {
        tracing::error!(%error, "a batch of group records cannot be built");
        CoordinatorError::TooLarge
    })?;
    if bytes.len() > max_batch_bytes {
        tracing::error!(
            bytes = bytes.len(),
            max_batch_bytes,
            "a group's record is too large for the offsets topic"
        );
        return Err(CoordinatorError::TooLarge);
    }
    batches.extend_from_slice(&bytes);
    Ok(())
}
