//! Records inside an uncompressed batch body: read without allocation, and written.

use crate::header::{BatchHeader, TimestampType};
use crate::varint::{
    read_varint, read_varlong, varint_size_bytes, varlong_size_bytes, write_varint, write_varlong,
};

/// The bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed record")]
pub struct MalformedRecord;

/// A record that borrows from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Relative to the batch's base offset.
    pub offset_delta: i32,
    /// Relative to the batch's base timestamp.
    pub timestamp_delta: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

impl Record<'_> {
    pub fn offset(&self, batch: &BatchHeader) -> i64 {
        batch
            .base_offset
            .saturating_add(i64::from(self.offset_delta))
    }

    /// The batch's append time or the record's own create time, as the batch says.
    pub fn timestamp(&self, batch: &BatchHeader) -> i64 {
        timestamp(batch, self.timestamp_delta)
    }
}

/// Java's sum: it wraps.
pub(crate) fn timestamp(batch: &BatchHeader, timestamp_delta: i64) -> i64 {
    match batch.timestamp_type() {
        TimestampType::CreateTime => batch.base_timestamp.wrapping_add(timestamp_delta),
        TimestampType::LogAppendTime => batch.max_timestamp,
    }
}

/// A record header. Its key is meant to be UTF-8; nobody checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

/// The headers of a record, known to be well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    left: i32,
    bytes: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        read_header(&mut self.bytes)
    }
}

/// See [`records`].
#[derive(Debug, Clone)]
pub struct Records<'a> {
    body: &'a [u8],
}

/// The records of an uncompressed batch body. A malformed record ends the walk with an error.
pub fn records(body: &[u8]) -> Records<'_> {
    Records { body }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, MalformedRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.body.is_empty() {
            return None;
        }
        let record = read_record(&mut self.body).ok_or(MalformedRecord);
        if record.is_err() {
            self.body = &[];
        }
        Some(record)
    }
}

fn read_record<'a>(input: &mut &'a [u8]) -> Option<Record<'a>> {
    let size_bytes = usize::try_from(read_varint(input)?).ok()?;
    let (mut body, rest) = input.split_at_checked(size_bytes)?;
    *input = rest;
    let (_attributes, fields) = body.split_first()?;
    body = fields;
    let timestamp_delta = read_varlong(&mut body)?;
    let offset_delta = read_varint(&mut body)?;
    let key = read_bytes(&mut body)?;
    let value = read_bytes(&mut body)?;
    let left = read_varint(&mut body).filter(|count| *count >= 0)?;
    let headers = Headers { left, bytes: body };
    for _ in 0..left {
        read_header(&mut body)?;
    }
    body.is_empty().then_some(Record {
        offset_delta,
        timestamp_delta,
        key,
        value,
        headers,
    })
}

fn read_header<'a>(input: &mut &'a [u8]) -> Option<Header<'a>> {
    Some(Header {
        key: read_bytes(input)??,
        value: read_bytes(input)?,
    })
}

/// Any negative length is null, as in Kafka.
fn read_bytes<'a>(input: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let Ok(size_bytes) = usize::try_from(read_varint(input)?) else {
        return Some(None);
    };
    let (bytes, rest) = input.split_at_checked(size_bytes)?;
    *input = rest;
    Some(Some(bytes))
}

/// Appends a record to a batch body. Sizes must fit `i32`; `BatchBuilder` sees to it.
pub(crate) fn write_record(
    out: &mut Vec<u8>,
    offset_delta: i32,
    timestamp_delta: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header<'_>],
) {
    let attributes = 0;
    let size_bytes = 1
        + varlong_size_bytes(timestamp_delta)
        + varint_size_bytes(offset_delta)
        + bytes_size_bytes(key)
        + bytes_size_bytes(value)
        + varint_size_bytes(headers.len() as i32)
        + headers
            .iter()
            .map(|header| bytes_size_bytes(Some(header.key)) + bytes_size_bytes(header.value))
            .sum::<usize>();
    write_varint(out, size_bytes as i32);
    out.push(attributes);
    write_varlong(out, timestamp_delta);
    write_varint(out, offset_delta);
    write_bytes(out, key);
    write_bytes(out, value);
    write_varint(out, headers.len() as i32);
    for header in headers {
        write_bytes(out, Some(header.key));
        write_bytes(out, header.value);
    }
}

fn bytes_size_bytes(bytes: Option<&[u8]>) -> usize {
    match bytes {
        None => varint_size_bytes(-1),
        Some(bytes) => varint_size_bytes(bytes.len() as i32) + bytes.len(),
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => write_varint(out, -1),
        Some(bytes) => {
            write_varint(out, bytes.len() as i32);
            out.extend_from_slice(bytes);
        }
    }
}
