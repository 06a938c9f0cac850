//! What a batch from a producer must satisfy before it is appended: the rules of Kafka's log
//! validator, for a batch that lies in memory.
//!
//! Header and checksum are always checked. The record framing of an uncompressed batch is surveyed,
//! and walked where the survey does not settle it. A compressed batch is opened only when the rules
//! need its records. Nothing is allocated for a batch that is in order, except by a decompressor.

use crate::compression::{CompressionError, read_error, reader};
use crate::header::{
    BatchError, BatchHeader, Compression, NO_TIMESTAMP, TimestampType, check_crc, set_max_timestamp,
};
use crate::record::timestamp;
use crate::survey::{Survey, survey};
use crate::walk::{Slice, Source, Stream, next_frame};

/// A refusal names at most so many records: its size must not follow that of the batch.
pub const MAX_RECORD_ERRORS: usize = 1_000;

/// What the topic demands of a batch.
#[derive(Debug, Clone)]
pub struct Rules {
    pub now_ms: i64,
    /// `max.message.bytes`
    pub max_batch_size_bytes: usize,
    /// `message.timestamp.type`
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`
    pub timestamp_after_max_ms: i64,
    /// Whether `cleanup.policy` asks for a key in every record.
    pub compacted: bool,
    /// Opens a compressed batch even where its header would do.
    pub open_compressed: bool,
    /// The most that a compressed batch may expand to when it is opened.
    pub max_decompressed_bytes: usize,
}

/// Why a batch is refused. The comments name Kafka's code.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// CORRUPT_MESSAGE
    #[error(transparent)]
    Corrupt(#[from] BatchError),
    /// MESSAGE_TOO_LARGE
    #[error("the record batch takes {size_bytes} bytes, the limit is {max_size_bytes}")]
    TooLarge {
        size_bytes: usize,
        max_size_bytes: usize,
    },
    /// INVALID_RECORD
    #[error(transparent)]
    Invalid(#[from] InvalidBatch),
    /// INVALID_RECORD
    #[error(transparent)]
    Undecodable(#[from] CompressionError),
    /// INVALID_TIMESTAMP if any record's timestamp is at fault, else INVALID_RECORD
    #[error("{} records were rejected, the first because: {}", errors.len(), first_kind(errors))]
    Records { errors: Vec<RecordError> },
}

/// A batch that contradicts itself or that a client may not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBatch {
    #[error("the base offset of a produced batch is {0} instead of 0")]
    BaseOffset(i64),
    #[error("the batch counts {record_count} records and ends at offset delta {last_offset_delta}")]
    RecordCount {
        record_count: i32,
        last_offset_delta: i32,
    },
    #[error("a client may not write control batches")]
    Control,
    #[error("the batch has producer id {producer_id} and base sequence {base_sequence}")]
    Sequence {
        producer_id: i64,
        base_sequence: i32,
    },
    #[error("record {index} is malformed")]
    MalformedRecord { index: i32 },
    #[error("record {index} has offset delta {offset_delta}")]
    OffsetDelta { index: i32, offset_delta: i32 },
    #[error("bytes follow the last record")]
    TrailingBytes,
}

/// A record for which its batch is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordError {
    /// Position in the batch.
    pub index: i32,
    pub kind: RecordErrorKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordErrorKind {
    /// INVALID_RECORD
    #[error("a compacted topic takes no record without a key")]
    MissingKey,
    /// INVALID_TIMESTAMP
    #[error("timestamp {timestamp} lies outside [{oldest}, {newest}]")]
    TimestampOutOfRange {
        timestamp: i64,
        oldest: i64,
        newest: i64,
    },
    /// INVALID_TIMESTAMP
    #[error("a producer may not set the timestamp type LogAppendTime")]
    LogAppendTime,
}

impl RecordErrorKind {
    pub fn is_timestamp(self) -> bool {
        !matches!(self, Self::MissingKey)
    }
}

fn first_kind(errors: &[RecordError]) -> String {
    errors
        .first()
        .map_or_else(String::new, |error| error.kind.to_string())
}

/// A batch in order, and what its header shall say once it is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validated {
    pub header: BatchHeader,
    pub timestamp_type: TimestampType,
    /// The append time, or the largest of the records' own timestamps.
    pub max_timestamp: i64,
}

impl Validated {
    /// Writes the timestamps into the batch's header if they differ.
    pub fn stamp(&self, batch: &mut [u8]) -> Result<(), BatchError> {
        set_max_timestamp(batch, self.timestamp_type, self.max_timestamp)
    }
}

/// Validates the batch at the start of `batch`, as sent by a client.
pub fn validate(batch: &[u8], rules: &Rules) -> Result<Validated, ValidationError> {
    let mut left_bytes = rules.max_decompressed_bytes;
    validate_within(batch, rules, &mut left_bytes)
}

/// As [`validate`], and takes what the batch expanded to off `left_bytes`, which it may not exceed: what batches that come
/// together may cost.
pub fn validate_within(
    batch: &[u8],
    rules: &Rules,
    left_bytes: &mut usize,
) -> Result<Validated, ValidationError> {
    let header = BatchHeader::parse(batch)?;
    if header.base_offset != 0 {
        return Err(InvalidBatch::BaseOffset(header.base_offset).into());
    }
    if header.size_bytes() > rules.max_batch_size_bytes {
        return Err(ValidationError::TooLarge {
            size_bytes: header.size_bytes(),
            max_size_bytes: rules.max_batch_size_bytes,
        });
    }
    check_crc(batch)?;
    check_header(&header)?;
    let records_max_timestamp = max_timestamp(&header, batch, rules, left_bytes)?;
    Ok(Validated {
        header,
        timestamp_type: rules.timestamp_type,
        max_timestamp: match rules.timestamp_type {
            TimestampType::CreateTime => records_max_timestamp,
            TimestampType::LogAppendTime => rules.now_ms,
        },
    })
}

fn check_header(header: &BatchHeader) -> Result<(), InvalidBatch> {
    let (record_count, last_offset_delta) = (header.record_count, header.last_offset_delta);
    if record_count <= 0 || last_offset_delta != record_count - 1 {
        return Err(InvalidBatch::RecordCount {
            record_count,
            last_offset_delta,
        });
    }
    if header.is_control() {
        return Err(InvalidBatch::Control);
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return Err(InvalidBatch::Sequence {
            producer_id: header.producer_id,
            base_sequence: header.base_sequence,
        });
    }
    Ok(())
}

/// The largest timestamp among the records, once all of them are found in order.
fn max_timestamp(
    header: &BatchHeader,
    batch: &[u8],
    rules: &Rules,
    left_bytes: &mut usize,
) -> Result<i64, ValidationError> {
    let body = header.body_of(batch)?;
    match header.compression() {
        Compression::None => {
            let settled = survey(body, header.record_count)
                .and_then(|survey| surveyed_max_timestamp(&survey, header, rules));
            match settled {
                Some(max_timestamp) => Ok(max_timestamp),
                None => walk(&mut Slice::new(body), header, rules),
            }
        }
        _ if header_settles(header, rules) => Ok(header.max_timestamp),
        codec => {
            let cap_bytes = rules.max_decompressed_bytes.min(*left_bytes);
            let mut stream = Stream::new(reader(codec, body, cap_bytes)?);
            let walked = walk(&mut stream, header, rules);
            // However it ended: a broken batch costs what was seen of it.
            *left_bytes -= cap_bytes.min(stream.position() as usize);
            match stream.failure {
                Some(error) => Err(read_error(codec, cap_bytes, error).into()),
                None => walked,
            }
        }
    }
}

/// Whether a compressed batch needs no look at its records.
fn header_settles(header: &BatchHeader, rules: &Rules) -> bool {
    // The header has no smallest timestamp, so only its largest can be held against a limit.
    let unbounded_before = rules.timestamp_before_max_ms == i64::MAX;
    let timestamps_settled = match (rules.timestamp_type, header.timestamp_type()) {
        (TimestampType::LogAppendTime, TimestampType::LogAppendTime) => false,
        (TimestampType::LogAppendTime, TimestampType::CreateTime) => true,
        (TimestampType::CreateTime, _) => {
            unbounded_before && timestamp_error(header, header.max_timestamp, rules).is_none()
        }
    };
    !rules.open_compressed && !rules.compacted && timestamps_settled
}

/// The largest timestamp, where the survey shows that no record breaks a rule.
fn surveyed_max_timestamp(survey: &Survey, header: &BatchHeader, rules: &Rules) -> Option<i64> {
    if header.timestamp_type() == TimestampType::LogAppendTime
        || (rules.compacted && !survey.all_have_keys)
    {
        return None;
    }
    // Where neither the smallest nor the largest sum and difference wraps, none does.
    let oldest = header
        .base_timestamp
        .checked_add(survey.min_timestamp_delta)?;
    let newest = header
        .base_timestamp
        .checked_add(survey.max_timestamp_delta)?;
    let in_range = rules.timestamp_type == TimestampType::LogAppendTime
        || (rules.now_ms.checked_sub(oldest)? <= rules.timestamp_before_max_ms
            && newest.checked_sub(rules.now_ms)? <= rules.timestamp_after_max_ms);
    in_range.then_some(newest.max(NO_TIMESTAMP))
}

// Inlined into its caller, its loop runs out of registers.
#[inline(never)]
fn walk(
    source: &mut impl Source,
    header: &BatchHeader,
    rules: &Rules,
) -> Result<i64, ValidationError> {
    let mut max_timestamp = NO_TIMESTAMP;
    let mut errors = Vec::new();
    for index in 0..header.record_count {
        let frame = next_frame(source).ok_or(InvalidBatch::MalformedRecord { index })?;
        if frame.offset_delta != index {
            let offset_delta = frame.offset_delta;
            return Err(InvalidBatch::OffsetDelta {
                index,
                offset_delta,
            }
            .into());
        }
        let timestamp = timestamp(header, frame.timestamp_delta);
        max_timestamp = max_timestamp.max(timestamp);
        let error = if rules.compacted && !frame.has_key {
            Some(RecordErrorKind::MissingKey)
        } else {
            timestamp_error(header, timestamp, rules)
        };
        if let Some(kind) = error
            && errors.len() < MAX_RECORD_ERRORS
        {
            errors.push(RecordError { index, kind });
        }
    }
    if source.byte().is_some() {
        return Err(InvalidBatch::TrailingBytes.into());
    }
    if errors.is_empty() {
        Ok(max_timestamp)
    } else {
        Err(ValidationError::Records { errors })
    }
}

/// Kafka's rule to the letter: a record without a timestamp is in range, and the type set by the
/// producer is looked at only where the range is not.
fn timestamp_error(header: &BatchHeader, timestamp: i64, rules: &Rules) -> Option<RecordErrorKind> {
    if rules.timestamp_type == TimestampType::CreateTime && timestamp != NO_TIMESTAMP {
        let age_ms = rules.now_ms.wrapping_sub(timestamp);
        let out_of_range = age_ms > rules.timestamp_before_max_ms
            || age_ms.wrapping_neg() > rules.timestamp_after_max_ms;
        return out_of_range.then(|| RecordErrorKind::TimestampOutOfRange {
            timestamp,
            oldest: rules.now_ms.wrapping_sub(rules.timestamp_before_max_ms),
            newest: rules.now_ms.wrapping_add(rules.timestamp_after_max_ms),
        });
    }
    (header.timestamp_type() == TimestampType::LogAppendTime)
        .then_some(RecordErrorKind::LogAppendTime)
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "reference_tests.rs"]
mod reference_tests;
