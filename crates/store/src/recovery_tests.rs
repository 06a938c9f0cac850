use std::fs;
use std::path::PathBuf;

use crate::test_support::*;
use crate::{Checkpoint, Log, LogConfig, Origin};

fn log_file(dir: &std::path::Path, base_offset: i64) -> PathBuf {
    dir.join(format!("{base_offset:020}.log"))
}

fn base_offsets(dir: &std::path::Path) -> Vec<i64> {
    let names = file_names(dir);
    let logs = names.iter().filter_map(|name| name.strip_suffix(".log"));
    logs.map(|digits| digits.parse().unwrap()).collect()
}

fn open_at(dir: &std::path::Path, config: LogConfig, recovery_point: i64) -> Log {
    let checkpoint = Checkpoint {
        recovery_point,
        log_start: 0,
        clean: false,
    };
    Log::open(dir, options(config), checkpoint, NOW_MS).unwrap()
}

/// What an index must say however it came about.
fn indexes(dir: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let names = file_names(dir);
    let indexes = names.into_iter().filter(|name| name.ends_with("index"));
    indexes
        .map(|name| {
            let bytes = fs::read(dir.join(&name)).unwrap();
            (name, bytes)
        })
        .collect()
}

/// What is found where an append did not come to its end.
#[derive(Debug, Clone, Copy)]
enum Tail {
    Nothing,
    /// The length reached the disk before the bytes did.
    Zeros,
    Garbage,
    /// Only what ends the batch is missing: later ones, of the same write or of another, reached the disk.
    Hole,
}

impl Tail {
    const ALL: [Self; 4] = [Self::Nothing, Self::Zeros, Self::Garbage, Self::Hole];

    /// `whole` torn at `cut`, inside of a batch that ends at `batch_end`.
    fn of(self, whole: &[u8], cut: usize, batch_end: usize) -> Vec<u8> {
        let (mut torn, rest) = (whole[..cut].to_vec(), &whole[cut..]);
        match self {
            Self::Nothing => {}
            Self::Zeros => torn.resize(whole.len(), 0),
            Self::Garbage => torn.extend(rest.iter().chain(&[0; 100]).map(|byte| byte ^ 0xa5)),
            Self::Hole => {
                torn.resize(batch_end, 0);
                torn.extend(&whole[batch_end..]);
            }
        }
        torn
    }
}

/// Every codec and several sizes. Answers the recovery point, below which nothing will be torn.
fn write_mixed(path: &std::path::Path, config: LogConfig) -> i64 {
    use format::Compression::{Gzip, Lz4, None, Snappy, Zstd};
    let log = open(path, config);
    append(&log, batch(NOW_MS, 3, 10));
    append(&log, coded_batch(Gzip, 0, 2, 30));
    append(&log, coded_batch(Snappy, 2, 1, 5));
    let recovery_point = log.checkpoint().unwrap();
    append(&log, coded_batch(Zstd, 3, 7, 60));
    append(&log, coded_batch(None, 10, 2, 80));
    append(&log, coded_batch(Lz4, 12, 5, 25));
    recovery_point
}

