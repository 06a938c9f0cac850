//! Uncompressed batches, valid and damaged, are judged as a plain reading of the format judges them.

use super::*;
use crate::{HEADER_SIZE_BYTES, TimestampType};
use proptest::prelude::*;

const NOW_MS: i64 = 1_700_000_000_000;
const HOUR_MS: i64 = 3_600_000;

/// What `max_timestamp` must answer: byte by byte, and rule by rule.
fn reference(header: &BatchHeader, body: &[u8], rules: &Rules) -> Result<i64, ValidationError> {
    let mut rest = body;
    let mut max_timestamp = NO_TIMESTAMP;
    let mut errors = Vec::new();
    for index in 0..header.record_count {
        let record = read_record(&mut rest).ok_or(InvalidBatch::MalformedRecord { index })?;
        let (timestamp_delta, offset_delta, has_key) = record;
        if offset_delta != index {
            return Err(InvalidBatch::OffsetDelta {
                index,
                offset_delta,
            }
            .into());
        }
        let timestamp = timestamp(header, timestamp_delta);
        max_timestamp = max_timestamp.max(timestamp);
        let kind = if rules.compacted && !has_key {
            Some(RecordErrorKind::MissingKey)
        } else {
            timestamp_error(header, timestamp, rules)
        };
        errors.extend(kind.map(|kind| RecordError { index, kind }));
    }
    errors.truncate(MAX_RECORD_ERRORS);
    match (rest, errors.as_slice()) {
        ([], []) => Ok(max_timestamp),
        ([], _) => Err(ValidationError::Records { errors }),
        _ => Err(InvalidBatch::TrailingBytes.into()),
    }
}

/// Timestamp delta, offset delta, whether there is a key.
fn read_record(rest: &mut &[u8]) -> Option<(i64, i32, bool)> {
    let size_bytes = usize::try_from(read_int(rest)?).ok()?;
    let end = rest.len().checked_sub(size_bytes)?;
    let _attributes = read_byte(rest)?;
    let timestamp_delta = unzigzag(read_groups(rest, 10)?);
    let offset_delta = read_int(rest)?;
    let has_key = read_bytes(rest)?;
    read_bytes(rest)?;
    let header_count = read_int(rest)?;
    if header_count < 0 {
        return None;
    }
    for _ in 0..header_count {
        if !read_bytes(rest)? {
            return None;
        }
        read_bytes(rest)?;
    }
    (rest.len() == end).then_some((timestamp_delta, offset_delta, has_key))
}

fn read_bytes(rest: &mut &[u8]) -> Option<bool> {
    let size_bytes = read_int(rest)?;
    for _ in 0..size_bytes {
        read_byte(rest)?;
    }
    Some(size_bytes >= 0)
}

fn read_int(rest: &mut &[u8]) -> Option<i32> {
    read_groups(rest, 5).map(|value| unzigzag(value & 0xffff_ffff) as i32)
}

fn read_groups(rest: &mut &[u8], max_size_bytes: u32) -> Option<u64> {
    let mut value = 0;
    for group in 0..max_size_bytes {
        let byte = read_byte(rest)?;
        value |= u64::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn read_byte(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

/// A record as a client may write it.
#[derive(Debug, Clone)]
struct Written {
    timestamp_delta: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Whether varints are longer than they need be.
    padded: bool,
    /// By how many bytes the record claims to be longer than its fields; what it can, it keeps.
    excess_bytes: i64,
}

impl Written {
    fn write(&self, out: &mut Vec<u8>, index: i32) {
        let mut fields = vec![0];
        self.int(&mut fields, self.timestamp_delta);
        self.int(&mut fields, i64::from(index));
        self.bytes(&mut fields, self.key.as_deref());
        self.bytes(&mut fields, self.value.as_deref());
        self.int(&mut fields, self.headers.len() as i64);
        for (key, value) in &self.headers {
            self.bytes(&mut fields, Some(key));
            self.bytes(&mut fields, value.as_deref());
        }
        self.int(out, fields.len() as i64 + self.excess_bytes);
        fields.resize(fields.len() + self.excess_bytes.max(0) as usize, 0);
        out.extend_from_slice(&fields);
    }

    fn bytes(&self, out: &mut Vec<u8>, bytes: Option<&[u8]>) {
        self.int(out, bytes.map_or(-1, |bytes| bytes.len() as i64));
        out.extend_from_slice(bytes.unwrap_or_default());
    }

    fn int(&self, out: &mut Vec<u8>, value: i64) {
        crate::varint::write_varlong(out, value);
        if let Some(last) = out.last_mut().filter(|_| self.padded) {
            *last |= 0x80;
            out.push(0);
        }
    }
}

fn sized(max_size_bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=max_size_bytes)
}

fn nullable() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        2 => Just(None),
        6 => sized(20).prop_map(Some),
        1 => sized(300).prop_map(Some),
    ]
}

