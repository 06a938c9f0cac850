use std::path::PathBuf;

use format::batches;

use super::*;
use crate::disk::Disk;
use crate::quorum::log_options;
use crate::quorum::tests::{committed_then_killed, committed_twice, options};
use crate::types::{Entry, VoterId};

fn log_file(dir: &Path) -> PathBuf {
    dir.join("00000000000000000000.log")
}

fn open(dir: &Path) -> Result<Disk, DiskError> {
    Disk::open(VoterId::default(), dir, log_options(options(dir)))
}

fn payloads(disk: &Disk) -> Vec<String> {
    let entries = disk.entries(0..u64::MAX).unwrap();
    let payload = |entry: &Entry| format!("{:?}", entry.payload);
    entries.iter().map(payload).collect()
}

/// A copy of the metadata log `from`, with `bytes` for its file `name`.
fn damaged(from: &Path, name: &str, bytes: &[u8]) -> tempfile::TempDir {
    // In memory where there is a place for that: very many are opened.
    let copy = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let copy = copy.unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    std::fs::write(copy.path().join(name), bytes).unwrap();
    copy
}

#[test]
fn each_flipped_bit_is_named_with_the_batch_it_is_in() {
    let from = tempfile::tempdir().unwrap();
    let dir = committed_twice(from.path());
    let good = std::fs::read(log_file(&dir)).unwrap();
    let epochs: Vec<_> = batches(&good)
        .map(|batch| batch.unwrap().position)
        .map(|position| position + 12..position + 16)
        .collect();
    look(&dir, 0).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(log_file(&dir), &bytes).unwrap();
        let begins = |batch: Result<format::Batch<'_>, _>| batch.unwrap().position;
        let batch = batches(&good)
            .map(begins)
            .filter(|at| *at <= bit / 8)
            .last();
        match look(&dir, 0) {
            Err(DiskError::Damaged { path, position, .. }) => {
                assert_eq!((path, Some(position as usize)), (log_file(&dir), batch));
            }
            Err(error) => panic!("bit {bit}: {error}"),
            // See the next test.
            Ok(()) => assert!(
                epochs.iter().any(|epoch| epoch.contains(&(bit / 8))),
                "bit {bit}"
            ),
        }
    }
}

#[test]
fn a_flipped_bit_of_an_epoch_is_named_or_means_nothing() {
    let from = tempfile::tempdir().unwrap();
    let dir = committed_twice(from.path());
    let name = "00000000000000000000.log";
    let good = std::fs::read(dir.join(name)).unwrap();
    let expected = payloads(&open(&dir).unwrap());
    let mut meant_nothing = 0;
    for batch in batches(&good).map(Result::unwrap) {
        for bit in 12 * 8..16 * 8 {
            let mut bytes = good.clone();
            bytes[batch.position + bit / 8] ^= 1 << (bit % 8);
            match open(damaged(&dir, name, &bytes).path()) {
                Err(DiskError::Epoch { offset, .. }) => assert!(offset >= batch.header.base_offset),
                Err(error) => panic!("bit {bit} of {}: {error}", batch.position),
                Ok(disk) => {
                    // The epoch of an entry that holds no records, and that nobody shares it with.
                    assert!(batch.header.is_control());
                    assert_eq!(payloads(&disk), expected);
                    meant_nothing += 1;
                }
            }
        }
    }
    assert!(meant_nothing < 5, "{meant_nothing}");
}

#[test]
fn each_flipped_bit_beside_the_log_is_named() {
    let from = tempfile::tempdir().unwrap();
    let dir = committed_twice(from.path());
    let good = std::fs::read(dir.join("raft-state")).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(dir.join("raft-state"), &bytes).unwrap();
        let error = crate::sidecar::Sidecar::open(&dir).unwrap_err().to_string();
        assert!(error.contains("raft-state: damaged"), "bit {bit}: {error}");
    }
}

#[test]
fn the_scrub_names_what_was_damaged_since_the_start() {
    let from = tempfile::tempdir().unwrap();
    let dir = committed_twice(from.path());
    let disk = open(&dir).unwrap();
    assert_eq!(disk.scrub(&mut |_| true).unwrap(), []);
    let mut bytes = std::fs::read(log_file(&dir)).unwrap();
    let last = batches(&bytes).last().unwrap().unwrap().position;
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(log_file(&dir), bytes).unwrap();
    let found = disk.scrub(&mut |_| true).unwrap();
    let places: Vec<_> = found
        .iter()
        .map(|damage| (&damage.path, damage.position))
        .collect();
    assert_eq!(places, [(&log_file(&dir), last as u64)]);
}

