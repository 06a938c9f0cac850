//! What of an answer is printed, and where the position is afterwards.

use bytes::Bytes;
use format::{BatchBuilder, Compression};
use kafka_protocol::messages::ProducerId;
use kafka_protocol::messages::fetch_response::AbortedTransaction;

use super::*;
use crate::record::RecordFormat;

/// A batch of two records, with their offsets as values.
fn batch(base_offset: i64) -> BatchBuilder {
    let mut batch = BatchBuilder::new(base_offset);
    for offset in [base_offset, base_offset + 1] {
        batch.append(0, None, Some(offset.to_string().as_bytes()), &[]);
    }
    batch
}

fn in_transaction(base_offset: i64, producer_id: i64) -> BatchBuilder {
    batch(base_offset)
        .producer(producer_id, 0, 0)
        .transactional()
}

/// The control batch that ends a transaction: type 0 aborts, 1 commits.
fn marker(offset: i64, producer_id: i64, kind: u8) -> BatchBuilder {
    let mut batch = BatchBuilder::new(offset)
        .producer(producer_id, 0, -1)
        .transactional()
        .control();
    batch.append(0, Some(&[0, 0, 0, kind]), Some(&[0; 6]), &[]);
    batch
}

fn answer(batches: Vec<BatchBuilder>) -> PartitionData {
    let batches = batches.into_iter().map(|batch| batch.build().unwrap());
    let records: Vec<u8> = batches.flatten().collect();
    PartitionData::default().with_records(Some(Bytes::from(records)))
}

/// Reads an answer from `next` on; returns the values printed and the position afterwards.
fn read(
    answer: &PartitionData,
    next: i64,
    stop_at: Option<i64>,
    isolation: Isolation,
) -> (Vec<i64>, i64) {
    let mut position = Position { next, stop_at };
    let mut printer = Printer::to_memory(RecordFormat::Value, 100);
    print_partition(answer, &mut position, isolation, &mut printer).unwrap();
    let printed = printer.printed();
    let values = printed.lines().map(|line| line.parse().unwrap());
    (values.collect(), position.next)
}

#[test]
fn a_batch_is_entered_where_the_position_is_and_left_where_it_stops() {
    let codec = Compression::Zstd;
    let answer = answer(vec![batch(10).compression(codec, None), batch(12)]);
    let all = read(&answer, 10, None, Isolation::ReadUncommitted);
    assert_eq!(all, (vec![10, 11, 12, 13], 14));
    let inside = read(&answer, 11, Some(13), Isolation::ReadUncommitted);
    assert_eq!(inside, (vec![11, 12], 13));
}

#[test]
fn a_reader_of_committed_records_skips_those_of_aborted_transactions_only() {
    let aborted = |first_offset| {
        AbortedTransaction::default()
            .with_producer_id(ProducerId(1))
            .with_first_offset(first_offset)
    };
    let answer = answer(vec![
        in_transaction(0, 1),
        in_transaction(2, 2),
        marker(4, 1, 0),
        in_transaction(5, 1),
        marker(7, 1, 1),
        marker(8, 2, 1),
        in_transaction(9, 1),
        batch(11),
        marker(13, 1, 0),
    ])
    .with_aborted_transactions(Some(vec![aborted(9), aborted(0)]));
    let committed = read(&answer, 0, None, Isolation::ReadCommitted);
    assert_eq!(committed, (vec![2, 3, 5, 6, 11, 12], 14));
    let all = read(&answer, 0, None, Isolation::ReadUncommitted);
    assert_eq!(all, (vec![0, 1, 2, 3, 5, 6, 9, 10, 11, 12], 14));
}

#[test]
fn a_damaged_batch_is_an_error_and_a_cut_off_one_is_not() {
    let whole = batch(0).build().unwrap();
    let mut position = Position {
        next: 0,
        stop_at: None,
    };
    let mut read = |bytes: Vec<u8>| {
        let answer = PartitionData::default().with_records(Some(bytes.into()));
        let mut printer = Printer::to_memory(RecordFormat::Value, 100);
        let isolation = Isolation::ReadUncommitted;
        print_partition(&answer, &mut position, isolation, &mut printer).map(|()| position.next)
    };
    let cut_off = [&whole[..], &whole[..70]].concat();
    assert_eq!(read(cut_off).unwrap(), 2);
    let mut damaged = whole.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(read(damaged).is_err());
}
