//! The one record of a transactional control batch: a transaction marker.

use format::{BatchHeader, records};

use crate::limits::MAX_CONTROL_BATCH_BYTES;
use crate::producer_state::EndTxnMarker;

const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// The marker in `batch`; `None` if it is no control batch of a producer, or an empty one.
pub(crate) fn end_txn_marker(header: &BatchHeader, batch: &[u8]) -> Option<EndTxnMarker> {
    if !header.is_control() || !header.has_producer_id() {
        return None;
    }
    let body = format::body(batch, MAX_CONTROL_BATCH_BYTES).ok()?;
    let record = records(&body).next()?.ok()?;
    // Key: version, type. Value: version, coordinator epoch.
    let [_, _, kind_high, kind_low] = *record.key?.first_chunk::<4>()?;
    let kind = i16::from_be_bytes([kind_high, kind_low]);
    if kind != ABORT && kind != COMMIT {
        return None;
    }
    let [_, _, epoch @ ..] = *record.value?.first_chunk::<6>()?;
    Some(EndTxnMarker {
        coordinator_epoch: i32::from_be_bytes(epoch),
        timestamp: record.timestamp(header),
    })
}