/// At each byte of the last three batches, whatever is behind it, and whether or not indexes lead there.
#[test]
fn a_torn_tail_is_cut_at_the_last_whole_batch() {
    let dir = fast_dir();
    let path = dir.path().join("t-0");
    let config = LogConfig {
        index_interval_bytes: 1,
        ..LogConfig::default()
    };
    let checkpointed = write_mixed(&path, config.clone());
    let kept = files(&path);
    let bytes = fs::read(log_file(&path, 0)).unwrap();
    let sound: Vec<_> = format::batches(&bytes).map(Result::unwrap).collect();
    let ranges: Vec<_> = sound
        .iter()
        .map(|batch| (batch.header.base_offset, batch.header.last_offset()))
        .collect();
    let (_, last_three) = sound.split_at(sound.len() - 3);
    let mut cut_off = 0;
    for torn_batch in last_three {
        let end = torn_batch.position + torn_batch.bytes.len();
        for (cut, tail) in
            (torn_batch.position..end).flat_map(|cut| Tail::ALL.map(|tail| (cut, tail)))
        {
            let torn = tail.of(&bytes, cut, end);
            // Zeros may be what was to be written.
            let is_whole = |batch: &&format::Batch<'_>| {
                torn.get(batch.position..batch.position + batch.bytes.len()) == Some(batch.bytes)
            };
            let whole = sound.iter().take_while(is_whole).count();
            let kept_bytes: usize = sound[..whole].iter().map(|batch| batch.bytes.len()).sum();
            cut_off += usize::from(whole < sound.len());
            for recovery_point in [0, checkpointed] {
                let case = format!("{tail:?} from {cut} on, recovery point {recovery_point}");
                let copy = dir.path().join("copy-0");
                lay(&copy, &kept);
                fs::write(log_file(&copy, 0), &torn).unwrap();
                let (log, said) = logged(|| open_at(&copy, config.clone(), recovery_point));
                let log_end = ranges[whole - 1].1 + 1;
                assert_eq!(
                    (log.log_end(), log.durable_end()),
                    (log_end, log_end),
                    "{case}"
                );
                assert_eq!(read_all(&log, 0), ranges[..whole], "{case}");
                assert!(
                    fs::read(log_file(&copy, 0)).unwrap() == bytes[..kept_bytes],
                    "{case}"
                );
                let place = format!("copy-0/00000000000000000000.log position={kept_bytes} ");
                let is_named = said.iter().any(|line| line.contains(&place));
                assert_eq!(is_named, torn.len() > kept_bytes, "{case}: {said:?}");
                for (at, torn_off) in last_three.iter().enumerate() {
                    let again = append(&log, torn_off.bytes.to_vec());
                    assert_eq!(again.duplicate, at + 3 < whole, "{case}");
                    assert_eq!(again.base_offset, torn_off.header.base_offset, "{case}");
                }
            }
        }
    }
    assert!(cut_off > 1000, "{cut_off} tails were torn");
}

#[test]
fn segments_after_a_damaged_one_are_set_aside_but_for_empty_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, small_segments());
    for _ in 0..50 {
        append(&log, batch(NOW_MS, 2, 40));
    }
    log.roll(NOW_MS).unwrap();
    drop(log);
    let bases = base_offsets(&path);
    let (empty, behind) = bases[3..].split_last().unwrap();
    assert_eq!(fs::metadata(log_file(&path, *empty)).unwrap().len(), 0);
    let behind: Vec<_> = behind
        .iter()
        .map(|base| fs::read(log_file(&path, *base)).unwrap())
        .collect();
    let mut bytes = fs::read(log_file(&path, bases[2])).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(log_file(&path, bases[2]), bytes).unwrap();

    let log = open_at(&path, small_segments(), 0);
    assert_eq!(base_offsets(&path), bases[..3]);
    let names = file_names(&path);
    let aside = names.iter().filter(|name| name.ends_with(".stray"));
    let aside: Vec<_> = aside
        .map(|name| fs::read(path.join(name)).unwrap())
        .collect();
    assert_eq!(aside, behind);
    assert_eq!(log.log_end(), bases[3] - 2, "short of the damaged batch");
    append(&log, batch(NOW_MS, 1, 10));
    assert_eq!(
        read_all(&log, 0).last(),
        Some(&(bases[3] - 2, bases[3] - 2))
    );
}

#[test]
fn segments_below_the_recovery_point_are_not_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, small_segments());
    for _ in 0..50 {
        append(&log, batch(NOW_MS, 2, 40));
    }
    let recovery_point = log.checkpoint().unwrap();
    assert_eq!(recovery_point, 100);
    append(&log, batch(NOW_MS, 2, 40));
    drop(log);
    let bases = base_offsets(&path);
    let mut bytes = fs::read(log_file(&path, bases[2])).unwrap();
    bytes[70] ^= 1;
    fs::write(log_file(&path, bases[2]), bytes).unwrap();
    let log = open_at(&path, small_segments(), recovery_point);
    assert_eq!(log.log_end(), 102);
    assert_eq!(base_offsets(&path), bases);
}

#[test]
fn the_largest_timestamp_of_a_checkpointed_log_survives_an_unclean_stop() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS - 7_200_000, 3, 6_000));
    append(&log, batch(NOW_MS, 3, 10));
    let recovery_point = log.checkpoint().unwrap();
    assert_eq!(recovery_point, log.log_end());
    drop(log);
    let log = open_at(&path, LogConfig::default(), recovery_point);
    let found = log.offset_for_timestamp(NOW_MS).unwrap();
    assert_eq!(found.map(|found| found.offset), Some(3));
    let config = LogConfig {
        retention_ms: 3_600_000,
        ..LogConfig::default()
    };
    log.set_config(config);
    log.apply_retention(NOW_MS + 1, log.log_end()).unwrap();
    assert_eq!(log.log_start(), 0);
}

