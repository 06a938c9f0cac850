use super::*;
use crate::{batches, check_crc, records};
use proptest::prelude::*;

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

#[derive(Debug, Clone)]
struct Owned {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn any_record() -> impl Strategy<Value = Owned> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
    let headers = prop::collection::vec(("[a-z]{0,9}", bytes()), 0..4);
    (any::<i64>(), bytes(), bytes(), headers).prop_map(|(timestamp, key, value, headers)| Owned {
        timestamp,
        key,
        value,
        headers,
    })
}

fn build(records: &[Owned], codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(70)
        .leader_epoch(5)
        .producer(9, 2, 11)
        .compression(codec, None);
    for record in records {
        let headers: Vec<Header<'_>> = record
            .headers
            .iter()
            .map(|(key, value)| Header {
                key: key.as_bytes(),
                value: value.as_deref(),
            })
            .collect();
        builder.append(
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            &headers,
        );
    }
    assert_eq!(builder.record_count() as usize, records.len());
    builder.build().unwrap()
}

fn check_records(batch: &[u8], expected: &[Owned]) {
    check_crc(batch).unwrap();
    let header = BatchHeader::parse(batch).unwrap();
    let body = body(batch, 1 << 20).unwrap();
    let found: Vec<_> = records(&body).map(Result::unwrap).collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.timestamp(&header), expected.timestamp);
        assert_eq!(found.key, expected.key.as_deref());
        assert_eq!(found.value, expected.value.as_deref());
        let headers: Vec<_> = found.headers.map(|h| (h.key, h.value)).collect();
        let expected: Vec<_> = expected
            .headers
            .iter()
            .map(|(k, v)| (k.as_bytes(), v.as_deref()))
            .collect();
        assert_eq!(headers, expected);
    }
}

proptest! {
    #[test]
    fn records_survive_building_and_changing_the_codec(
        expected in prop::collection::vec(any_record(), 1..20),
        from in prop::sample::select(&CODECS),
        to in prop::sample::select(&CODECS),
    ) {
        let batch = build(&expected, from);
        check_records(&batch, &expected);
        let header = BatchHeader::parse(&batch).unwrap();
        prop_assert_eq!(header.next_offset(), 70 + expected.len() as i64);
        prop_assert_eq!(header.record_count as usize, expected.len());
        prop_assert_eq!(header.base_timestamp, expected[0].timestamp);
        let newest = expected.iter().map(|record| record.timestamp).max().unwrap();
        prop_assert_eq!(header.max_timestamp, newest.max(-1));
        prop_assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (9, 2, 11));

        let changed = recompress(&batch, to, None, 1 << 20).unwrap();
        check_records(&changed, &expected);
        let changed = BatchHeader::parse(&changed).unwrap();
        prop_assert_eq!(changed.compression(), to);
        prop_assert_eq!(changed.producer_id, header.producer_id);
    }

    #[test]
    fn a_damaged_body_is_walked_or_refused(
        expected in prop::collection::vec(any_record(), 1..5),
        at: prop::sample::Index,
        byte: u8,
        codec in prop::sample::select(&CODECS),
    ) {
        let mut batch = build(&expected, codec).to_vec();
        let at = HEADER_SIZE_BYTES + at.index(batch.len() - HEADER_SIZE_BYTES);
        batch[at] = byte;
        for batch in batches(&batch).flatten() {
            if let Ok(body) = body(batch.bytes, 10_000) {
                for record in records(&body).flatten() {
                    let _ = (record.timestamp(&batch.header), record.headers.count());
                }
            }
            let _ = recompress(batch.bytes, Compression::None, None, 10_000);
        }
    }
}

#[test]
fn flags_are_set_as_asked() {
    let mut builder = BatchBuilder::new(0)
        .transactional()
        .control()
        .log_append_time();
    builder.append(17, None, None, &[]);
    let size_bytes = builder.size_bytes();
    let batch = builder.build().unwrap();
    assert_eq!(batch.len(), size_bytes);
    let header = BatchHeader::parse(&batch).unwrap();
    assert!(header.is_control() && header.is_transactional());
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert!(!header.has_producer_id());
}
