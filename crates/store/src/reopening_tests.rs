//! What is kept, and what is made durable, when a log is opened again.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use crate::test_support::*;
use crate::{Checkpoint, Log, LogConfig};

fn reopen(path: &Path, config: LogConfig, recovery_point: i64, log_start: i64) -> Log {
    let checkpoint = Checkpoint {
        recovery_point,
        log_start,
        clean: false,
    };
    Log::open(path, options(config), checkpoint, NOW_MS).unwrap()
}

/// Writes segments of several batches, and takes the last batch from the second one. Answers where that began, and the
/// log end.
fn with_a_hole(path: &Path) -> (i64, i64) {
    let log = open(path, small_segments());
    for i in 0..30 {
        append(&log, batch(NOW_MS + i, 2, 40));
    }
    log.sync().unwrap();
    let segment = log.segments.load().get(1).cloned().unwrap();
    let batches = segment.scan_from(0, segment.size_bytes()).unwrap();
    let last = batches.last().unwrap().unwrap();
    let file = fs::File::options()
        .write(true)
        .open(segment.path())
        .unwrap();
    file.set_len(u64::from(last.position)).unwrap();
    (last.header.base_offset, log.log_end())
}

#[test]
fn what_comes_behind_a_hole_between_segments_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let (hole, _) = with_a_hole(&path);
    let log = reopen(&path, small_segments(), hole - 1, 0);
    assert_eq!((log.log_end(), log.segment_count()), (hole, 2));
    assert_eq!(append(&log, batch(NOW_MS, 1, 10)).base_offset, hole);
}

#[test]
fn a_hole_that_is_no_lost_tail_is_left_alone() {
    let compacted = LogConfig {
        cleanup_compact: true,
        ..small_segments()
    };
    for (config, beyond_hole) in [(compacted, 0), (small_segments(), 1)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t-0");
        let (hole, end) = with_a_hole(&path);
        // What a recovery point vouches for was damaged later; the rest was acknowledged.
        let recovery_point = beyond_hole * (hole + 1);
        let log = reopen(&path, config, recovery_point, 0);
        assert_eq!(log.log_end(), end, "recovery point {recovery_point}");
    }
}

#[test]
fn records_below_a_log_start_beyond_the_end_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, small_segments());
    for _ in 0..20 {
        append(&log, batch(NOW_MS, 2, 40));
    }
    log.sync().unwrap();
    let mut written: Vec<Vec<u8>> = log
        .segments
        .load()
        .iter()
        .map(|segment| fs::read(segment.path()).unwrap())
        .collect();
    drop(log);
    let log = reopen(&path, small_segments(), 1_000, 1_000);
    assert_eq!((log.log_start(), log.log_end()), (1_000, 1_000));
    let mut kept: Vec<Vec<u8>> = file_names(&path)
        .iter()
        .filter(|name| name.ends_with(".stray"))
        .map(|name| fs::read(path.join(name)).unwrap())
        .collect();
    written.sort();
    kept.sort();
    assert!(written.len() > 2 && kept == written);
    drop(log);
    let log = reopen(&path, small_segments(), 1_000, 1_000);
    assert_eq!((log.log_start(), log.log_end()), (1_000, 1_000));
}

#[test]
fn the_first_sync_after_a_start_makes_the_names_of_files_durable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS, 2, 40));
    let end = log.checkpoint().unwrap();
    // As retention does to an idle log; the process ends before any sync.
    log.roll(NOW_MS).unwrap();
    drop(log);
    let log = reopen(&path, LogConfig::default(), end, 0);
    log.sync().unwrap();
    assert!(
        log.dir_dirty.load(Ordering::Acquire),
        "nothing is new that an idle log would have to sync"
    );
    append(&log, batch(NOW_MS, 2, 40));
    log.sync().unwrap();
    assert!(!log.dir_dirty.load(Ordering::Acquire));
}
