use crate::test_support::*;
use crate::{AppendError, Durability, Log, LogConfig, Origin, ReadError};

#[test]
fn appends_and_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), LogConfig::default());
    assert_eq!((log.log_start(), log.log_end()), (0, 0));
    let first = append(&log, batch(NOW_MS, 3, 10));
    assert_eq!((first.base_offset, first.last_offset), (0, 2));
    append(&log, batch(NOW_MS, 1, 10));
    append(&log, batch(NOW_MS, 2, 10));
    assert_eq!(log.log_end(), 6);
    assert_eq!(read(&log, 0, u32::MAX), [(0, 2), (3, 3), (4, 5)]);
    assert_eq!(read(&log, 1, u32::MAX), [(0, 2), (3, 3), (4, 5)]);
    assert_eq!(read(&log, 5, u32::MAX), [(4, 5)]);
    assert_eq!(read(&log, 6, u32::MAX), []);
    assert!(matches!(
        log.read(7, 1, 7, true),
        Err(ReadError::OutOfRange {
            offset: 7,
            log_start: 0,
            log_end: 6
        })
    ));
}

#[test]
fn a_read_keeps_to_its_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), LogConfig::default());
    let size = batch(NOW_MS, 1, 100).len() as u32;
    for _ in 0..200 {
        append(&log, batch(NOW_MS, 1, 100));
    }
    for (max_bytes, at_least_one, expected) in [
        (0, true, 1),
        (0, false, 0),
        (size - 1, true, 1),
        (size - 1, false, 0),
        (size, false, 1),
        (size * 2 - 1, false, 1),
        (size * 100, false, 100),
        (size * 1000, false, 190),
    ] {
        let payload = log.read(10, max_bytes, i64::MAX, at_least_one).unwrap();
        assert_eq!(payload.len() as u32, expected * size, "{max_bytes}");
    }
    for up_to in [10, 11, 60, 200] {
        let payload = log.read(10, u32::MAX, up_to, true).unwrap();
        assert_eq!(payload.len() as i64, (up_to - 10) * i64::from(size));
    }
}

#[test]
fn the_durable_end_follows_a_sync_in_fsync_mode_only() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), LogConfig::default());
    append(&log, batch(NOW_MS, 3, 10));
    assert_eq!((log.log_end(), log.durable_end()), (3, 0));
    assert_eq!(log.sync().unwrap(), 3);
    assert_eq!(log.durable_end(), 3);

    let mut options = options(LogConfig::default());
    options.durability = Durability::PageCache;
    let checkpoint = crate::Checkpoint::UNKNOWN;
    let log = Log::open(&dir.path().join("t-1"), options, checkpoint, NOW_MS).unwrap();
    append(&log, batch(NOW_MS, 3, 10));
    assert_eq!(log.durable_end(), 3);
}

#[test]
fn in_page_cache_mode_an_append_waits_for_a_sync_after_flush_messages() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(LogConfig {
        flush_messages: 5,
        ..LogConfig::default()
    });
    options.durability = Durability::PageCache;
    let checkpoint = crate::Checkpoint::UNKNOWN;
    let log = Log::open(&dir.path().join("t-0"), options, checkpoint, NOW_MS).unwrap();
    for (records, durable_end) in [(4, 4), (1, 4), (2, 4)] {
        append(&log, batch(NOW_MS, records, 10));
        assert_eq!(log.durable_end(), durable_end);
    }
    assert_eq!(log.sync().unwrap(), 7);
    assert_eq!((log.durable_end(), log.synced_end()), (7, 7));
    append(&log, batch(NOW_MS, 4, 10));
    assert_eq!((log.durable_end(), log.synced_end()), (11, 7));
}

#[test]
fn rolls_by_size_and_reads_across_segments() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), small_segments());
    for _ in 0..50 {
        append(&log, batch(NOW_MS, 2, 40));
    }
    assert!(log.segment_count() > 5);
    let expected: Vec<(i64, i64)> = (0..50).map(|i| (i * 2, i * 2 + 1)).collect();
    assert_eq!(read_all(&log, 0), expected);
    assert_eq!(log.sync().unwrap(), 100);
    assert_eq!(read_all(&log, 37), expected[18..]);
}

#[test]
fn rolls_by_time_and_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig {
        segment_ms: 1000,
        ..LogConfig::default()
    };
    let log = open(&dir.path().join("t-0"), config);
    append(&log, batch(NOW_MS, 1, 10));
    append(&log, batch(NOW_MS + 1000, 1, 10));
    assert_eq!(log.segment_count(), 1);
    append(&log, batch(NOW_MS + 1001, 1, 10));
    assert_eq!(log.segment_count(), 2);
    log.roll(NOW_MS).unwrap();
    assert_eq!(log.segment_count(), 3);
    log.roll(NOW_MS).unwrap();
    assert_eq!(log.segment_count(), 3);
    assert_eq!(log.log_end(), 3);
}