#[test]
fn a_torn_end_is_no_damage_and_a_missing_one_is() {
    let from = tempfile::tempdir().unwrap();
    let dir = committed_twice(from.path());
    let name = "00000000000000000000.log";
    let good = std::fs::read(dir.join(name)).unwrap();
    let last = batches(&good).last().unwrap().unwrap();
    let (kept, torn) = good.split_at(last.position);
    for cut in 0..torn.len() {
        std::fs::write(dir.join(name), &good[..kept.len() + cut]).unwrap();
        look(&dir, 0).unwrap_or_else(|error| panic!("{cut}: {error}"));
        let lacks_a_sector = [kept, &torn[..cut], &vec![0; torn.len() - cut]].concat();
        std::fs::write(dir.join(name), lacks_a_sector).unwrap();
        // But for its last byte, which may have been all but zero.
        let found = look(&dir, 0);
        assert!(found.is_ok() || cut + 2 > torn.len(), "{cut}");
    }
    // A clean stop noted that it was committed.
    let error = open(damaged(&dir, name, kept).path()).err().unwrap();
    assert!(matches!(error, DiskError::TooShort { .. }), "{error}");
}

/// `good` from `cut` on: not there, without bytes, and as anything else, with more of that behind.
fn tails(good: &[u8], cut: usize) -> [Vec<u8>; 3] {
    let (kept, torn) = good.split_at(cut);
    let garbage = torn.iter().chain(&[0; 100]).map(|byte| byte ^ 0xa5);
    let garbage: Vec<u8> = garbage.collect();
    [
        kept.to_vec(),
        [kept, &vec![0; torn.len()]].concat(),
        [kept, &garbage].concat(),
    ]
}

fn differing_bits(one: &[u8], other: &[u8]) -> u32 {
    let pairs = one.iter().zip(other);
    pairs.map(|(one, other)| (one ^ other).count_ones()).sum()
}

#[test]
fn a_last_batch_torn_at_any_byte_is_cut_off_and_nothing_before_it() {
    let from = tempfile::tempdir().unwrap();
    let dir = committed_then_killed(from.path());
    let name = "00000000000000000000.log";
    let good = std::fs::read(log_file(&dir)).unwrap();
    let last = batches(&good).last().unwrap().unwrap().position;
    let expected = payloads(&open(damaged(&dir, name, &good).path()).unwrap());
    let (_, all_but_last) = expected.split_last().unwrap();
    let (mut torn_off, mut whole) = (0, 0);
    for (cut, torn) in (last..=good.len()).flat_map(|cut| tails(&good, cut).map(|torn| (cut, torn)))
    {
        let is_a_bit_off = torn.len() == good.len() && differing_bits(&torn, &good) == 1;
        let copy = damaged(&dir, name, &torn);
        let disk = match open(copy.path()) {
            Ok(disk) => disk,
            // Nobody can tell that apart from damage, and a batch is not given up for less.
            Err(DiskError::Damaged { position, .. }) if is_a_bit_off => {
                assert_eq!(position, last as u64);
                continue;
            }
            Err(error) => panic!("{cut}: {error}"),
        };
        let is_whole = torn.starts_with(&good);
        let (kept, kept_bytes) = if is_whole {
            (&expected[..], good.len())
        } else {
            (all_but_last, last)
        };
        assert_eq!(payloads(&disk), kept, "{cut}");
        assert_eq!(
            std::fs::read(log_file(copy.path())).unwrap(),
            good[..kept_bytes],
            "{cut}"
        );
        *(if is_whole { &mut whole } else { &mut torn_off }) += 1;
    }
    assert!(torn_off > 150 && whole >= 3, "{torn_off} {whole}");
}

#[test]
fn damage_before_the_last_batch_stops_the_start_wherever_it_begins() {
    let from = tempfile::tempdir().unwrap();
    let dir = committed_then_killed(from.path());
    let name = "00000000000000000000.log";
    let good = std::fs::read(log_file(&dir)).unwrap();
    let sound: Vec<_> = batches(&good).map(Result::unwrap).collect();
    let (_, earlier) = sound.split_last().unwrap();
    for batch in earlier {
        let end = batch.position + batch.bytes.len();
        for (cut, torn) in (batch.position..end).flat_map(|cut| {
            let [_, zeros, garbage] = tails(&good[..end], cut);
            [zeros, garbage[..end].to_vec()].map(|torn| (cut, torn))
        }) {
            let bytes = [&torn, &good[end..]].concat();
            if bytes == good {
                continue;
            }
            match open(damaged(&dir, name, &bytes).path()) {
                Err(DiskError::Damaged { path, position, .. }) => {
                    assert!(path.ends_with(name));
                    assert_eq!(position, batch.position as u64, "{cut}");
                }
                other => panic!("{cut}: {:?}", other.err()),
            }
        }
    }
}
