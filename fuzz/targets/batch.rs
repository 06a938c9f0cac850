//! Record batches as a producer sends them: the first byte chooses the topic's rules, the rest are
//! the batch. Most inputs have a wrong checksum, so each is judged again with the right one.

use format::{
    BatchHeader, HEADER_SIZE_BYTES, Rules, TimestampType, batches, body, check_crc, recompress,
    records, validate,
};

const CRC_AT: std::ops::Range<usize> = 17..21;
const CHECKSUMMED_FROM: usize = 21;
const CAP_BYTES: usize = 1 << 18;

pub fn run(input: &[u8]) {
    let Some((&choice, bytes)) = input.split_first() else {
        return;
    };
    let rules = rules(choice);
    walk(bytes);
    judge(bytes, &rules);
    let mut batch = bytes.to_vec();
    if correct_checksum(&mut batch).is_some() {
        judge(&batch, &rules);
    }
}

fn rules(choice: u8) -> Rules {
    let bit = |n: u8| choice & (1 << n) != 0;
    Rules {
        now_ms: 1_700_000_000_000,
        max_batch_size_bytes: if bit(0) { 100 } else { 1 << 20 },
        timestamp_type: match bit(1) {
            true => TimestampType::LogAppendTime,
            false => TimestampType::CreateTime,
        },
        timestamp_before_max_ms: if bit(2) { 1_000 } else { i64::MAX },
        timestamp_after_max_ms: if bit(3) { i64::MAX } else { 1_000 },
        compacted: bit(4),
        open_compressed: bit(5),
        max_decompressed_bytes: CAP_BYTES,
    }
}

fn walk(bytes: &[u8]) {
    for batch in batches(bytes).flatten() {
        let _ = (batch.header.next_offset(), batch.header.last_sequence());
        let Ok(body) = body(batch.bytes, CAP_BYTES) else {
            continue;
        };
        assert!(body.len() <= CAP_BYTES.max(bytes.len()));
        for record in records(&body).flatten() {
            let _ = (
                record.offset(&batch.header),
                record.timestamp(&batch.header),
            );
            assert!(record.headers.count() <= body.len());
        }
    }
}

fn correct_checksum(batch: &mut [u8]) -> Option<()> {
    let size_bytes = BatchHeader::parse(batch).ok()?.size_bytes();
    let crc = format::crc::crc32c(batch.get(CHECKSUMMED_FROM..size_bytes)?);
    batch.get_mut(CRC_AT)?.copy_from_slice(&crc.to_be_bytes());
    Some(())
}

/// What is found valid must be what it says it is, and stay so when its codec changes.
fn judge(batch: &[u8], rules: &Rules) {
    let Ok(validated) = validate(batch, rules) else {
        return;
    };
    let header = validated.header;
    let mut stamped = batch.to_vec();
    validated
        .stamp(&mut stamped)
        .expect("a valid batch can be stamped");
    check_crc(&stamped).expect("stamping keeps the checksum right");

    let opened = Rules {
        open_compressed: true,
        ..rules.clone()
    };
    if validate(batch, &opened).is_err() {
        return;
    }
    let body = body(batch, CAP_BYTES.max(batch.len())).expect("a walked body can be read");
    let mut count = 0;
    for record in records(&body) {
        let record = record.expect("a walked record can be read");
        assert_eq!(record.offset_delta, count);
        count += 1;
    }
    assert_eq!(count, header.record_count);
    assert_eq!(header.size_bytes() - HEADER_SIZE_BYTES > 0, count > 0);

    let plain = recompress(
        batch,
        format::Compression::None,
        None,
        CAP_BYTES.max(batch.len()),
    );
    let plain = plain.expect("a readable batch can be written plainly");
    let unlimited = Rules {
        max_batch_size_bytes: usize::MAX,
        ..opened
    };
    validate(&plain, &unlimited).expect("a batch stays valid without its codec");
}
