//! The one append beneath every protocol front: validates a batch as its topic demands, brings codec and timestamps into
//! the topic's form, and hands it to the partition.

use std::sync::Arc;

use config::{CompressionType, TopicConfig};
use format::{BatchHeader, Compression, Rules, TimestampType, Validated, ValidationError};
use replica::{LeadershipError, Partition};
use store::{Appended, Origin};
use thiserror::Error;
use wire::ErrorCode;

use crate::clock;
use crate::errors::leadership_code;
use crate::limits::{MAX_DECOMPRESSED_BATCH_BYTES, MAX_REQUEST_EXPANSION};

/// Why nothing was appended.
#[derive(Debug, Error)]
pub(crate) enum AppendFault {
    #[error(transparent)]
    Leadership(#[from] LeadershipError),
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    #[error(
        "a produce request holds exactly one record batch of the current format for a partition"
    )]
    NotOneBatch,
    #[error("the frame of a record batch is broken")]
    BrokenFrame,
    #[error("transactions are not supported yet")]
    Transactional,
    #[error("the records cannot be brought into the topic's codec: {0}")]
    Recompression(#[from] format::BuildError),
    #[error(transparent)]
    Log(store::AppendError),
}

/// What was appended; the offsets of the first arrival if it was a duplicate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    pub(crate) appended: Appended,
    /// -1 unless the topic stamps records with their append time, or, as in Kafka, the batch was a duplicate.
    pub(crate) log_append_time: i64,
}

/// What the batches of one request may still expand to, where their records must be looked at.
pub(crate) struct Allowance {
    left_bytes: usize,
}

impl Allowance {
    pub(crate) fn of_request(size_bytes: usize) -> Self {
        let expanded = size_bytes.saturating_mul(MAX_REQUEST_EXPANSION);
        Self {
            left_bytes: MAX_DECOMPRESSED_BATCH_BYTES.saturating_add(expanded),
        }
    }
}

/// Appends what a client produced: exactly one batch, patched in place in the buffer it arrived in.
///
/// With `full`, compressed batches are opened too, as Kafka does (`log.record.validation`).
pub(crate) fn append(
    partition: &Arc<Partition>,
    config: &TopicConfig,
    full: bool,
    allowance: &mut Allowance,
    records: &mut [u8],
) -> Result<Accepted, AppendFault> {
    let now_ms = clock::now_ms();
    let records = one_batch(records)?;
    let validated = validate(records, config, full, allowance, now_ms)?;
    let mut recoded = recode(records, validated.header.compression(), config)?;
    let batch = recoded.as_deref_mut().unwrap_or(records);
    validated.stamp(batch).map_err(ValidationError::from)?;
    let appended =
        partition
            .append(batch, Origin::Client, now_ms)
            .map_err(|error| match error {
                replica::AppendError::Leadership(error) => AppendFault::Leadership(error),
                replica::AppendError::Log(error) => AppendFault::Log(error),
            })?;
    let log_append_time = match validated.timestamp_type {
        TimestampType::LogAppendTime => appended.max_timestamp,
        TimestampType::CreateTime if appended.duplicate => appended.max_timestamp,
        TimestampType::CreateTime => -1,
    };
    Ok(Accepted {
        appended,
        log_append_time,
    })
}

/// The one batch that a produce request may hold for a partition. As in Kafka, an incomplete batch behind it is ignored.
fn one_batch(records: &mut [u8]) -> Result<&mut [u8], AppendFault> {
    let size_bytes = match frame(records)? {
        Frame::Batch { size_bytes } => size_bytes,
        Frame::Incomplete | Frame::OldFormat => return Err(AppendFault::NotOneBatch),
    };
    let (batch, rest) = records
        .split_at_mut_checked(size_bytes)
        .ok_or(AppendFault::NotOneBatch)?;
    match frame(rest)? {
        Frame::Incomplete => Ok(batch),
        Frame::Batch { .. } | Frame::OldFormat => Err(AppendFault::NotOneBatch),
    }
}

/// What the first bytes of a batch say about it.
enum Frame {
    Batch {
        size_bytes: usize,
    },
    /// A message set of magic 0 or 1.
    OldFormat,
    Incomplete,
}

const LENGTH_AT: usize = 8;
const LENGTH_END: usize = 12;
const MAGIC_AT: usize = 16;
/// The fewest bytes that can follow the length, in the oldest format.
const LEAST_LENGTH: i32 = 14;

