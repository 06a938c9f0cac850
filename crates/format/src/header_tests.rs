use super::*;
use crate::batches;
use proptest::prelude::*;

/// A batch without records, as compaction leaves one.
fn empty_batch(base_offset: i64) -> Vec<u8> {
    let mut batch = Vec::new();
    batch.extend_from_slice(&base_offset.to_be_bytes());
    batch.extend_from_slice(&49_i32.to_be_bytes());
    batch.extend_from_slice(&7_i32.to_be_bytes());
    batch.push(2);
    batch.extend_from_slice(&0_u32.to_be_bytes());
    batch.extend_from_slice(&0x14_i16.to_be_bytes());
    batch.extend_from_slice(&4_i32.to_be_bytes());
    batch.extend_from_slice(&1_000_i64.to_be_bytes());
    batch.extend_from_slice(&1_004_i64.to_be_bytes());
    batch.extend_from_slice(&42_i64.to_be_bytes());
    batch.extend_from_slice(&3_i16.to_be_bytes());
    batch.extend_from_slice(&(i32::MAX - 1).to_be_bytes());
    batch.extend_from_slice(&0_i32.to_be_bytes());
    let crc = crc::crc32c(&batch[ATTRIBUTES_AT..]);
    put(&mut batch, CRC_AT, crc.to_be_bytes()).unwrap();
    batch
}

#[test]
fn fields_are_where_kafka_puts_them() {
    let batch = empty_batch(100);
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!(header.size_bytes(), HEADER_SIZE_BYTES);
    assert_eq!((header.base_offset, header.last_offset()), (100, 104));
    assert_eq!(header.next_offset(), 105);
    assert_eq!(header.partition_leader_epoch, 7);
    assert_eq!(header.compression(), Compression::Zstd);
    assert_eq!(header.timestamp_type(), TimestampType::CreateTime);
    assert!(header.is_transactional() && !header.is_control());
    assert!(header.has_producer_id() && !header.has_delete_horizon());
    assert_eq!(
        (header.base_timestamp, header.max_timestamp),
        (1_000, 1_004)
    );
    assert_eq!((header.producer_id, header.producer_epoch), (42, 3));
    // i32::MAX - 1, i32::MAX, 0, 1, 2
    assert_eq!(header.last_sequence(), 2);
    check_crc(&batch).unwrap();
}

#[test]
fn offset_and_epoch_are_patched_outside_the_checksum() {
    let mut batch = empty_batch(0);
    set_base_offset(&mut batch, 55).unwrap();
    set_leader_epoch(&mut batch, 9).unwrap();
    check_crc(&batch).unwrap();
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!((header.base_offset, header.partition_leader_epoch), (55, 9));
}

#[test]
fn log_append_time_renews_the_checksum() {
    let mut batch = empty_batch(0);
    set_log_append_time(&mut batch, 123_456).unwrap();
    check_crc(&batch).unwrap();
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(header.max_timestamp, 123_456);
    assert_eq!(header.compression(), Compression::Zstd);
}

#[test]
fn wrong_headers_are_refused() {
    let good = empty_batch(0);
    let changed = |at: usize, byte: u8| {
        let mut batch = good.clone();
        batch[at] = byte;
        BatchHeader::parse(&batch)
    };
    assert_eq!(changed(16, 1), Err(BatchError::BadMagic(1)));
    assert_eq!(changed(11, 48), Err(BatchError::BadLength(48)));
    assert!(matches!(changed(8, 0x80), Err(BatchError::BadLength(_))));
    assert_eq!(changed(22, 5), Err(BatchError::UnknownCompression(5)));
    for len in 0..good.len() {
        let truncated = BatchError::Truncated {
            needed: HEADER_SIZE_BYTES,
            available: len,
        };
        assert_eq!(BatchHeader::parse(&good[..len]), Err(truncated));
        assert_eq!(check_crc(&good[..len]), Err(truncated));
        assert!(set_log_append_time(&mut good[..len].to_vec(), 1).is_err());
    }
    let mut flipped = good.clone();
    flipped[60] ^= 1;
    assert!(matches!(
        check_crc(&flipped),
        Err(BatchError::BadCrc { .. })
    ));
}

#[test]
fn a_buffer_is_walked_to_its_last_whole_batch() {
    let mut buffer = empty_batch(0);
    buffer.extend(empty_batch(5));
    for len in 0..=buffer.len() {
        let mut walk = batches(&buffer[..len]);
        let offsets: Vec<i64> = walk
            .by_ref()
            .map(|b| b.unwrap().header.base_offset)
            .collect();
        assert_eq!(offsets.len(), len / HEADER_SIZE_BYTES);
        assert_eq!(walk.position(), offsets.len() * HEADER_SIZE_BYTES);
    }
    buffer[HEADER_SIZE_BYTES + 16] = 0;
    let mut walk = batches(&buffer);
    assert!(walk.next().unwrap().is_ok());
    assert_eq!(walk.next(), Some(Err(BatchError::BadMagic(0))));
    assert_eq!(walk.next(), None);
}

proptest! {
    #[test]
    fn any_bytes_are_walked_or_refused(bytes: Vec<u8>) {
        for batch in batches(&bytes).flatten() {
            let _ = check_crc(batch.bytes);
            let _ = (batch.header.next_offset(), batch.header.last_sequence());
        }
    }

    #[test]
    fn any_header_is_read_without_overflow(mut bytes in prop::collection::vec(any::<u8>(), 61..80)) {
        bytes[16] = 2;
        if let Ok(header) = BatchHeader::parse(&bytes) {
            let _ = (header.next_offset(), header.last_sequence(), header.size_bytes());
            let _ = check_crc(&bytes);
        }
        let _ = set_log_append_time(&mut bytes, i64::MIN);
    }
}