#[test]
fn recovery_resumes_inside_a_segment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let config = LogConfig {
        index_interval_bytes: 100,
        ..LogConfig::default()
    };
    let log = open(&path, config.clone());
    for i in 0..100 {
        append(&log, batch(NOW_MS + i, 1, 40));
    }
    let recovery_point = log.checkpoint().unwrap();
    for i in 100..150 {
        append(&log, batch(NOW_MS + i, 1, 40));
    }
    let copy = dir.path().join("t-1");
    log.close().unwrap();
    let expected = indexes(&path);
    copy_dir(&path, &copy);
    // What the last index entries pointed to is lost, and damage far below is not looked at.
    let mut bytes = fs::read(log_file(&copy, 0)).unwrap();
    bytes[70] ^= 1;
    fs::write(log_file(&copy, 0), &bytes).unwrap();
    let log = open_at(&copy, config.clone(), recovery_point);
    assert_eq!(log.log_end(), 150);
    assert_eq!(indexes(&copy), expected);
    drop(log);
    let log = open_at(&copy, config, 0);
    assert_eq!(
        log.log_end(),
        0,
        "the whole segment is looked at without a recovery point"
    );
}

#[test]
fn lost_and_wrong_indexes_are_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let config = LogConfig {
        segment_bytes: 5000,
        index_interval_bytes: 100,
        ..LogConfig::default()
    };
    let log = open(&path, config.clone());
    for i in 0..200 {
        append(&log, batch(NOW_MS + i, 1, 40));
    }
    log.close().unwrap();
    let end = log.log_end();
    let all = read_all(&log, 0);
    drop(log);
    let expected = indexes(&path);
    assert!(expected.len() >= 6);
    for damage in ["missing", "torn", "garbage"] {
        for clean in [true, false] {
            let copy = dir.path().join(format!("{damage}-{clean}"));
            copy_dir(&path, &copy);
            for (name, bytes) in &expected {
                let at = copy.join(name);
                match damage {
                    "missing" => fs::remove_file(at).unwrap(),
                    "torn" => fs::write(at, &bytes[..bytes.len() - 3]).unwrap(),
                    _ => fs::write(at, vec![0x7f; bytes.len()]).unwrap(),
                }
            }
            let log = if clean {
                open_clean(&copy, config.clone(), end)
            } else {
                open_at(&copy, config.clone(), 0)
            };
            assert_eq!(log.log_end(), end, "{damage} {clean}");
            assert_eq!(read_all(&log, 0), all, "{damage} {clean}");
            if !clean || damage == "missing" {
                log.close().unwrap();
                assert_eq!(indexes(&copy), expected, "{damage} {clean}");
            }
        }
    }
}

#[test]
fn a_clean_shutdown_is_trusted_and_complete() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, small_segments());
    log.start_epoch(0);
    for i in 0..50 {
        append(&log, idempotent_batch(5, 0, i * 2, 2));
    }
    log.close().unwrap();
    let (end, all) = (log.log_end(), read_all(&log, 0));
    assert_eq!(log.recovery_point(), end);
    drop(log);
    let before = file_names(&path);
    let log = open_clean(&path, small_segments(), end);
    assert_eq!(file_names(&path), before);
    assert_eq!((log.log_end(), log.durable_end()), (end, end));
    assert_eq!(read_all(&log, 0), all);
    assert_eq!(log.latest_epoch(), Some(0));
    assert!(append(&log, idempotent_batch(5, 0, 98, 2)).duplicate);
    let next = append(&log, idempotent_batch(5, 0, 100, 2));
    assert_eq!(next.base_offset, end);
}

#[test]
fn lost_leader_epochs_and_snapshots_are_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, small_segments());
    for epoch in 1..=3 {
        log.start_epoch(epoch);
        for i in 0..10 {
            let mut records = idempotent_batch(i64::from(epoch), 0, i * 2, 2);
            let mut args = args(Origin::Client);
            args.leader_epoch = epoch;
            log.append(&mut records, args).unwrap();
        }
    }
    log.close().unwrap();
    let end = log.log_end();
    drop(log);
    for name in file_names(&path) {
        if name.ends_with(".snapshot") {
            fs::write(path.join(name), b"damaged").unwrap();
        }
    }
    fs::write(path.join("leader-epoch-checkpoint"), b"damaged").unwrap();
    let log = open_at(&path, small_segments(), end);
    assert_eq!(log.end_offset_for_epoch(1), Some((1, 20)));
    assert_eq!(log.end_offset_for_epoch(2), Some((2, 40)));
    assert_eq!(log.latest_epoch(), Some(3));
    for producer_id in 1..=3 {
        assert!(append(&log, idempotent_batch(producer_id, 0, 18, 2)).duplicate);
    }
}

