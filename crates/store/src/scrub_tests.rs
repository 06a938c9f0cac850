use std::fs;
use std::path::{Path, PathBuf};

use super::Damage;
use crate::test_support::*;
use crate::{ActiveProducer, Checkpoint, Log, LogConfig};

/// Small enough to flip every bit of, with several segments, leader epochs and producers.
fn write(path: &Path) -> i64 {
    let log = open(path, config());
    for round in 0..6 {
        log.start_epoch(round);
        let mut records = idempotent_batch(7, 0, round * 2, 2);
        let mut args = args(crate::Origin::Client);
        args.leader_epoch = round;
        log.append(&mut records, args).unwrap();
        let mut records = batch(NOW_MS + i64::from(round), 2, 40);
        log.append(&mut records, args).unwrap();
    }
    log.close().unwrap();
    log.recovery_point()
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 600,
        index_interval_bytes: 1,
        retention_ms: -1,
        ..LogConfig::default()
    }
}

fn scrub(log: &Log) -> Vec<Damage> {
    log.scrub(&mut |_| true).unwrap()
}

/// Everything that a log tells its users.
#[derive(Debug, PartialEq)]
struct Told {
    bytes: Vec<u8>,
    batches: Vec<(i64, i64)>,
    by_offset: Vec<Vec<(i64, i64)>>,
    by_time: Vec<Option<(i64, i64)>>,
    epochs: Vec<Option<(i32, i64)>>,
    producers: Vec<ActiveProducer>,
}

fn told(log: &Log) -> Told {
    let end = log.log_end();
    let mut bytes = Vec::new();
    let mut from = log.log_start();
    while from < end {
        let payload = log.read(from, u32::MAX, i64::MAX, true).unwrap();
        let read = payload.into_bytes().unwrap();
        let last = format::batches(&read).last().unwrap().unwrap();
        from = last.header.next_offset();
        bytes.extend_from_slice(&read);
    }
    let found = |timestamp| {
        let found = log.offset_for_timestamp(timestamp).unwrap();
        found.map(|found| (found.timestamp, found.offset))
    };
    Told {
        bytes,
        batches: read_all(log, log.log_start()),
        by_offset: (0..end).map(|offset| read(log, offset, 1)).collect(),
        by_time: (-1..8).map(|after| found(NOW_MS + after)).collect(),
        epochs: (0..8)
            .map(|epoch| log.end_offset_for_epoch(epoch))
            .collect(),
        producers: log.producers(),
    }
}

#[test]
fn a_sound_log_has_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let recovery_point = write(&path);
    let log = open_clean(&path, config(), recovery_point);
    assert!(log.segment_count() > 2);
    assert_eq!(scrub(&log), []);
    let mut args = args(crate::Origin::Client);
    args.leader_epoch = 9;
    log.append(&mut batch(NOW_MS + 100, 3, 10), args).unwrap();
    assert_eq!(scrub(&log), []);
    let mut bytes = 0;
    log.scrub(&mut |more| {
        bytes += more;
        true
    })
    .unwrap();
    assert_eq!(bytes, log.size_bytes());
    assert_eq!(log.scrub(&mut |_| false).unwrap(), []);
}

/// The files of a log, each with how many bytes it has.
fn files(path: &Path) -> Vec<(PathBuf, usize)> {
    let names = file_names(path).into_iter();
    names
        .map(|name| {
            let size_bytes = fs::metadata(path.join(&name)).unwrap().len() as usize;
            (PathBuf::from(name), size_bytes)
        })
        .collect()
}

fn log_names(path: &Path) -> Vec<String> {
    let names = file_names(path).into_iter();
    names.filter(|name| name.ends_with(".log")).collect()
}

/// An entry out of order makes its neighbour look wrong.
const NEAR_BYTES: usize = 12;

fn flip(file: &Path, bit: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(file, bytes).unwrap();
}

/// One flipped bit at a time, in each byte of each file, under a log that is trusted because it was closed: the scrub
/// names the file and a place near the bit, or nobody can tell the difference.
#[test]
fn a_flipped_bit_is_named_or_means_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let recovery_point = write(&path);
    let sound = told(&open_clean(&path, config(), recovery_point));
    let end = sound.batches.last().unwrap().1 + 1;
    let last = log_names(&path).pop().unwrap();
    let mut named = 0;
    for (name, size_bytes) in files(&path) {
        for at in 0..size_bytes {
            let bit = at * 8 + at % 8;
            let copy = dir.path().join("copy-0");
            let _ = fs::remove_dir_all(&copy);
            copy_dir(&path, &copy);
            flip(&copy.join(&name), bit);
            let checkpoint = Checkpoint {
                recovery_point,
                log_start: 0,
                clean: true,
            };
            let case = format!("{} bit {bit}", name.display());
            let log = match Log::open(&copy, options(config()), checkpoint, NOW_MS) {
                Ok(log) => log,
                Err(error) => {
                    assert!(error.to_string().contains("copy-0"), "{case}: {error}");
                    continue;
                }
            };
            if log.log_end() < end && name == Path::new(&last) {
                // The end of the log is looked for at each start, and a batch that hides it is cut off with a warning.
                continue;
            }
            let found = scrub(&log);
            let is_named = found.iter().any(|damage| {
                damage.path.ends_with(&name) && damage.position <= (at + NEAR_BYTES) as u64
            });
            named += usize::from(is_named);
            let is_epochs = name == Path::new("leader-epoch-checkpoint") && !found.is_empty();
            if !is_named && !is_epochs {
                assert_eq!(told(&log), sound, "{case}: {found:?}");
            }
        }
    }
    assert!(named > 500, "{named} flips were named");
}

/// After a crash nothing above the recovery point is trusted: a log with a flipped bit opens, ends at a good batch, and
/// what it has is what was written, with indexes that lead there.
#[test]
fn recovery_survives_a_flipped_bit_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    write(&path);
    let sound = told(&open_clean(&path, config(), 0));
    for (name, size_bytes) in files(&path) {
        // Each byte of a header by some batch; all of them would take a minute of fsyncs.
        for at in (0..size_bytes).step_by(13) {
            let copy = dir.path().join("copy-0");
            let _ = fs::remove_dir_all(&copy);
            copy_dir(&path, &copy);
            flip(&copy.join(&name), at * 8 + at % 8);
            let opened = Log::open(&copy, options(config()), Checkpoint::UNKNOWN, NOW_MS);
            let log =
                opened.unwrap_or_else(|error| panic!("{} byte {at}: {error}", name.display()));
            let batches = read_all(&log, log.log_start());
            if name.extension().is_none_or(|extension| extension != "log") {
                assert_eq!(batches, sound.batches, "{} byte {at}", name.display());
            }
            append(&log, batch(NOW_MS + 50, 1, 1));
        }
    }
}
