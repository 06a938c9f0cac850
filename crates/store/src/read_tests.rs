use std::fs::File;
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::*;
use crate::LogConfig;
use crate::test_support::{NOW_MS, append, batch, open, small_segments};

fn find(
    log: &Log,
    from: i64,
    max_bytes: u32,
    up_to: i64,
    reach: Reach,
) -> Result<Found, ReadError> {
    log.find(&ReadArgs {
        from,
        max_bytes,
        up_to,
        at_least_one: false,
        reach,
    })
}

/// Has the page cache forget the files that end in `suffix`.
fn forget(dir: &Path, suffix: &str) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().ends_with(suffix) {
            let file = File::open(path).unwrap();
            file.sync_all().unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        }
    }
}

/// A log of 1,000 batches in a segment that has ended, each in the index.
fn densely_indexed(path: &Path) -> Log {
    let config = LogConfig {
        index_interval_bytes: 100,
        ..LogConfig::default()
    };
    let log = open(path, config);
    for _ in 0..1000 {
        append(&log, batch(NOW_MS, 1, 100));
    }
    log.roll(NOW_MS).unwrap();
    log
}

/// A directory of the file system that has been built on: others may be in memory altogether.
fn dir_on_a_disk() -> tempfile::TempDir {
    let built = std::env::current_exe().unwrap();
    tempfile::tempdir_in(built.parent().unwrap()).unwrap()
}

#[test]
fn tells_whether_more_follows() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), small_segments());
    let size = batch(NOW_MS, 1, 100).len() as u32;
    for _ in 0..20 {
        append(&log, batch(NOW_MS, 1, 100));
    }
    let per_segment = 1000 / i64::from(size);
    let more = |from, max_bytes, up_to| {
        let found = find(&log, from, max_bytes, up_to, Reach::Disk).unwrap();
        (found.payload.len() as u32 / size, found.more)
    };
    assert_eq!(more(0, size * 2, 20), (2, true), "cut at its size");
    assert_eq!(
        more(0, size * 2, 2),
        (2, false),
        "that is all below the bound"
    );
    assert_eq!(more(0, size - 1, 20), (0, true), "not even one fits");
    assert_eq!(more(0, 0, 20), (0, true));
    assert_eq!(more(20, size, 20), (0, false), "at the end");
    let rest = per_segment - 1;
    assert_eq!(
        more(1, u32::MAX, 20),
        (rest as u32, true),
        "the next segment has more"
    );
    assert_eq!(more(1, u32::MAX, per_segment), (rest as u32, false));
    log.roll(NOW_MS).unwrap();
    assert_eq!(
        more(19, u32::MAX, 20),
        (1, false),
        "an empty segment has not"
    );
}

#[test]
fn what_is_not_in_memory_is_not_waited_for() {
    let dir = dir_on_a_disk();
    let path = dir.path().join("t-0");
    let log = densely_indexed(&path);
    let read = |reach| find(&log, 500, 1000, 1000, reach);
    for suffix in [".log", ".index"] {
        forget(&path, suffix);
        assert!(
            matches!(read(Reach::Memory), Err(ReadError::Cold)),
            "{suffix}"
        );
        let found = read(Reach::Disk).unwrap();
        let again = read(Reach::Memory).unwrap();
        assert_eq!(found.payload.len(), again.payload.len());
        assert!(!again.payload.is_empty() && again.more);
    }
}

#[test]
fn nothing_is_looked_up_where_there_is_no_room() {
    let dir = dir_on_a_disk();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS, 1, 100));
    forget(&path, ".log");
    let found = find(&log, 0, 0, 1, Reach::Memory).unwrap();
    assert!(found.payload.is_empty() && found.more);
    assert!(matches!(
        find(&log, 2, 0, 1, Reach::Memory),
        Err(ReadError::OutOfRange { .. })
    ));
}

#[test]
fn who_reads_on_needs_no_index() {
    let dir = dir_on_a_disk();
    let path = dir.path().join("t-0");
    let log = densely_indexed(&path);
    let size = batch(NOW_MS, 1, 100).len() as u32;
    let read = |from| find(&log, from, size * 3, 1000, Reach::Memory);
    assert_eq!(read(500).unwrap().payload.len() as u32, size * 3);
    forget(&path, ".index");
    for from in [503, 506, 509] {
        assert_eq!(read(from).unwrap().payload.len() as u32, size * 3);
    }
    assert!(
        matches!(read(511), Err(ReadError::Cold)),
        "nobody's answer ended there"
    );
}

#[test]
fn a_batch_that_fills_the_answer_is_had_without_a_look_at_the_next() {
    let dir = dir_on_a_disk();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS, 1, 10_000));
    append(&log, batch(NOW_MS, 1, 10_000));
    let size = batch(NOW_MS, 1, 10_000).len() as u32;
    let file = File::options()
        .write(true)
        .open(path.join("00000000000000000000.log"))
        .unwrap();
    file.write_all_at(&[0xff; 60], u64::from(size)).unwrap();
    for max_bytes in [1, size] {
        let found = log.read(0, max_bytes, 2, true).unwrap();
        assert_eq!(found.len() as u32, size);
    }
    assert!(log.read(0, size + 1, 2, true).is_err());
}

#[test]
fn small_batches_behind_a_large_one_are_cut_by_the_index() {
    let dir = dir_on_a_disk();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS, 1, 200_000));
    for _ in 0..5_000 {
        append(&log, batch(NOW_MS, 1, 100));
    }
    let (large, small) = (batch(NOW_MS, 1, 200_000).len(), batch(NOW_MS, 1, 100).len());
    log.roll(NOW_MS).unwrap();
    forget(&path, ".index");
    for fitting in [0, 1, 3, 4, 5, 300, 4_999, 5_000] {
        for beyond in [0, small - 1] {
            let wanted = (large + fitting * small + beyond) as u32;
            let found = log.read(0, wanted, 5_001, true).unwrap();
            assert_eq!(found.len(), large + fitting * small);
        }
    }
}
