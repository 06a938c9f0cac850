//! Making batches: from records, and from a batch whose codec changes.

use std::borrow::Cow;

use bytes::Bytes;

use crate::compression::{CompressionError, compress, decompress};
use crate::header::{BatchError, BatchHeader, Compression, HEADER_SIZE_BYTES, TimestampType};
use crate::record::{Header, write_record};

/// Why a batch was not made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("a record batch cannot hold more than 2 GiB")]
    TooLarge,
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Compression(#[from] CompressionError),
}

/// Collects records into one batch.
///
/// ```
/// let mut batch = format::BatchBuilder::new(42).leader_epoch(3);
/// batch.append(1_000, Some(b"key"), None, &[]);
/// let bytes = batch.build()?;
/// assert_eq!(format::BatchHeader::parse(&bytes)?.next_offset(), 43);
/// # Ok::<(), format::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    header: BatchHeader,
    level: Option<i32>,
    body: Vec<u8>,
}

impl BatchBuilder {
    pub fn new(base_offset: i64) -> Self {
        Self {
            header: BatchHeader::empty(base_offset),
            level: None,
            body: Vec::new(),
        }
    }

    pub fn leader_epoch(mut self, leader_epoch: i32) -> Self {
        self.header.partition_leader_epoch = leader_epoch;
        self
    }

    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Self {
        self.header.producer_id = producer_id;
        self.header.producer_epoch = producer_epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    pub fn transactional(mut self) -> Self {
        self.header.set_transactional();
        self
    }

    pub fn control(mut self) -> Self {
        self.header.set_control();
        self
    }

    /// Marks the records' timestamps as the time of their append.
    pub fn log_append_time(mut self) -> Self {
        self.header.set_timestamp_type(TimestampType::LogAppendTime);
        self
    }

    /// `level` is the codec's own; `None` is its default.
    pub fn compression(mut self, codec: Compression, level: Option<i32>) -> Self {
        self.header.set_compression(codec);
        self.level = level;
        self
    }

    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) {
        let header = &mut self.header;
        if header.record_count == 0 {
            header.base_timestamp = timestamp;
        }
        let delta = timestamp.wrapping_sub(header.base_timestamp);
        let index = header.record_count;
        write_record(&mut self.body, index, delta, key, value, headers);
        header.max_timestamp = header.max_timestamp.max(timestamp);
        header.last_offset_delta = index;
        header.record_count = index.saturating_add(1);
    }

    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// Size of the batch before compression.
    pub fn size_bytes(&self) -> usize {
        HEADER_SIZE_BYTES + self.body.len()
    }

    pub fn build(self) -> Result<Bytes, BuildError> {
        let body = match self.header.compression() {
            Compression::None => self.body,
            codec => compress(codec, self.level, &self.body)?,
        };
        seal(self.header, &body).map(Bytes::from)
    }
}

/// The body of the batch at the start of `batch`, decompressed to at most `cap_bytes` if need be.
pub fn body(batch: &[u8], cap_bytes: usize) -> Result<Cow<'_, [u8]>, BuildError> {
    let header = BatchHeader::parse(batch)?;
    let body = header.body_of(batch)?;
    Ok(match header.compression() {
        Compression::None => Cow::Borrowed(body),
        codec => Cow::Owned(decompress(codec, body, cap_bytes)?),
    })
}

/// The batch at the start of `batch` with its records in another codec. Its records may take at most
/// `cap_bytes` when decompressed.
pub fn recompress(
    batch: &[u8],
    codec: Compression,
    level: Option<i32>,
    cap_bytes: usize,
) -> Result<Vec<u8>, BuildError> {
    let mut header = BatchHeader::parse(batch)?;
    let body = body(batch, cap_bytes)?;
    header.set_compression(codec);
    match codec {
        Compression::None => seal(header, &body),
        codec => seal(header, &compress(codec, level, &body)?),
    }
}

/// Writes header and body with the length and checksum that they have.
fn seal(mut header: BatchHeader, body: &[u8]) -> Result<Vec<u8>, BuildError> {
    let size_bytes = HEADER_SIZE_BYTES + body.len();
    header
        .set_size_bytes(size_bytes)
        .ok_or(BuildError::TooLarge)?;
    let mut batch = Vec::with_capacity(size_bytes);
    header.write(&mut batch);
    batch.extend_from_slice(body);
    crate::header::renew_crc(&mut batch)?;
    Ok(batch)
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
