//! A partition's log: an append, finding a batch by the index, and reading it.

#![allow(clippy::unwrap_used, reason = "a benchmark panics to fail")]

use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use format::Compression;
use micro::{NOW_MS, batch};
use store::{AppendArgs, Checkpoint, Durability, FileCache, Log, LogConfig, LogOptions, Origin};

/// Enough that a lookup has an index of some depth to search.
const BATCHES: i64 = 100_000;

fn open(dir: &Path) -> Log {
    let options = LogOptions {
        config: LogConfig::default(),
        durability: Durability::PageCache,
        files: FileCache::new(8),
    };
    Log::open(&dir.join("topic-0"), options, Checkpoint::UNKNOWN, NOW_MS).unwrap()
}

fn append(log: &Log, mut records: Vec<u8>) -> i64 {
    let args = AppendArgs {
        leader_epoch: 0,
        now_ms: NOW_MS,
        origin: Origin::Client,
    };
    log.append(&mut records, args).unwrap().base_offset
}

fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    for (name, records) in [("1 x 1 kB", 1), ("16 x 1 kB", 16), ("1000 x 1 kB", 1_000)] {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path());
        let batch = batch(records, 1_000, Compression::None).unwrap();
        group.throughput(Throughput::Bytes(batch.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || batch.clone(),
                |batch| append(&log, batch),
                BatchSize::LargeInput,
            );
        });
    }
}

fn reads(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let batch = batch(1, 1_000, Compression::None).unwrap();
    for _ in 0..BATCHES {
        append(&log, batch.clone());
    }
    let mut offset = 0;
    let mut next = move || {
        // A step that shares no factor with the number of batches visits all of them, far apart.
        offset = (offset + 61_803) % BATCHES;
        offset
    };
    criterion.bench_function("look up an offset", |bench| {
        bench.iter(|| log.read(next(), 1, i64::MAX, true).unwrap().len());
    });
    let mut group = criterion.benchmark_group("read");
    for size in [16 << 10, 1 << 20] {
        group.throughput(Throughput::Bytes(u64::from(size)));
        group.bench_function(format!("{size} bytes"), |bench| {
            bench.iter(|| {
                let payload = log.read(next(), size, i64::MAX, true).unwrap();
                payload.into_bytes().unwrap().len()
            });
        });
    }
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = appends, reads
}
criterion_main!(all);