fn frame(records: &[u8]) -> Result<Frame, AppendFault> {
    let length = records
        .get(LENGTH_AT..LENGTH_END)
        .and_then(|bytes| bytes.first_chunk());
    let Some(length) = length.copied().map(i32::from_be_bytes) else {
        return Ok(Frame::Incomplete);
    };
    if length < LEAST_LENGTH {
        return Err(AppendFault::BrokenFrame);
    }
    let Some(magic) = records.get(MAGIC_AT) else {
        return Ok(Frame::Incomplete);
    };
    let size_bytes = LENGTH_END.saturating_add(length.unsigned_abs() as usize);
    match magic {
        3.. => Err(AppendFault::BrokenFrame),
        _ if size_bytes > records.len() => Ok(Frame::Incomplete),
        2 => Ok(Frame::Batch { size_bytes }),
        _ => Ok(Frame::OldFormat),
    }
}

fn validate(
    records: &[u8],
    config: &TopicConfig,
    full: bool,
    allowance: &mut Allowance,
    now_ms: i64,
) -> Result<Validated, AppendFault> {
    let header = BatchHeader::parse(records).map_err(ValidationError::from)?;
    if header.is_transactional() && !header.is_control() {
        return Err(AppendFault::Transactional);
    }
    let rules = Rules {
        now_ms,
        max_batch_size_bytes: max_batch_bytes(config),
        timestamp_type: match config.message_timestamp_type {
            config::TimestampType::CreateTime => TimestampType::CreateTime,
            config::TimestampType::LogAppendTime => TimestampType::LogAppendTime,
        },
        timestamp_before_max_ms: config.message_timestamp_before_max_ms,
        timestamp_after_max_ms: config.message_timestamp_after_max_ms,
        compacted: config.cleanup_policy.compact,
        open_compressed: full
            || target(config).is_some_and(|(codec, _)| codec != header.compression()),
        max_decompressed_bytes: MAX_DECOMPRESSED_BATCH_BYTES,
    };
    let left_bytes = &mut allowance.left_bytes;
    Ok(format::validate_within(records, &rules, left_bytes)?)
}

/// The codec and level that the topic asks for; `None` leaves the producer's.
fn target(config: &TopicConfig) -> Option<(Compression, Option<i32>)> {
    match config.compression_type {
        CompressionType::Producer => None,
        CompressionType::Uncompressed => Some((Compression::None, None)),
        CompressionType::Gzip => Some((Compression::Gzip, Some(config.compression_gzip_level))),
        CompressionType::Snappy => Some((Compression::Snappy, None)),
        CompressionType::Lz4 => Some((Compression::Lz4, Some(config.compression_lz4_level))),
        CompressionType::Zstd => Some((Compression::Zstd, Some(config.compression_zstd_level))),
    }
}

/// The batch in the codec that the topic asks for; `None` where it already is. It may not outgrow the topic's limit.
fn recode(
    records: &[u8],
    codec: Compression,
    config: &TopicConfig,
) -> Result<Option<Vec<u8>>, AppendFault> {
    let Some((target, level)) = target(config).filter(|(target, _)| *target != codec) else {
        return Ok(None);
    };
    let recoded = format::recompress(records, target, level, MAX_DECOMPRESSED_BATCH_BYTES)?;
    let (size_bytes, max_size_bytes) = (recoded.len(), max_batch_bytes(config));
    if size_bytes > max_size_bytes {
        return Err(ValidationError::TooLarge {
            size_bytes,
            max_size_bytes,
        }
        .into());
    }
    Ok(Some(recoded))
}

fn max_batch_bytes(config: &TopicConfig) -> usize {
    usize::try_from(config.max_message_bytes).unwrap_or(0)
}

impl AppendFault {
    /// Kafka's error code.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Leadership(error) => leadership_code(*error),
            Self::Invalid(error) => validation_code(error),
            Self::BrokenFrame => ErrorCode::CorruptMessage,
            Self::Transactional => ErrorCode::InvalidTxnState,
            Self::NotOneBatch | Self::Recompression(_) => ErrorCode::InvalidRecord,
            Self::Log(error) => log_code(error),
        }
    }
}

fn validation_code(error: &ValidationError) -> ErrorCode {
    match error {
        ValidationError::Corrupt(_) => ErrorCode::CorruptMessage,
        ValidationError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        ValidationError::Invalid(_) | ValidationError::Undecodable(_) => ErrorCode::InvalidRecord,
        ValidationError::Records { errors }
            if errors.iter().any(|error| error.kind.is_timestamp()) =>
        {
            ErrorCode::InvalidTimestamp
        }
        ValidationError::Records { .. } => ErrorCode::InvalidRecord,
    }
}

fn log_code(error: &store::AppendError) -> ErrorCode {
    use store::AppendError as E;
    match error {
        E::Malformed(_) | E::Empty | E::OffsetsOutOfOrder { .. } => ErrorCode::CorruptMessage,
        E::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
        E::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        E::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        E::InvalidTransactionState { .. } => ErrorCode::InvalidTxnState,
        E::TransactionCoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        E::Io(_) | E::Failed => ErrorCode::KafkaStorageError,
    }
}
