//! What the tests of this crate share.

use std::path::Path;

use format::{BatchBuilder, batches};

use crate::{
    AppendArgs, Appended, Checkpoint, Durability, FileCache, Log, LogConfig, LogOptions, Origin,
};

pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

pub(crate) fn options(config: LogConfig) -> LogOptions {
    LogOptions {
        config,
        durability: Durability::Fsync,
        files: FileCache::new(8),
    }
}

pub(crate) fn small_segments() -> LogConfig {
    LogConfig {
        segment_bytes: 1000,
        index_interval_bytes: 100,
        ..LogConfig::default()
    }
}

pub(crate) fn open(dir: &Path, config: LogConfig) -> Log {
    Log::open(dir, options(config), Checkpoint::UNKNOWN, NOW_MS).unwrap()
}

/// Opens the log as its last `close` left it.
pub(crate) fn open_clean(dir: &Path, config: LogConfig, recovery_point: i64) -> Log {
    let checkpoint = Checkpoint {
        recovery_point,
        log_start: 0,
        clean: true,
    };
    Log::open(dir, options(config), checkpoint, NOW_MS).unwrap()
}

/// A batch of `records` records at `timestamp`, each with a value of `value_bytes`.
pub(crate) fn batch(timestamp: i64, records: usize, value_bytes: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(0);
    for i in 0..records {
        builder.append(timestamp, None, Some(&vec![i as u8; value_bytes]), &[]);
    }
    builder.build().unwrap().to_vec()
}

pub(crate) fn idempotent_batch(
    producer_id: i64,
    epoch: i16,
    sequence: i32,
    count: usize,
) -> Vec<u8> {
    let mut builder = BatchBuilder::new(0).producer(producer_id, epoch, sequence);
    for _ in 0..count {
        builder.append(NOW_MS, None, Some(b"value"), &[]);
    }
    builder.build().unwrap().to_vec()
}

pub(crate) fn args(origin: Origin) -> AppendArgs {
    AppendArgs {
        leader_epoch: 0,
        now_ms: NOW_MS,
        origin,
    }
}

pub(crate) fn append(log: &Log, mut records: Vec<u8>) -> Appended {
    log.append(&mut records, args(Origin::Client)).unwrap()
}

/// Base and last offsets of all batches that one read answers.
pub(crate) fn read(log: &Log, from: i64, max_bytes: u32) -> Vec<(i64, i64)> {
    let payload = log.read(from, max_bytes, i64::MAX, true).unwrap();
    let bytes = payload.into_bytes().unwrap();
    let mut walk = batches(&bytes);
    let ranges = walk
        .by_ref()
        .map(|batch| batch.unwrap().header)
        .map(|header| (header.base_offset, header.last_offset()))
        .collect();
    assert_eq!(walk.position(), bytes.len(), "whole batches only");
    ranges
}

/// Base and last offsets of all batches of the log from `from` on, over all its segments.
pub(crate) fn read_all(log: &Log, mut from: i64) -> Vec<(i64, i64)> {
    let mut all = Vec::new();
    loop {
        let ranges = read(log, from, u32::MAX);
        let Some((_, last)) = ranges.last() else {
            return all;
        };
        from = last + 1;
        all.extend(ranges);
    }
}

/// Copies the files of a partition's directory, as a crash would leave them.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

pub(crate) fn file_names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
