use crate::test_support::*;
use crate::{LogConfig, Origin};

#[test]
fn drops_the_batches_from_an_offset_on() {
    let dir = tempfile::tempdir().unwrap();
    for offset in 0..=60 {
        let path = dir.path().join(format!("t-{offset}"));
        let log = open(&path, small_segments());
        for i in 0..30 {
            append(&log, batch(NOW_MS + i, 2, 40));
        }
        log.sync().unwrap();
        assert_eq!(log.truncate_to(offset, NOW_MS).unwrap(), offset < 60);
        let end = offset / 2 * 2;
        let expected: Vec<(i64, i64)> = (0..end / 2).map(|i| (i * 2, i * 2 + 1)).collect();
        assert_eq!((log.log_end(), log.durable_end()), (end, end));
        assert_eq!(read_all(&log, 0), expected);
        append(&log, batch(NOW_MS, 2, 40));
        assert_eq!(read_all(&log, 0).len(), expected.len() + 1);
        let latest = log.offset_of_max_timestamp().unwrap().unwrap();
        assert_eq!(latest.timestamp, NOW_MS + (end / 2 - 1).max(0));
        log.close().unwrap();
        drop(log);
        let log = open(&path, small_segments());
        assert_eq!(log.log_end(), end + 2);
    }
}

#[test]
fn a_reader_keeps_what_truncation_cuts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    for _ in 0..100 {
        append(&log, batch(NOW_MS, 1, 1000));
    }
    let held = log.read(0, u32::MAX, 100, true).unwrap();
    let mapped = held.clone().into_bytes().unwrap();
    let before = mapped.to_vec();
    log.truncate_to(50, NOW_MS).unwrap();
    for _ in 0..60 {
        append(&log, batch(NOW_MS + 1, 1, 900));
    }
    assert_eq!(mapped, before);
    assert_eq!(held.into_bytes().unwrap(), before);
    assert_eq!(read_all(&log, 0).len(), 110);
    log.sync().unwrap();
    drop(log);
    assert_eq!(read_all(&open(&path, LogConfig::default()), 0).len(), 110);
}

#[test]
fn epochs_and_producers_are_as_if_the_rest_had_never_been() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), small_segments());
    for epoch in 0..10 {
        let mut args = args(Origin::Client);
        args.leader_epoch = epoch;
        let mut records = idempotent_batch(1, 0, epoch * 2, 2);
        log.append(&mut records, args).unwrap();
    }
    log.truncate_to(10, NOW_MS).unwrap();
    assert_eq!(log.latest_epoch(), Some(4));
    assert!(append(&log, idempotent_batch(1, 0, 8, 2)).duplicate);
    let next = append(&log, idempotent_batch(1, 0, 10, 2));
    assert_eq!((next.base_offset, next.duplicate), (10, false));
}

#[test]
fn starts_anew_at_any_offset() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, small_segments());
    for start in [500, 20, 20] {
        append(&log, batch(NOW_MS, 2, 40));
        log.sync().unwrap();
        log.truncate_fully_and_start_at(start, NOW_MS).unwrap();
        assert_eq!(
            (log.log_start(), log.log_end(), log.durable_end()),
            (start, start, start)
        );
        assert_eq!(append(&log, batch(NOW_MS, 2, 40)).base_offset, start);
        assert_eq!(read_all(&log, start), [(start, start + 1)]);
        log.sync().unwrap();
    }
    assert_eq!(
        file_names(&path)
            .iter()
            .filter(|name| name.ends_with(".log"))
            .count(),
        1
    );
}
