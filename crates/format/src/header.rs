//! The 61 bytes that open a record batch: parsed, and patched in place.
//!
//! Invariant: a `BatchHeader` that exists names magic 2, a known codec and a length that holds at
//! least the header itself. It says nothing about the batch's body; `check_crc` and `validate` do.

use crate::crc;

/// Size of a batch without any record.
pub const HEADER_SIZE_BYTES: usize = 61;
/// Base offset and batch length: the part that `batch_length` does not count.
pub const LENGTH_PREFIX_SIZE_BYTES: usize = 12;

pub const NO_PRODUCER_ID: i64 = -1;
pub const NO_PRODUCER_EPOCH: i16 = -1;
pub const NO_SEQUENCE: i32 = -1;
pub const NO_TIMESTAMP: i64 = -1;
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;

const MAGIC: i8 = 2;
const BASE_OFFSET_AT: usize = 0;
const PARTITION_LEADER_EPOCH_AT: usize = 12;
const CRC_AT: usize = 17;
/// The checksum covers everything from here to the end of the batch.
const ATTRIBUTES_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;

const COMPRESSION_MASK: i16 = 0x07;
const TIMESTAMP_TYPE_BIT: i16 = 1 << 3;
const TRANSACTIONAL_BIT: i16 = 1 << 4;
const CONTROL_BIT: i16 = 1 << 5;
const DELETE_HORIZON_BIT: i16 = 1 << 6;

/// Why bytes are not a record batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("a record batch of {needed} bytes is cut off after {available}")]
    Truncated { needed: usize, available: usize },
    #[error("record batch length {0} is smaller than a batch header")]
    BadLength(i32),
    #[error("record batch magic {0} is not 2")]
    BadMagic(i8),
    #[error("unknown compression codec {0}")]
    UnknownCompression(i16),
    #[error("record batch checksum is {stored:#010x}, its bytes give {computed:#010x}")]
    BadCrc { stored: u32, computed: u32 },
}

/// The codec of a batch's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

impl Compression {
    /// Kafka's name, as in `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    fn of(attributes: i16) -> Result<Self, BatchError> {
        match attributes & COMPRESSION_MASK {
            0 => Ok(Self::None),
            1 => Ok(Self::Gzip),
            2 => Ok(Self::Snappy),
            3 => Ok(Self::Lz4),
            4 => Ok(Self::Zstd),
            id => Err(BatchError::UnknownCompression(id)),
        }
    }
}

/// Whose clock a batch's timestamps come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// A batch's header. Offsets and sequences are computed without overflow whatever they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// Bytes after the length field.
    pub batch_length: i32,
    pub partition_leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    /// The first record's timestamp, or the delete horizon when that bit is set.
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
    /// Parsed from `attributes`.
    compression: Compression,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; the records need not be there.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let truncated = || BatchError::Truncated {
            needed: HEADER_SIZE_BYTES,
            available: bytes.len(),
        };
        let header = bytes
            .first_chunk::<HEADER_SIZE_BYTES>()
            .and_then(Self::decode)
            .ok_or_else(truncated)?;
        if header.magic != MAGIC {
            return Err(BatchError::BadMagic(header.magic));
        }
        if header.batch_length < (HEADER_SIZE_BYTES - LENGTH_PREFIX_SIZE_BYTES) as i32 {
            return Err(BatchError::BadLength(header.batch_length));
        }
        let compression = Compression::of(header.attributes)?;
        Ok(Self {
            compression,
            ..header
        })
    }

    fn decode(bytes: &[u8; HEADER_SIZE_BYTES]) -> Option<Self> {
        let mut input = bytes.as_slice();
        Some(Self {
            base_offset: i64::from_be_bytes(take(&mut input)?),
            batch_length: i32::from_be_bytes(take(&mut input)?),
            partition_leader_epoch: i32::from_be_bytes(take(&mut input)?),
            magic: i8::from_be_bytes(take(&mut input)?),
            crc: u32::from_be_bytes(take(&mut input)?),
            attributes: i16::from_be_bytes(take(&mut input)?),
            last_offset_delta: i32::from_be_bytes(take(&mut input)?),
            base_timestamp: i64::from_be_bytes(take(&mut input)?),
            max_timestamp: i64::from_be_bytes(take(&mut input)?),
            producer_id: i64::from_be_bytes(take(&mut input)?),
            producer_epoch: i16::from_be_bytes(take(&mut input)?),
            base_sequence: i32::from_be_bytes(take(&mut input)?),
            record_count: i32::from_be_bytes(take(&mut input)?),
            compression: Compression::None,
        })
    }

    /// A batch of nothing, for a builder to fill.
    pub(crate) fn empty(base_offset: i64) -> Self {
        Self {
            base_offset,
            batch_length: (HEADER_SIZE_BYTES - LENGTH_PREFIX_SIZE_BYTES) as i32,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            magic: MAGIC,
            crc: 0,
            attributes: 0,
            last_offset_delta: -1,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            record_count: 0,
            compression: Compression::None,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.base_offset.to_be_bytes());
        out.extend_from_slice(&self.batch_length.to_be_bytes());
        out.extend_from_slice(&self.partition_leader_epoch.to_be_bytes());
        out.extend_from_slice(&self.magic.to_be_bytes());
        out.extend_from_slice(&self.crc.to_be_bytes());
        out.extend_from_slice(&self.attributes.to_be_bytes());
        out.extend_from_slice(&self.last_offset_delta.to_be_bytes());
        out.extend_from_slice(&self.base_timestamp.to_be_bytes());
        out.extend_from_slice(&self.max_timestamp.to_be_bytes());
        out.extend_from_slice(&self.producer_id.to_be_bytes());
        out.extend_from_slice(&self.producer_epoch.to_be_bytes());
        out.extend_from_slice(&self.base_sequence.to_be_bytes());
        out.extend_from_slice(&self.record_count.to_be_bytes());
    }

    /// Size of the whole batch.
    pub fn size_bytes(&self) -> usize {
        // Positive by parse, so widening is exact.
        LENGTH_PREFIX_SIZE_BYTES + self.batch_length as usize
    }

    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .saturating_add(i64::from(self.last_offset_delta))
    }

    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// The last record's sequence; sequences wrap from `i32::MAX` to 0.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        self.base_sequence.wrapping_add(self.last_offset_delta) & i32::MAX
    }

    pub fn compression(&self) -> Compression {
        self.compression
    }

    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & TIMESTAMP_TYPE_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON_BIT != 0
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// The bytes after the header in `batch`, which starts with this header.
    pub fn body_of<'a>(&self, batch: &'a [u8]) -> Result<&'a [u8], BatchError> {
        span(batch, HEADER_SIZE_BYTES, self.size_bytes())
    }

    /// `None` if the size is none that a batch can have.
    pub(crate) fn set_size_bytes(&mut self, size_bytes: usize) -> Option<()> {
        let length = size_bytes.checked_sub(LENGTH_PREFIX_SIZE_BYTES)?;
        self.batch_length = i32::try_from(length).ok()?;
        Some(())
    }

    pub(crate) fn set_compression(&mut self, codec: Compression) {
        self.attributes = self.attributes & !COMPRESSION_MASK | codec as i16;
        self.compression = codec;
    }

    pub(crate) fn set_timestamp_type(&mut self, timestamp_type: TimestampType) {
        match timestamp_type {
            TimestampType::CreateTime => self.attributes &= !TIMESTAMP_TYPE_BIT,
            TimestampType::LogAppendTime => self.attributes |= TIMESTAMP_TYPE_BIT,
        }
    }

    pub(crate) fn set_transactional(&mut self) {
        self.attributes |= TRANSACTIONAL_BIT;
    }

    pub(crate) fn set_control(&mut self) {
        self.attributes |= CONTROL_BIT;
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*head)
}