#[test]
fn refuses_what_does_not_fit_and_stays_usable() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), small_segments());
    let mut large = batch(NOW_MS, 1, 2000);
    assert!(matches!(
        log.append(&mut large, args(Origin::Client)),
        Err(AppendError::LargerThanSegment { .. })
    ));
    let mut cut_off = batch(NOW_MS, 1, 100);
    cut_off.pop();
    assert!(matches!(
        log.append(&mut cut_off, args(Origin::Client)),
        Err(AppendError::Malformed(_))
    ));
    assert!(matches!(
        log.append(&mut [], args(Origin::Client)),
        Err(AppendError::Empty)
    ));
    append(&log, batch(NOW_MS, 1, 10));
    let mut low = batch(NOW_MS, 1, 10);
    assert!(matches!(
        log.append(&mut low, args(Origin::Replication)),
        Err(AppendError::OffsetsOutOfOrder {
            expected: 1,
            found: 0
        })
    ));
    assert_eq!(read_all(&log, 0), [(0, 0)]);
}

#[test]
fn a_replica_keeps_offsets_and_epochs() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), LogConfig::default());
    let mut records = batch(NOW_MS, 2, 10);
    format::set_base_offset(&mut records, 100).unwrap();
    format::set_leader_epoch(&mut records, 7).unwrap();
    log.append(&mut records, args(Origin::Replication)).unwrap();
    assert_eq!(log.log_end(), 102);
    assert_eq!(log.latest_epoch(), Some(7));
    assert_eq!(log.leader_epoch_at(100), Some(7));
    assert_eq!(read_all(&log, 0), [(100, 101)]);
}

#[test]
fn duplicates_answer_with_the_original_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS, 5, 10));
    let first = append(&log, idempotent_batch(9, 0, 0, 3));
    append(&log, idempotent_batch(9, 0, 3, 2));
    let again = append(&log, idempotent_batch(9, 0, 0, 3));
    assert!(again.duplicate && !first.duplicate);
    assert_eq!((again.base_offset, again.last_offset), (5, 7));
    assert_eq!(log.log_end(), 10);
    drop(log);

    // The snapshot and the replayed log know it too.
    let log = open(&path, LogConfig::default());
    let again = append(&log, idempotent_batch(9, 0, 3, 2));
    assert!(again.duplicate);
    assert_eq!((again.base_offset, again.last_offset), (8, 9));
}

#[test]
fn leader_epochs_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    log.start_epoch(3);
    let mut records = batch(NOW_MS, 2, 10);
    let mut args = args(Origin::Client);
    args.leader_epoch = 3;
    log.append(&mut records, args).unwrap();
    log.start_epoch(5);
    assert_eq!(log.latest_epoch(), Some(5));
    assert_eq!(log.end_offset_for_epoch(3), Some((3, 2)));
    assert_eq!(log.end_offset_for_epoch(5), Some((5, 2)));
    assert_eq!(log.end_offset_for_epoch(9), None);
    log.close().unwrap();
    let log = open_clean(&path, LogConfig::default(), 2);
    assert_eq!(
        log.latest_epoch(),
        Some(3),
        "an epoch without a record is forgotten"
    );
}

#[test]
fn a_growing_segment_has_space_set_aside_and_gives_it_back() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let held = |base: i64| {
        let file = std::fs::metadata(path.join(format!("{base:020}.log"))).unwrap();
        (file.blocks() * 512 / 1024, file.len())
    };
    let log = open(&path, LogConfig::default());
    let size = |count: u64| batch(NOW_MS, 1, 100_000).len() as u64 * count;
    let grow = |log: &Log, count| {
        for _ in 0..count {
            append(log, batch(NOW_MS, 1, 100_000));
        }
    };
    grow(&log, 5);
    log.sync().unwrap();
    assert!(held(0).0 < 1024, "a small log has none");
    grow(&log, 15);
    log.sync().unwrap();
    let (kib, len) = held(0);
    assert!(kib > 2048 && kib <= 4096 + 64, "{kib} KiB");
    assert_eq!(len, size(20), "the file does not look longer");
    drop(log);

    // As after SIGKILL: what was set aside is not lost for good.
    let log = open(&path, LogConfig::default());
    assert!(held(0).0 < 2048 && held(0).1 == size(20), "{:?}", held(0));
    grow(&log, 10);
    log.roll(NOW_MS).unwrap();
    assert!(held(0).0 < 3072 && held(0).1 == size(30), "{:?}", held(0));
    grow(&log, 20);
    log.close().unwrap();
    assert!(
        held(30).0 < 2048 && held(30).1 == size(20),
        "{:?}",
        held(30)
    );
}
