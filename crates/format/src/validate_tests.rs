use super::*;
use crate::{BatchBuilder, HEADER_SIZE_BYTES, recompress};
use proptest::prelude::*;

const NOW_MS: i64 = 1_700_000_000_000;
const HOUR_MS: i64 = 3_600_000;
const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn rules() -> Rules {
    Rules {
        now_ms: NOW_MS,
        max_batch_size_bytes: 1 << 20,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: HOUR_MS,
        compacted: false,
        open_compressed: false,
        max_decompressed_bytes: 1 << 24,
    }
}

/// Every batch that matters, in every codec.
fn batch(codec: Compression, records: &[(i64, Option<&[u8]>)]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(0).compression(codec, None);
    for (timestamp, key) in records {
        builder.append(*timestamp, *key, Some(b"value"), &[]);
    }
    builder.build().unwrap().to_vec()
}

/// A batch with one change that its checksum covers.
fn changed(codec: Compression, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut batch = batch(codec, &[(NOW_MS, None), (NOW_MS + 1, None)]);
    change(&mut batch);
    let length = (batch.len() - 12) as i32;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    crate::header::renew_crc(&mut batch).unwrap();
    batch
}

fn invalid(batch: &[u8], rules: &Rules) -> InvalidBatch {
    match validate(batch, rules) {
        Err(ValidationError::Invalid(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn record_errors(batch: &[u8], rules: &Rules) -> Vec<RecordError> {
    match validate(batch, rules) {
        Err(ValidationError::Records { errors }) => errors,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_batch_passes_in_every_codec_and_mode() {
    for codec in CODECS {
        for open_compressed in [false, true] {
            let rules = Rules {
                open_compressed,
                ..rules()
            };
            let batch = batch(codec, &[(NOW_MS, None), (NOW_MS - 5, Some(b"k"))]);
            let validated = validate(&batch, &rules).unwrap();
            assert_eq!(validated.max_timestamp, NOW_MS);
            assert_eq!(validated.timestamp_type, TimestampType::CreateTime);
            let mut stamped = batch.clone();
            validated.stamp(&mut stamped).unwrap();
            assert_eq!(stamped, batch);
        }
    }
}

#[test]
fn the_header_is_checked_in_kafkas_order() {
    let offset = changed(Compression::None, |batch| batch[7] = 1);
    let small = Rules {
        max_batch_size_bytes: 70,
        ..rules()
    };
    assert_eq!(invalid(&offset, &small), InvalidBatch::BaseOffset(1));

    let mut corrupt = batch(Compression::None, &[(NOW_MS, None)]);
    *corrupt.last_mut().unwrap() ^= 1;
    assert!(matches!(
        validate(&corrupt, &small),
        Err(ValidationError::TooLarge { size_bytes, max_size_bytes: 70 }) if size_bytes == corrupt.len()
    ));
    assert!(matches!(
        validate(&corrupt, &rules()),
        Err(ValidationError::Corrupt(BatchError::BadCrc { .. }))
    ));
    assert!(matches!(
        validate(&corrupt[..70], &rules()),
        Err(ValidationError::Corrupt(BatchError::Truncated { .. }))
    ));
}

#[test]
fn counts_control_and_sequence_are_checked_without_opening() {
    for codec in CODECS {
        for (count, delta) in [
            (0_i32, -1_i32),
            (-1, -2),
            (3, 1),
            (2, 2),
            (i32::MIN, i32::MAX),
        ] {
            let batch = changed(codec, |batch| {
                batch[23..27].copy_from_slice(&delta.to_be_bytes());
                batch[57..61].copy_from_slice(&count.to_be_bytes());
            });
            let expected = InvalidBatch::RecordCount {
                record_count: count,
                last_offset_delta: delta,
            };
            assert_eq!(invalid(&batch, &rules()), expected);
        }
        let control = changed(codec, |batch| batch[22] |= 0x20);
        assert_eq!(invalid(&control, &rules()), InvalidBatch::Control);
        let sequence = changed(codec, |batch| {
            batch[43..51].copy_from_slice(&7_i64.to_be_bytes())
        });
        assert_eq!(
            invalid(&sequence, &rules()),
            InvalidBatch::Sequence {
                producer_id: 7,
                base_sequence: -1
            }
        );
    }
}

#[test]
fn record_framing_is_checked() {
    let open = Rules {
        open_compressed: true,
        ..rules()
    };
    let resized = |resize: fn(&mut Vec<u8>)| changed(Compression::None, resize);
    let recoded = |batch: &[u8], codec| recompress(batch, codec, None, 1 << 20).unwrap();
    for codec in CODECS {
        let extra = recoded(&resized(|batch| batch.push(0)), codec);
        assert_eq!(invalid(&extra, &open), InvalidBatch::TrailingBytes);

        let short = recoded(&resized(|batch| batch.truncate(batch.len() - 1)), codec);
        assert_eq!(
            invalid(&short, &open),
            InvalidBatch::MalformedRecord { index: 1 }
        );

        // The first record: length, attributes, timestamp delta, offset delta.
        let delta = recoded(&resized(|batch| batch[HEADER_SIZE_BYTES + 3] = 2), codec);
        let expected = InvalidBatch::OffsetDelta {
            index: 0,
            offset_delta: 1,
        };
        assert_eq!(invalid(&delta, &open), expected);

        let negative = recoded(&resized(|batch| batch[HEADER_SIZE_BYTES] = 1), codec);
        assert_eq!(
            invalid(&negative, &open),
            InvalidBatch::MalformedRecord { index: 0 }
        );
    }
}

#[test]
fn a_compacted_topic_wants_keys() {
    let compacted = Rules {
        compacted: true,
        ..rules()
    };
    for codec in CODECS {
        let batch = batch(
            codec,
            &[(NOW_MS, Some(b"a")), (NOW_MS, None), (NOW_MS, Some(b""))],
        );
        let expected = RecordError {
            index: 1,
            kind: RecordErrorKind::MissingKey,
        };
        assert_eq!(record_errors(&batch, &compacted), [expected]);
        validate(&batch, &rules()).unwrap();
    }
}

#[test]
fn timestamps_are_held_against_both_limits() {
    let strict = Rules {
        timestamp_before_max_ms: HOUR_MS,
        ..rules()
    };
    for codec in CODECS {
        let late = batch(
            codec,
            &[
                (NOW_MS, None),
                (NOW_MS + HOUR_MS, None),
                (NOW_MS + HOUR_MS + 1, None),
            ],
        );
        let errors = record_errors(&late, &rules());
        assert_eq!(
            errors.iter().map(|error| error.index).collect::<Vec<_>>(),
            [2]
        );
        assert!(errors[0].kind.is_timestamp());

        let early = batch(
            codec,
            &[
                (NOW_MS - HOUR_MS - 1, None),
                (NOW_MS - HOUR_MS, None),
                (-1, None),
            ],
        );
        let errors = record_errors(&early, &strict);
        assert_eq!(
            errors,
            [RecordError {
                index: 0,
                kind: RecordErrorKind::TimestampOutOfRange {
                    timestamp: NOW_MS - HOUR_MS - 1,
                    oldest: NOW_MS - HOUR_MS,
                    newest: NOW_MS + HOUR_MS,
                },
            }]
        );
        validate(&early, &rules()).unwrap();
        let append_time = Rules {
            timestamp_type: TimestampType::LogAppendTime,
            ..strict.clone()
        };
        validate(&early, &append_time).unwrap();
    }
}

#[test]
fn append_time_is_the_brokers_to_set() {
    let append_time = Rules {
        timestamp_type: TimestampType::LogAppendTime,
        ..rules()
    };
    for codec in CODECS {
        let mut ordinary = batch(codec, &[(5, None)]);
        let validated = validate(&ordinary, &append_time).unwrap();
        assert_eq!(validated.max_timestamp, NOW_MS);
        validated.stamp(&mut ordinary).unwrap();
        check_crc(&ordinary).unwrap();
        let header = BatchHeader::parse(&ordinary).unwrap();
        assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);

        // Now the flag comes from a client.
        let errors = record_errors(&ordinary, &append_time);
        assert_eq!(errors[0].kind, RecordErrorKind::LogAppendTime);
        // Kafka clears the flag where the timestamp itself is acceptable.
        let validated = validate(&ordinary, &rules()).unwrap();
        validated.stamp(&mut ordinary).unwrap();
        let header = BatchHeader::parse(&ordinary).unwrap();
        assert_eq!(header.timestamp_type(), TimestampType::CreateTime);
        assert_eq!(header.max_timestamp, NOW_MS);
    }
}

#[test]
fn a_wrong_max_timestamp_is_corrected() {
    let open = Rules {
        open_compressed: true,
        ..rules()
    };
    for codec in CODECS {
        let mut batch = changed(codec, |batch| batch[42] ^= 0xff);
        let validated = validate(&batch, &open).unwrap();
        assert_eq!(validated.max_timestamp, NOW_MS + 1);
        validated.stamp(&mut batch).unwrap();
        assert_eq!(
            BatchHeader::parse(&batch).unwrap().max_timestamp,
            NOW_MS + 1
        );
        check_crc(&batch).unwrap();
    }
}

#[test]
fn a_compressed_body_is_only_opened_when_asked() {
    let nonsense = changed(Compression::Zstd, |batch| {
        batch[HEADER_SIZE_BYTES..].fill(0xee)
    });
    validate(&nonsense, &rules()).unwrap();
    for rules in [
        Rules {
            open_compressed: true,
            ..rules()
        },
        Rules {
            compacted: true,
            ..rules()
        },
        Rules {
            timestamp_before_max_ms: HOUR_MS,
            ..rules()
        },
    ] {
        assert!(matches!(
            validate(&nonsense, &rules),
            Err(ValidationError::Undecodable(_))
        ));
    }
}

#[test]
fn a_bomb_is_refused_at_the_cap() {
    let zeros = vec![0; 1 << 22];
    for codec in CODECS {
        let mut builder = BatchBuilder::new(0).compression(codec, None);
        builder.append(NOW_MS, None, Some(&zeros), &[]);
        let batch = builder.build().unwrap();
        let rules = |max_decompressed_bytes| Rules {
            open_compressed: true,
            max_batch_size_bytes: 1 << 23,
            max_decompressed_bytes,
            ..rules()
        };
        validate(&batch, &rules(zeros.len() + 100)).unwrap();
        if codec != Compression::None {
            assert!(matches!(
                validate(&batch, &rules(zeros.len())),
                Err(ValidationError::Undecodable(
                    CompressionError::TooLarge { .. }
                ))
            ));
        }
    }
}

#[test]
fn batches_share_an_allowance_whether_they_are_in_order_or_not() {
    let value = vec![0; 1 << 20];
    for codec in &CODECS[1..] {
        let mut builder = BatchBuilder::new(0).compression(*codec, None);
        builder.append(NOW_MS, None, Some(&value), &[]);
        let batch = builder.build().unwrap();
        let open = Rules {
            open_compressed: true,
            ..rules()
        };
        let without_a_key = Rules {
            compacted: true,
            ..rules()
        };
        let mut left_bytes = 5 << 19;
        validate_within(&batch, &open, &mut left_bytes).unwrap();
        assert!((1 << 19..3 << 19).contains(&left_bytes), "{left_bytes}");
        let refused = validate_within(&batch, &without_a_key, &mut left_bytes);
        assert!(matches!(refused, Err(ValidationError::Records { .. })));
        assert!(left_bytes < 1 << 19, "{left_bytes}");
        let refused = validate_within(&batch, &open, &mut left_bytes);
        assert!(matches!(refused, Err(ValidationError::Undecodable(_))));
        validate_within(&batch, &rules(), &mut 0).expect("is not opened");
    }
}

#[test]
fn only_so_many_records_are_named() {
    let records = vec![(NOW_MS, None); 5_000];
    let compacted = Rules {
        compacted: true,
        ..rules()
    };
    for codec in CODECS {
        assert_eq!(
            record_errors(&batch(codec, &records), &compacted).len(),
            MAX_RECORD_ERRORS
        );
    }
}

proptest! {
    #[test]
    fn a_damaged_batch_is_judged_without_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        at in 8_usize..,
        byte: u8,
        codec in prop::sample::select(&CODECS),
        compacted: bool,
    ) {
        let rules = Rules { compacted, open_compressed: true, timestamp_before_max_ms: HOUR_MS, ..rules() };
        let mut builder = BatchBuilder::new(0).compression(codec, None);
        builder.append(NOW_MS, Some(&bytes), Some(&bytes), &[]);
        builder.append(NOW_MS, Some(&bytes), None, &[crate::Header { key: b"h", value: Some(&bytes) }]);
        let mut batch = builder.build().unwrap().to_vec();
        validate(&batch, &rules).unwrap();
        for len in 0..batch.len() {
            prop_assert!(validate(&batch[..len], &rules).is_err());
        }
        let at = at % batch.len();
        batch[at] = byte;
        // Behind a checksum that fits, so that the records are reached.
        let _ = crate::header::renew_crc(&mut batch);
        let _ = validate(&batch, &rules);
    }
}