/// Compares the checksum of the batch at the start of `bytes` with its bytes.
pub fn check_crc(bytes: &[u8]) -> Result<(), BatchError> {
    let header = BatchHeader::parse(bytes)?;
    let computed = crc::crc32c(span(bytes, ATTRIBUTES_AT, header.size_bytes())?);
    if computed == header.crc {
        Ok(())
    } else {
        Err(BatchError::BadCrc {
            stored: header.crc,
            computed,
        })
    }
}

fn span(batch: &[u8], from: usize, to: usize) -> Result<&[u8], BatchError> {
    batch.get(from..to).ok_or(BatchError::Truncated {
        needed: to,
        available: batch.len(),
    })
}

/// Renumbers the batch at the start of `batch`. The field lies outside the checksum.
pub fn set_base_offset(batch: &mut [u8], base_offset: i64) -> Result<(), BatchError> {
    put(batch, BASE_OFFSET_AT, base_offset.to_be_bytes())
}

/// Stamps the leader epoch of the batch at the start of `batch`. The field lies outside the checksum.
pub fn set_leader_epoch(batch: &mut [u8], leader_epoch: i32) -> Result<(), BatchError> {
    put(batch, PARTITION_LEADER_EPOCH_AT, leader_epoch.to_be_bytes())
}

/// Makes `timestamp` the append time of the batch at the start of `batch`.
pub fn set_log_append_time(batch: &mut [u8], timestamp: i64) -> Result<(), BatchError> {
    set_max_timestamp(batch, TimestampType::LogAppendTime, timestamp)
}

/// Sets timestamp type and max timestamp of the batch at the start of `batch`. Both lie inside the
/// checksum, which is computed anew if they change.
pub fn set_max_timestamp(
    batch: &mut [u8],
    timestamp_type: TimestampType,
    max_timestamp: i64,
) -> Result<(), BatchError> {
    let mut header = BatchHeader::parse(batch)?;
    if (header.timestamp_type(), header.max_timestamp) == (timestamp_type, max_timestamp) {
        return Ok(());
    }
    header.set_timestamp_type(timestamp_type);
    put(batch, ATTRIBUTES_AT, header.attributes.to_be_bytes())?;
    put(batch, MAX_TIMESTAMP_AT, max_timestamp.to_be_bytes())?;
    renew_crc(batch)
}

pub(crate) fn renew_crc(batch: &mut [u8]) -> Result<(), BatchError> {
    let header = BatchHeader::parse(batch)?;
    let crc = crc::crc32c(span(batch, ATTRIBUTES_AT, header.size_bytes())?);
    put(batch, CRC_AT, crc.to_be_bytes())
}

fn put<const N: usize>(batch: &mut [u8], at: usize, value: [u8; N]) -> Result<(), BatchError> {
    let available = batch.len();
    let field = batch.get_mut(at..at + N).ok_or(BatchError::Truncated {
        needed: HEADER_SIZE_BYTES,
        available,
    })?;
    field.copy_from_slice(&value);
    Ok(())
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