#[test]
fn leftovers_are_cleared_and_swaps_completed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, small_segments());
    for _ in 0..50 {
        append(&log, batch(NOW_MS, 2, 40));
    }
    log.close().unwrap();
    let all = read_all(&log, 0);
    drop(log);
    let bases = base_offsets(&path);
    // A compaction that has made its new segment replace the first two, but not yet removed them.
    let mut merged = fs::read(log_file(&path, bases[0])).unwrap();
    merged.extend(fs::read(log_file(&path, bases[1])).unwrap());
    let swap = path.join(format!("{:020}.log.swap", bases[0]));
    fs::write(&swap, merged).unwrap();
    fs::write(path.join(format!("{:020}.log.deleted", bases[1])), b"x").unwrap();
    fs::write(path.join(format!("{:020}.log.cleaned", bases[4])), b"x").unwrap();
    fs::write(path.join(format!("{:020}.log.swap", bases[4])), b"x").unwrap();

    let log = open_clean(&path, small_segments(), 100);
    let mut expected = bases.clone();
    expected.remove(1);
    assert_eq!(base_offsets(&path), expected);
    assert_eq!(read_all(&log, 0), all);
    let left = file_names(&path);
    assert!(
        left.iter()
            .all(|name| !name.contains(".swap") && !name.ends_with("ed")),
        "{left:?}"
    );
}

#[test]
fn a_log_that_ends_before_its_start_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS, 2, 40));
    drop(log);
    let checkpoint = Checkpoint {
        recovery_point: 10,
        log_start: 10,
        clean: false,
    };
    let log = Log::open(&path, options(LogConfig::default()), checkpoint, NOW_MS).unwrap();
    assert_eq!((log.log_start(), log.log_end()), (10, 10));
    assert_eq!(append(&log, batch(NOW_MS, 1, 40)).base_offset, 10);
    assert_eq!(base_offsets(&path), [10]);
}

#[test]
fn a_failed_fsync_of_an_index_is_final() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS, 3, 10));
    let index = path.join("00000000000000000000.timeindex");
    std::fs::remove_file(&index).unwrap();
    // Takes what is written and cannot be fsynced.
    std::os::unix::fs::symlink("/dev/null", &index).unwrap();
    log.checkpoint().unwrap_err();
    std::fs::remove_file(&index).unwrap();
    std::fs::write(&index, []).unwrap();
    assert!(
        log.failed(),
        "the next fsync would succeed, and prove nothing"
    );
    log.checkpoint().unwrap_err();
    assert_eq!(log.recovery_point(), 0);
}

#[test]
fn what_heals_does_not_fail_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, LogConfig::default());
    append(&log, batch(NOW_MS, 3, 10));
    let away = dir.path().join("away");
    std::fs::rename(&path, &away).unwrap();
    log.checkpoint().unwrap_err();
    assert!(!log.failed());
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(log.checkpoint().unwrap(), 3);
}

/// What a topic that was compacted once, and is not any more, leaves: gaps anywhere, and no checkpoint to go by.
#[test]
fn gaps_of_an_earlier_compaction_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let log = open(&path, small_segments());
    for offset in [0, 2, 3, 7, 9, 12, 20, 21, 30, 44] {
        let mut records = batch(NOW_MS, 1, 300);
        format::set_base_offset(&mut records, offset).unwrap();
        log.append(&mut records, args(Origin::Replication)).unwrap();
    }
    let kept = read_all(&log, 0);
    assert!(kept.len() == 10 && log.segment_count() > 3);
    log.close().unwrap();
    drop(log);
    for file in std::fs::read_dir(&path).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|kind| kind == "index") {
            std::fs::remove_file(file).unwrap();
        }
    }
    assert_eq!(read_all(&open_clean(&path, small_segments(), 45), 0), kept);
    assert_eq!(read_all(&open(&path, small_segments()), 0), kept);
}
