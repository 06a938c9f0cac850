use super::*;
use std::collections::{BTreeMap, BTreeSet};

use crate::types::{Voter, VoterId};

fn membership() -> Membership {
    let me = VoterId::default();
    Membership::new(
        vec![BTreeSet::from([me])],
        BTreeMap::from([(me, Voter::default())]),
    )
}

fn contents(count: usize) -> Contents {
    let records = (0..count)
        .map(|n| Bytes::from(vec![n as u8; 700]))
        .collect();
    Contents {
        timestamp: 99,
        records,
    }
}

const ID: CheckpointId = CheckpointId {
    end_offset: 12_345,
    epoch: 6,
};

#[test]
fn names_are_kafkas() {
    assert_eq!(ID.to_string(), "00000000000000012345-0000000006");
    assert_eq!(
        CheckpointId::parse("00000000000000012345-0000000006.checkpoint"),
        Some(ID)
    );
    assert_eq!(
        CheckpointId::parse("00000000000000012345-0000000006.checkpoint.tmp"),
        None
    );
    assert_eq!(CheckpointId::parse("bootstrap.checkpoint"), None);
}

#[test]
fn contents_survive_in_batches_of_bounded_size() {
    let dir = tempfile::tempdir().unwrap();
    for count in [0, 1, 5_000] {
        let contents = contents(count);
        let checkpoint = write(dir.path(), ID, &membership(), &contents, 1).unwrap();
        assert_eq!(read(&checkpoint.path).unwrap(), contents);
        let bytes = std::fs::read(&checkpoint.path).unwrap();
        let mut next_offset = 0;
        for batch in batches(&bytes) {
            let batch = batch.unwrap();
            assert!(batch.bytes.len() < 2 * BATCH_SIZE_BYTES);
            assert_eq!(batch.header.base_offset, next_offset);
            assert_eq!(batch.header.partition_leader_epoch, ID.epoch);
            next_offset = batch.header.next_offset();
        }
    }
}

#[test]
fn a_checkpoint_cut_anywhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let whole = write(dir.path(), ID, &membership(), &contents(3), 1).unwrap();
    let bytes = std::fs::read(&whole.path).unwrap();
    let cut = dir.path().join("cut");
    for len in (0..bytes.len()).step_by(7) {
        std::fs::write(&cut, &bytes[..len]).unwrap();
        assert!(read(&cut).is_err(), "{len}");
    }
    let mut flipped = bytes;
    flipped[400] ^= 1;
    std::fs::write(&cut, &flipped).unwrap();
    assert!(read(&cut).is_err());
}

#[test]
fn only_older_checkpoints_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let id = |end_offset| CheckpointId {
        end_offset,
        epoch: 1,
    };
    for end_offset in [1, 2, 3] {
        write(dir.path(), id(end_offset), &membership(), &contents(1), 1).unwrap();
    }
    delete_older(dir.path(), id(2)).unwrap();
    let left = [1, 2, 3].map(|end_offset| id(end_offset).path(dir.path()).exists());
    assert_eq!(left, [false, true, true]);
}

#[test]
fn each_flipped_bit_is_an_error_or_means_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let contents = Contents {
        timestamp: 99,
        records: vec![Bytes::from_static(b"some"), Bytes::from_static(b"more")],
    };
    let path = write(dir.path(), ID, &membership(), &contents, 1)
        .unwrap()
        .path;
    let good = std::fs::read(&path).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(found) = read(&path) {
            assert_eq!(found, contents, "bit {bit}");
        }
    }
}
