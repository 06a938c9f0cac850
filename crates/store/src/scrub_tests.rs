use std::fs;
use std::path::Path;

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

/// An entry out of order makes its neighbour look wrong; entries have up to 12 bytes.
const NEAR_BYTES: u64 = 24;

/// Bits that a test has the other way, one after another: of each byte of each file.
fn flips(kept: &[(String, Vec<u8>)]) -> impl Iterator<Item = Flip<'_>> {
    kept.iter().flat_map(|(name, bytes)| {
        (0..bytes.len() * 8).map(|bit| Flip {
            name,
            bytes,
            at: bit / 8,
            bit: bit % 8,
        })
    })
}

/// One bit of one file.
#[derive(Debug)]
struct Flip<'a> {
    name: &'a str,
    bytes: &'a [u8],
    at: usize,
    bit: usize,
}

impl Flip<'_> {
    fn write(&self, dir: &Path) {
        let mut bytes = self.bytes.to_vec();
        bytes[self.at] ^= 1 << self.bit;
        fs::write(dir.join(self.name), bytes).unwrap();
    }

    fn case(&self) -> String {
        format!("{} byte {} bit {}", self.name, self.at, self.bit)
    }

    fn is_in_log(&self) -> bool {
        self.name.ends_with(".log")
    }

    /// Where the batch begins that has the bit.
    fn batch_position(&self) -> usize {
        let positions = format::batches(self.bytes).map(|batch| batch.unwrap().position);
        positions.take_while(|at| *at <= self.at).last().unwrap()
    }

    /// Whether it is one of a batch's leader epoch, which says nothing of its records.
    fn is_of_epoch(&self) -> bool {
        self.is_in_log() && (12..16).contains(&(self.at - self.batch_position()))
    }

    /// Whether what was said names the file, and where in it the damaged batch begins.
    fn is_named_in(&self, said: &[String]) -> bool {
        let place = if self.is_in_log() {
            format!("{} position={} ", self.name, self.batch_position())
        } else {
            format!("{} ", self.name)
        };
        said.iter().any(|line| line.contains(&place))
    }

    fn is_found_in(&self, found: &[Damage]) -> bool {
        let is_here = |position: u64| {
            if self.is_in_log() {
                position == self.batch_position() as u64
            } else {
                position.abs_diff(self.at as u64) <= NEAR_BYTES
            }
        };
        found
            .iter()
            .any(|damage| damage.path.ends_with(self.name) && is_here(damage.position))
    }

    /// Whether it is one of the file of leader epochs, which is held against each batch: the batch is named.
    fn is_found_beside(&self, found: &[Damage]) -> bool {
        self.name == "leader-epoch-checkpoint" && !found.is_empty()
    }
}

/// Of all logs' bytes in order: those before a file's byte `at`.
fn bytes_before<'a>(
    sound: &'a Told,
    kept: &[(String, Vec<u8>)],
    name: &str,
    at: usize,
) -> &'a [u8] {
    let earlier = kept.iter().take_while(|(other, _)| other != name);
    let logs = earlier.filter(|(other, _)| other.ends_with(".log"));
    let before: usize = logs.map(|(_, bytes)| bytes.len()).sum();
    &sound.bytes[..before + at]
}

/// One flipped bit at a time, of all bits of all files, under a log that is trusted because it was closed: the scrub
/// names the file and a place near the bit, or nobody can tell the difference.
#[test]
fn a_flipped_bit_is_named_or_means_nothing() {
    let dir = fast_dir();
    let path = dir.path().join("t-0");
    let recovery_point = write(&path);
    let sound = told(&open_clean(&path, config(), recovery_point));
    let kept = files(&path);
    let (mut by_scrub, mut at_start) = (0, 0);
    for flip in flips(&kept) {
        let copy = dir.path().join("copy-0");
        lay(&copy, &kept);
        flip.write(&copy);
        let checkpoint = Checkpoint {
            recovery_point,
            log_start: 0,
            clean: true,
        };
        let case = flip.case();
        let (opened, said) = logged(|| Log::open(&copy, options(config()), checkpoint, NOW_MS));
        let log = opened.unwrap_or_else(|error| panic!("{case}: {error}"));
        let found = scrub(&log);
        by_scrub += usize::from(flip.is_found_in(&found));
        if flip.is_found_in(&found) || flip.is_found_beside(&found) {
            continue;
        }
        if flip.is_in_log() && flip.is_named_in(&said) {
            // The end of the log is looked for at each start, and a batch that hides it is cut off.
            let before = bytes_before(&sound, &kept, flip.name, flip.batch_position());
            assert!(told(&log).bytes == before, "{case}: {said:?}");
            at_start += 1;
            continue;
        }
        assert!(told(&log) == sound, "{case}: {found:?} {said:?}");
    }
    assert!(by_scrub > 5000 && at_start > 100, "{by_scrub} {at_start}");
}

/// After a crash nothing above the recovery point is trusted. A bit of a record, or of where it belongs: the log ends
/// before that batch, which is named, and is what was written up to there. Any other bit: nothing is missing.
#[test]
fn recovery_keeps_what_is_before_a_flipped_bit_and_names_it() {
    let dir = fast_dir();
    let path = dir.path().join("t-0");
    write(&path);
    let sound = told(&open_clean(&path, config(), 0));
    let kept = files(&path);
    for flip in flips(&kept) {
        let copy = dir.path().join("copy-0");
        lay(&copy, &kept);
        flip.write(&copy);
        let case = flip.case();
        let (opened, said) =
            logged(|| Log::open(&copy, options(config()), Checkpoint::UNKNOWN, NOW_MS));
        let log = opened.unwrap_or_else(|error| panic!("{case}: {error}"));
        if flip.is_of_epoch() {
            assert_eq!(read_all(&log, 0), sound.batches, "{case}");
            // As at each start.
            log.start_epoch(6);
            let found = scrub(&log);
            assert!(!found.is_empty(), "{case}");
            assert!(
                found
                    .iter()
                    .all(|damage| damage.path.extension().unwrap() == "log")
            );
        } else if flip.is_in_log() {
            let before = bytes_before(&sound, &kept, flip.name, flip.batch_position());
            assert!(told(&log).bytes == before, "{case}: {said:?}");
            assert!(flip.is_named_in(&said), "{case}: {said:?}");
        } else if !flip.is_found_beside(&scrub(&log)) {
            assert!(told(&log) == sound, "{case}: {said:?}");
        }
        let end = log.log_end();
        assert_eq!(
            append(&log, batch(NOW_MS + 50, 1, 1)).base_offset,
            end,
            "{case}"
        );
    }
}
