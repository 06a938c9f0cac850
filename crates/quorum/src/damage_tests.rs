use std::path::PathBuf;

use format::batches;

use super::*;
use crate::disk::Disk;
use crate::quorum::log_options;
use crate::quorum::tests::{committed_twice, options};
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
    let copy = tempfile::tempdir().unwrap();
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
