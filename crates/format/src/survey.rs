//! A quick look over an uncompressed body. It tells what validation needs to know of records that
//! are framed as they should be and gives up on others: the [walk](crate::walk) says what is wrong.
//!
//! For a batch of small records this is most of what its validation costs, hence the few steps a
//! record. One bounds check serves all fields up to the key. An offset delta is held against the
//! encoding that it must have instead of being decoded. And the next record is found by the size of
//! this one, not by way of its fields, so that the processor need not wait for them.

use crate::varint::{varlong_in, zigzag_32};
use crate::walk::{Slice, Source, next_frame};

/// What the records of a body have between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Survey {
    pub(crate) min_timestamp_delta: i64,
    pub(crate) max_timestamp_delta: i64,
    pub(crate) all_have_keys: bool,
}

/// Looks at records that are numbered from 0 and fill the body.
#[inline]
pub(crate) fn survey(body: &[u8], record_count: i32) -> Option<Survey> {
    // To such a batch a call would cost as much as the look itself.
    if record_count == 1
        && let Some(seen) = plain_record(body, OffsetDelta::encoded(0))
        && seen.size_bytes == body.len()
    {
        let mut survey = Survey::OF_NONE;
        survey.add(seen, body)?;
        return Some(survey);
    }
    survey_all(body, record_count)
}

// Inlined into its caller, its loop runs out of registers.
#[inline(never)]
fn survey_all(body: &[u8], record_count: i32) -> Option<Survey> {
    let mut survey = Survey::OF_NONE;
    let mut rest = body;
    let mut index = 0;
    while index < record_count {
        let mut expected = OffsetDelta::encoded(index);
        let run_end = record_count.min((index | OffsetDelta::RUN_MASK).saturating_add(1));
        // The call of `any_record` is kept out of this loop: it would cost the loop its registers.
        while index < run_end
            && let Some(seen) = plain_record(rest, expected)
        {
            rest = survey.add(seen, rest)?;
            expected.bytes += OffsetDelta::STEP;
            index += 1;
        }
        if index < run_end {
            rest = survey.add(any_record(rest, index)?, rest)?;
            index += 1;
        }
    }
    rest.is_empty().then_some(survey)
}

impl Survey {
    const OF_NONE: Self = Self {
        min_timestamp_delta: i64::MAX,
        max_timestamp_delta: i64::MIN,
        all_have_keys: true,
    };

    /// Adds the record at the start of `bytes` and answers what follows it.
    #[inline(always)]
    fn add<'a>(&mut self, seen: Seen, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.min_timestamp_delta = self.min_timestamp_delta.min(seen.timestamp_delta);
        self.max_timestamp_delta = self.max_timestamp_delta.max(seen.timestamp_delta);
        self.all_have_keys &= seen.has_key;
        bytes.get(seen.size_bytes..)
    }
}

/// A record that is in order and has the offset delta that it must have.
struct Seen {
    timestamp_delta: i64,
    has_key: bool,
    size_bytes: usize,
}

/// An offset delta as it is encoded, the first byte lowest.
#[derive(Clone, Copy)]
struct OffsetDelta {
    bytes: u64,
    /// Which of the bytes are part of the encoding.
    mask: u64,
    size_bytes: usize,
}

impl OffsetDelta {
    /// Deltas that differ in these bits alone differ in the first byte of their encodings alone.
    const RUN_MASK: i32 = 0x3f;
    /// From one delta of a run to the next.
    const STEP: u64 = 2;

    fn encoded(delta: i32) -> Self {
        let mut left = zigzag_32(delta);
        let mut bytes = 0;
        let mut size_bits = 0;
        while left > 0x7f {
            bytes |= u64::from(left & 0x7f | 0x80) << size_bits;
            left >>= 7;
            size_bits += 8;
        }
        bytes |= u64::from(left) << size_bits;
        size_bits += 8;
        Self {
            bytes,
            mask: (1 << size_bits) - 1,
            size_bytes: size_bits / 8,
        }
    }
}

/// Where the fields up to the key are looked for, and as much again as a word may reach beyond.
const FRONT_SIZE_BYTES: usize = 24;

/// The record at the start of `bytes` if its lengths are short, its encodings are the shortest, and
/// it does not lie at the very end of the body.
#[inline(always)]
fn plain_record(bytes: &[u8], offset_delta: OffsetDelta) -> Option<Seen> {
    let front = bytes.first_chunk()?;
    let (size_bytes, attributes_at) = short_length(front, 0)?;
    let end = attributes_at + size_bytes?;
    let record = bytes.get(..end)?;
    let timestamp_at = attributes_at + 1;
    let (timestamp_delta, timestamp_size_bytes) = varlong_in(word(front, timestamp_at)?)?;
    let offset_at = timestamp_at + timestamp_size_bytes;
    if (word(front, offset_at)? ^ offset_delta.bytes) & offset_delta.mask != 0 {
        return None;
    }
    let key_at = offset_at + offset_delta.size_bytes;
    let (has_key, value_at) = after_bytes(record, key_at)?;
    let (_has_value, headers_at) = after_bytes(record, value_at)?;
    let headers_end = match *record.get(headers_at)? {
        0 => headers_at + 1,
        _ => after_headers(record, headers_at)?,
    };
    (headers_end == end).then_some(Seen {
        timestamp_delta,
        has_key,
        size_bytes: end,
    })
}

