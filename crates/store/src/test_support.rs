//! What the tests of this crate share.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use format::{BatchBuilder, Compression, batches};
use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span;

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

/// As [`idempotent_batch`], by producer 9, with values of `value_bytes` and a codec.
pub(crate) fn coded_batch(
    codec: Compression,
    sequence: i32,
    count: usize,
    value_bytes: usize,
) -> Vec<u8> {
    let mut builder = BatchBuilder::new(0)
        .producer(9, 0, sequence)
        .compression(codec, None);
    for i in 0..count {
        builder.append(NOW_MS, None, Some(&vec![i as u8; value_bytes]), &[]);
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

/// For tests of very many small logs: in memory where there is a place for that, so that they do not wait for fsyncs.
pub(crate) fn fast_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The files of a directory and what they hold, by name.
pub(crate) fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let with_bytes = |name: String| {
        let bytes = std::fs::read(dir.join(&name)).unwrap();
        (name, bytes)
    };
    file_names(dir).into_iter().map(with_bytes).collect()
}

/// Has a directory hold these files and no others.
pub(crate) fn lay(dir: &Path, files: &[(String, Vec<u8>)]) {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

/// What this thread logs during `run`, each event as a line of its fields: `name=value `.
pub(crate) fn logged<T>(run: impl FnOnce() -> T) -> (T, Vec<String>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let done = tracing::subscriber::with_default(Listener(lines.clone()), run);
    let lines = std::mem::take(&mut *lines.lock());
    (done, lines)
}

struct Listener(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Listener {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
