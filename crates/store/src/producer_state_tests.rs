use super::*;
use crate::producer_snapshot;

/// A header as an appended batch has it.
fn header(
    producer_id: i64,
    epoch: i16,
    sequence: i32,
    base_offset: i64,
    count: i32,
) -> BatchHeader {
    let mut builder = format::BatchBuilder::new(base_offset).producer(producer_id, epoch, sequence);
    for _ in 0..count {
        builder.append(1000 + base_offset, None, None, &[]);
    }
    BatchHeader::parse(&builder.build().unwrap()).unwrap()
}

fn transactional(producer_id: i64, sequence: i32, base_offset: i64) -> BatchHeader {
    let mut builder = format::BatchBuilder::new(base_offset)
        .producer(producer_id, 0, sequence)
        .transactional();
    builder.append(1000, None, None, &[]);
    BatchHeader::parse(&builder.build().unwrap()).unwrap()
}

fn state(headers: &[BatchHeader]) -> ProducerState {
    let mut state = ProducerState::new(0);
    for header in headers {
        state.update(header, None);
    }
    state
}

fn check(state: &ProducerState, header: &BatchHeader) -> Result<Option<i64>, AppendError> {
    let duplicate = state.check(header, None, Origin::Client)?;
    Ok(duplicate.map(|batch| batch.first_offset()))
}

#[test]
fn an_unknown_producer_begins_anywhere() {
    assert_eq!(check(&state(&[]), &header(1, 3, 77, 0, 1)).unwrap(), None);
}

#[test]
fn sequences_follow_and_wrap() {
    let known = state(&[header(1, 0, 0, 0, 5)]);
    assert_eq!(check(&known, &header(1, 0, 5, 5, 1)).unwrap(), None);
    for wrong in [4, 6, 100] {
        assert!(matches!(
            check(&known, &header(1, 0, wrong, 5, 1)),
            Err(AppendError::OutOfOrderSequence {
                expected_after: 4,
                ..
            })
        ));
    }
    let wrapped = state(&[header(1, 0, i32::MAX - 1, 0, 2)]);
    assert_eq!(check(&wrapped, &header(1, 0, 0, 2, 1)).unwrap(), None);
    let across = state(&[header(1, 0, i32::MAX, 0, 3)]);
    assert_eq!(check(&across, &header(1, 0, 2, 3, 1)).unwrap(), None);
    assert_eq!(
        check(&across, &header(1, 0, i32::MAX, 3, 3)).unwrap(),
        Some(0)
    );
}

#[test]
fn five_batches_are_remembered() {
    let headers: Vec<_> = (0..6).map(|i| header(1, 0, i, i64::from(i), 1)).collect();
    let known = state(&headers);
    for (i, header) in headers.iter().enumerate().skip(1) {
        assert_eq!(check(&known, header).unwrap(), Some(i as i64));
    }
    assert!(matches!(
        check(&known, &headers[0]),
        Err(AppendError::OutOfOrderSequence { .. })
    ));
}

#[test]
fn epochs_only_rise_and_begin_at_zero() {
    let known = state(&[header(1, 5, 0, 0, 3)]);
    assert!(matches!(
        check(&known, &header(1, 4, 3, 3, 1)),
        Err(AppendError::InvalidProducerEpoch {
            found: 4,
            current: 5,
            ..
        })
    ));
    assert_eq!(check(&known, &header(1, 6, 0, 3, 1)).unwrap(), None);
    assert!(matches!(
        check(&known, &header(1, 6, 1, 3, 1)),
        Err(AppendError::OutOfOrderSequence { .. })
    ));
    // A replica takes what its leader took.
    let replicated = known.check(&header(1, 4, 9, 3, 1), None, Origin::Replication);
    assert_eq!(replicated.unwrap(), None);
}

#[test]
fn transactions_open_and_end() {
    let mut known = state(&[transactional(1, 0, 10), transactional(2, 0, 11)]);
    assert_eq!(known.first_undecided_offset(), Some(10));
    assert!(matches!(
        check(&known, &header(1, 0, 1, 12, 1)),
        Err(AppendError::InvalidTransactionState { producer_id: 1 })
    ));
    let marker = EndTxnMarker {
        coordinator_epoch: 4,
        timestamp: 2000,
    };
    known.update(&header(1, 0, -1, 12, 1), Some(&marker));
    assert_eq!(known.first_undecided_offset(), Some(11));
    let stale = EndTxnMarker {
        coordinator_epoch: 3,
        ..marker
    };
    assert!(matches!(
        known.check(&header(1, 0, -1, 13, 1), Some(&stale), Origin::Coordinator),
        Err(AppendError::TransactionCoordinatorFenced {
            found: 3,
            current: 4
        })
    ));
}

#[test]
fn idle_producers_expire_unless_a_transaction_is_open() {
    let mut known = state(&[
        header(1, 0, 0, 0, 1),
        transactional(2, 0, 1),
        header(3, 0, 0, 500, 1),
    ]);
    known.expire(1600, 600);
    let mut left: Vec<i64> = known.entries().map(|(id, _)| id).collect();
    left.sort_unstable();
    assert_eq!(left, [2, 3]);
}

#[test]
fn the_number_of_producers_is_bounded() {
    let mut known = ProducerState::new(0);
    let template = header(1, 0, 0, 0, 1);
    for i in 0..=MAX_PRODUCERS as i64 {
        let mut header = template;
        header.producer_id = i;
        header.max_timestamp = i;
        known.update(&header, None);
    }
    assert!(known.entries().len() <= MAX_PRODUCERS);
    assert!(known.producers.contains_key(&(MAX_PRODUCERS as i64)));
    assert!(!known.producers.contains_key(&0));
}

#[test]
fn a_snapshot_keeps_the_last_batch_of_each_producer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let mut known = state(&[
        header(1, 2, 0, 0, 5),
        header(1, 2, 5, 5, 1),
        transactional(2, 0, 6),
    ]);
    std::fs::write(&path, producer_snapshot::encode(&known)).unwrap();
    let read = producer_snapshot::read(&path, 7).unwrap();
    known.producers.get_mut(&1).unwrap().batches.pop_front();
    for entry in known.producers.values_mut() {
        entry.has_forgotten = true;
    }
    assert_eq!(read.producers, known.producers);
    assert_eq!(read.ongoing, known.ongoing);
    assert_eq!(read.end_offset(), 7);

    let good = producer_snapshot::encode(&known);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(producer_snapshot::read(&path, 7).is_err(), "byte {at}");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(producer_snapshot::read(&path, 7).is_err(), "cut at {at}");
    }
}