fn records() -> impl Strategy<Value = Vec<Written>> {
    let timestamp_delta = prop_oneof![
        20 => -2_i64..10_000,
        2 => -2 * HOUR_MS..2 * HOUR_MS,
        1 => any::<i64>(),
    ];
    let headers = prop_oneof![
        4 => Just(Vec::new()),
        1 => prop::collection::vec((sized(8), nullable()), 1..4),
    ];
    let record = (
        timestamp_delta,
        nullable(),
        nullable(),
        headers,
        prop::bool::weighted(0.03),
        prop_oneof![200 => Just(0), 1 => -2_i64..=2],
    )
        .prop_map(
            |(timestamp_delta, key, value, headers, padded, excess_bytes)| Written {
                timestamp_delta,
                key,
                value,
                headers,
                padded,
                excess_bytes,
            },
        )
        .boxed();
    prop_oneof![
        3 => prop::collection::vec(record.clone(), 1..6),
        1 => prop::collection::vec(record, 60..140),
    ]
}

#[derive(Debug, Clone)]
enum Damage {
    Set(usize, u8),
    Flip(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Truncate(usize),
}

impl Damage {
    fn apply(&self, body: &mut Vec<u8>) {
        let len = body.len();
        match *self {
            Self::Insert(at, byte) => body.insert(at % (len + 1), byte),
            _ if len == 0 => {}
            Self::Set(at, byte) => body[at % len] = byte,
            Self::Flip(at, bit) => body[at % len] ^= 1 << (bit % 8),
            Self::Remove(at) => drop(body.remove(at % len)),
            Self::Truncate(by) => body.truncate(len - by % len),
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    // Half of them near the start, where the fields of the first records are.
    let at = || prop_oneof![0_usize..40, any::<usize>()];
    let damage = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (at(), any::<u8>()).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        at().prop_map(Damage::Remove),
        at().prop_map(Damage::Truncate),
    ];
    prop_oneof![Just(Vec::new()), prop::collection::vec(damage, 1..4)]
}

fn rules() -> impl Strategy<Value = Rules> {
    let limit_ms = || prop_oneof![Just(i64::MAX), Just(HOUR_MS), Just(0), any::<i64>()];
    let now_ms = prop_oneof![4 => Just(NOW_MS), 1 => any::<i64>()];
    (now_ms, limit_ms(), limit_ms(), any::<bool>(), any::<bool>()).prop_map(
        |(now_ms, before_ms, after_ms, append_time, compacted)| Rules {
            now_ms,
            max_batch_size_bytes: 1 << 20,
            timestamp_type: match append_time {
                true => TimestampType::LogAppendTime,
                false => TimestampType::CreateTime,
            },
            timestamp_before_max_ms: before_ms,
            timestamp_after_max_ms: after_ms,
            compacted,
            open_compressed: false,
            max_decompressed_bytes: 1 << 20,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_batch_is_judged_as_the_reference_judges_it(
        records in records(),
        base_timestamp in prop_oneof![4 => Just(NOW_MS), 1 => Just(0), 1 => any::<i64>()],
        append_time in prop::bool::weighted(0.1),
        damage in damage(),
        rules in rules(),
    ) {
        let mut body = Vec::new();
        for (index, record) in records.iter().enumerate() {
            record.write(&mut body, index as i32);
        }
        damage.iter().for_each(|damage| damage.apply(&mut body));

        let mut header = BatchHeader::empty(0);
        header.base_timestamp = base_timestamp;
        header.max_timestamp = NOW_MS;
        header.record_count = records.len() as i32;
        header.last_offset_delta = header.record_count - 1;
        if append_time {
            header.set_timestamp_type(TimestampType::LogAppendTime);
        }
        header.set_size_bytes(HEADER_SIZE_BYTES + body.len()).unwrap();
        let mut batch = Vec::new();
        header.write(&mut batch);
        batch.extend_from_slice(&body);

        let answer = max_timestamp(&header, &batch, &rules, &mut 0);
        let expected = reference(&header, &body, &rules);
        prop_assert_eq!(format!("{answer:?}"), format!("{expected:?}"));
    }
}
