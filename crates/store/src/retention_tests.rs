use crate::test_support::*;
use crate::{Log, LogConfig, ReadError};

fn filled(dir: &std::path::Path, config: LogConfig) -> Log {
    let log = open(dir, config);
    for i in 0..50 {
        append(&log, batch(NOW_MS + i, 2, 40));
    }
    log.sync().unwrap();
    log
}

fn config(change: impl Fn(&mut LogConfig)) -> LogConfig {
    let mut config = small_segments();
    change(&mut config);
    config
}

#[test]
fn old_segments_go_by_size() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(
        &dir.path().join("t-0"),
        config(|c| c.retention_bytes = 2500),
    );
    let before = log.size_bytes();
    assert!(before > 5000);
    assert!(log.apply_retention(NOW_MS, 100).unwrap() > 0);
    let segment_bytes = 1000;
    assert!((2500..2500 + segment_bytes).contains(&log.size_bytes()));
    assert_eq!(read_all(&log, log.log_start()).last(), Some(&(98, 99)));
    assert!(matches!(
        log.read(0, 1, 100, true),
        Err(ReadError::OutOfRange { offset: 0, .. })
    ));
}

#[test]
fn old_segments_go_by_time_the_active_one_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = filled(&path, config(|c| c.retention_ms = 1000));
    assert_eq!(log.apply_retention(NOW_MS + 1000, 100).unwrap(), 0);
    let count = log.segment_count();
    assert_eq!(log.apply_retention(NOW_MS + 1050, 100).unwrap(), count);
    assert_eq!(
        (log.log_start(), log.log_end(), log.segment_count()),
        (100, 100, 1)
    );
    assert_eq!(append(&log, batch(NOW_MS + 1050, 1, 40)).base_offset, 100);

    let deleted = |names: Vec<String>| names.iter().filter(|n| n.ends_with(".deleted")).count();
    assert!(deleted(file_names(&path)) >= count * 3);
    log.purge(NOW_MS + 1050 + 59_999).unwrap();
    assert!(deleted(file_names(&path)) >= count * 3);
    log.purge(NOW_MS + 1050 + 60_000).unwrap();
    assert_eq!(deleted(file_names(&path)), 0);
}

#[test]
fn nothing_at_or_above_the_bound_goes() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(&dir.path().join("t-0"), config(|c| c.retention_ms = 1));
    assert_eq!(log.apply_retention(i64::MAX, 0).unwrap(), 0);
    log.apply_retention(i64::MAX, 50).unwrap();
    assert!(log.log_start() > 0 && log.log_start() <= 50);
}

#[test]
fn deleted_records_are_out_of_range_and_their_segments_go_whatever_the_policy() {
    let dir = tempfile::tempdir().unwrap();
    let compacted = config(|c| {
        c.cleanup_delete = false;
        c.retention_ms = 1;
    });
    let log = filled(&dir.path().join("t-0"), compacted);
    assert_eq!(log.apply_retention(i64::MAX, 100).unwrap(), 0);
    assert_eq!(log.delete_records_before(31).unwrap(), 31);
    assert_eq!(log.delete_records_before(30).unwrap(), 31);
    assert!(log.delete_records_before(101).is_err());
    assert!(log.apply_retention(NOW_MS, 100).unwrap() > 0);
    assert_eq!(log.log_start(), 31);
    assert_eq!(read_all(&log, 31)[0], (30, 31));
    assert!(log.read(30, 1, 100, true).is_err());
}

#[test]
fn a_reader_keeps_what_retention_deletes() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(&dir.path().join("t-0"), config(|c| c.retention_ms = 1));
    let payload = log.read(0, u32::MAX, 100, true).unwrap();
    let before = payload.clone().into_bytes().unwrap();
    log.apply_retention(i64::MAX, 100).unwrap();
    log.purge(i64::MAX).unwrap();
    assert_eq!(payload.into_bytes().unwrap(), before);
}
