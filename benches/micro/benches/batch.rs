//! A batch on its way in: its checksum, and the validation that the topic asks for.

#![allow(clippy::unwrap_used, reason = "a benchmark panics to fail")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use format::crc::crc32c;
use format::{Compression, Rules, TimestampType, validate};
use micro::{NOW_MS, batch};

fn rules(open_compressed: bool) -> Rules {
    Rules {
        now_ms: NOW_MS,
        max_batch_size_bytes: 1 << 24,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: i64::MAX,
        compacted: false,
        open_compressed,
        max_decompressed_bytes: 1 << 24,
    }
}

fn checksums(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crc32c");
    for size in [1 << 10, 16 << 10, 1 << 20] {
        let bytes = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("{size} bytes"), |bench| {
            bench.iter(|| crc32c(black_box(&bytes)));
        });
    }
}

fn validations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("validate");
    for (name, records, value_bytes, codec, open_compressed) in [
        ("1 x 100 B", 1, 100, Compression::None, false),
        ("1000 x 1 kB", 1_000, 1_000, Compression::None, false),
        ("10000 x 10 B", 10_000, 10, Compression::None, false),
        ("1000 x 1 kB, lz4", 1_000, 1_000, Compression::Lz4, false),
        (
            "1000 x 1 kB, lz4, opened",
            1_000,
            1_000,
            Compression::Lz4,
            true,
        ),
    ] {
        let batch = batch(records, value_bytes, codec).unwrap();
        let rules = rules(open_compressed);
        group.throughput(Throughput::Bytes(batch.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| validate(black_box(&batch), &rules).unwrap());
        });
    }
}

criterion_group!(all, checksums, validations);
criterion_main!(all);