#[inline(always)]
fn word(front: &[u8; FRONT_SIZE_BYTES], at: usize) -> Option<u64> {
    let bytes = front.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

/// A length of one or two bytes, unless it is null, and where it ends.
#[inline(always)]
fn short_length(bytes: &[u8], at: usize) -> Option<(Option<usize>, usize)> {
    let first = usize::from(*bytes.get(at)?);
    let (zigzag, end) = if first & 0x80 == 0 {
        (first, at + 1)
    } else {
        let second = usize::from(*bytes.get(at + 1)?);
        if second & 0x80 != 0 {
            return None;
        }
        (first & 0x7f | second << 7, at + 2)
    };
    Some(((zigzag & 1 == 0).then_some(zigzag >> 1), end))
}

/// Whether there are bytes rather than null, and where they end, be it behind the record.
#[inline(always)]
fn after_bytes(record: &[u8], at: usize) -> Option<(bool, usize)> {
    let (size_bytes, start) = short_length(record, at)?;
    Some((size_bytes.is_some(), start + size_bytes.unwrap_or(0)))
}

#[inline(never)]
fn after_headers(record: &[u8], at: usize) -> Option<usize> {
    let (header_count, mut at) = short_length(record, at)?;
    for _ in 0..header_count? {
        let (has_key, value_at) = after_bytes(record, at)?;
        if !has_key {
            return None;
        }
        (_, at) = after_bytes(record, value_at)?;
    }
    Some(at)
}

/// The record at the start of `bytes`, whatever its encodings.
#[inline(never)]
fn any_record(bytes: &[u8], index: i32) -> Option<Seen> {
    let mut slice = Slice::new(bytes);
    let frame = next_frame(&mut slice)?;
    let size_bytes = usize::try_from(slice.position()).ok()?;
    (frame.offset_delta == index).then_some(Seen {
        timestamp_delta: frame.timestamp_delta,
        has_key: frame.has_key,
        size_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Header, write_record};
    use crate::varint::write_varint;

    #[test]
    fn tells_what_the_records_have_between_them() {
        for record_count in [1, 63, 64, 65, 129, 8_193, 20_000] {
            for key in [None, Some(b"k".as_slice())] {
                let mut body = Vec::new();
                for index in 0..record_count {
                    let key = key.filter(|_| index != 100);
                    let delta = 5 - i64::from(index);
                    write_record(&mut body, index, delta, key, Some(b"v"), &[]);
                }
                let expected = Survey {
                    min_timestamp_delta: 6 - i64::from(record_count),
                    max_timestamp_delta: 5,
                    all_have_keys: key.is_some() && record_count <= 100,
                };
                assert_eq!(survey(&body, record_count), Some(expected));
                assert_eq!(survey(&body, record_count + 1), None);
                assert_eq!(survey(&body, record_count - 1), None);
            }
        }
    }

    #[test]
    fn ordinary_records_are_plain() {
        let header = Header {
            key: b"h",
            value: None,
        };
        for (index, delta) in [(0, 0), (63, -1), (64, 1 << 30), (1 << 30, -1 << 54)] {
            for value in [Some([0; 4_000].as_slice()), Some(&[]), None] {
                for headers in [&[][..], &[header; 63]] {
                    let mut body = Vec::new();
                    write_record(&mut body, index, delta, None, value, headers);
                    let size_bytes = body.len();
                    // Another record follows.
                    body.resize(size_bytes + FRONT_SIZE_BYTES, 0);
                    let seen = plain_record(&body, OffsetDelta::encoded(index)).unwrap();
                    assert_eq!(seen.size_bytes, size_bytes);
                    assert_eq!(seen.timestamp_delta, delta);
                }
            }
        }
    }

    #[test]
    fn an_offset_delta_is_encoded_as_it_is_written() {
        for delta in [0, 1, 63, 64, 8_191, 8_192, 1 << 20, 1 << 27, i32::MAX] {
            let mut written = Vec::new();
            write_varint(&mut written, delta);
            let encoded = OffsetDelta::encoded(delta);
            assert_eq!(encoded.size_bytes, written.len());
            assert_eq!(encoded.bytes.to_le_bytes()[..written.len()], written);
            assert_eq!(encoded.bytes & !encoded.mask, 0);
            let start = OffsetDelta::encoded(delta & !OffsetDelta::RUN_MASK);
            let steps = (delta & OffsetDelta::RUN_MASK) as u64;
            assert_eq!(encoded.bytes, start.bytes + steps * OffsetDelta::STEP);
            assert_eq!(encoded.mask, start.mask);
        }
    }
}
