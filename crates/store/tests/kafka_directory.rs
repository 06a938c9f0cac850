//! A log dir that Apache Kafka 4.3.1 wrote, opened by this crate; and the same batches appended by
//! this crate, compared with Kafka's files byte for byte.
//!
//! `fixture-0` has seven segments (`segment.ms` 60000, `index.interval.bytes` 100): twelve records
//! of each codec, a committed and an aborted transaction, and one left open.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use format::{Batch, batches};
use store::{
    AppendArgs, Checkpoint, CleanShutdown, Durability, FileCache, Log, LogConfig, LogDir,
    LogOptions, Origin, PartitionName,
};

const NOW_MS: i64 = 1_700_000_500_000;
const END: i64 = 68;

fn kafkas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka-4.3.1")
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn options() -> LogOptions {
    let config = LogConfig {
        segment_ms: 60_000,
        index_interval_bytes: 100,
        ..LogConfig::default()
    };
    LogOptions {
        config,
        durability: Durability::Fsync,
        files: FileCache::new(4),
    }
}

/// All bytes from the log's start to its end.
fn read_all(log: &Log) -> Vec<u8> {
    let mut all = Vec::new();
    let mut from = log.log_start();
    while from < log.log_end() {
        let payload = log.read(from, u32::MAX, i64::MAX, true).unwrap();
        let bytes = payload.into_bytes().unwrap();
        from = batches(&bytes)
            .last()
            .unwrap()
            .unwrap()
            .header
            .next_offset();
        all.extend_from_slice(&bytes);
    }
    all
}

fn logs(dir: &Path) -> Vec<u8> {
    let mut names: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    names.sort();
    names
        .iter()
        .flat_map(|path| fs::read(path).unwrap())
        .collect()
}

fn records(bytes: &[u8]) -> usize {
    let count = |batch: Batch<'_>| {
        format::check_crc(batch.bytes).unwrap();
        let body = format::body(batch.bytes, 1 << 20).unwrap();
        format::records(&body).map(Result::unwrap).count()
    };
    batches(bytes).map(|batch| count(batch.unwrap())).sum()
}

/// The files that must agree, by name. A snapshot's producers have no order, so its entries are
/// compared sorted; the transaction index is not written yet.
fn comparable(dir: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        if name.ends_with(".snapshot") {
            let (head, entries) = bytes.split_at(10);
            let mut parts: Vec<Vec<u8>> = entries.chunks(46).map(<[u8]>::to_vec).collect();
            parts.sort();
            // Version and count; the checksum depends on the order.
            parts.push([&head[..2], &head[6..]].concat());
            files.insert(name, parts);
        } else if !name.ends_with(".txnindex") && name != "partition.metadata" {
            files.insert(name, vec![bytes]);
        }
    }
    files
}

#[test]
fn opens_after_a_clean_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    copy_dir(&kafkas(), dir.path());
    let log_dir = LogDir::open(dir.path()).unwrap();
    assert!(matches!(
        log_dir.clean_shutdown(),
        Some(CleanShutdown { broker_epoch: 1.. })
    ));
    assert_eq!(log_dir.meta().unwrap().node_id, 1);
    let mut found = log_dir.partitions().unwrap();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|partition| partition.topic_id.is_some()));

    let name = PartitionName::new("fixture", 0);
    assert_eq!(log_dir.high_watermark(&name), Some(END));
    let log = log_dir.open_log(&name, options(), NOW_MS).unwrap();
    assert_eq!(
        (log.log_start(), log.log_end(), log.durable_end()),
        (0, END, END)
    );
    assert_eq!((log.segment_count(), log.latest_epoch()), (7, Some(0)));
    let all = read_all(&log);
    assert_eq!(all, logs(&kafkas().join("fixture-0")));
    assert_eq!(records(&all), END as usize);
    assert_eq!(log.producers().len(), 6);
    assert_eq!(log.first_undecided_offset(), Some(67));
    let found = log
        .offset_for_timestamp(1_700_000_100_130)
        .unwrap()
        .unwrap();
    assert_eq!((found.offset, found.timestamp), (13, 1_700_000_100_130));

    let offsets = PartitionName::new("__consumer_offsets", 0);
    let offsets = log_dir.open_log(&offsets, options(), NOW_MS).unwrap();
    assert_eq!(offsets.log_end(), 1);
    let committed = read_all(&offsets);
    assert!(committed.windows(4).any(|bytes| bytes == b"note"));
}

#[test]
fn recovers_kafkas_indexes_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fixture-0");
    copy_dir(&kafkas().join("fixture-0"), &path);
    for entry in fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with("index") || name.ends_with(".snapshot") || name.starts_with("leader") {
            fs::remove_file(path).unwrap();
        }
    }
    let log = Log::open(&path, options(), Checkpoint::UNKNOWN, NOW_MS).unwrap();
    assert_eq!(log.log_end(), END);
    assert_eq!(log.first_undecided_offset(), Some(67));
    log.close().unwrap();
    let (ours, kafkas) = (comparable(&path), comparable(&kafkas().join("fixture-0")));
    for (name, contents) in &kafkas {
        // Recovery writes one snapshot, at the log end.
        if !name.ends_with(".snapshot") || name.contains("68") {
            assert_eq!(ours.get(name), Some(contents), "{name}");
        }
    }
}

#[test]
fn the_same_batches_make_the_same_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fixture-0");
    let log = Log::open(&path, options(), Checkpoint::UNKNOWN, NOW_MS).unwrap();
    let source = logs(&kafkas().join("fixture-0"));
    for batch in batches(&source) {
        let args = AppendArgs {
            leader_epoch: 0,
            now_ms: NOW_MS,
            origin: Origin::Replication,
        };
        log.append(&mut batch.unwrap().bytes.to_vec(), args)
            .unwrap();
    }
    log.close().unwrap();
    let (ours, kafkas) = (comparable(&path), comparable(&kafkas().join("fixture-0")));
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        kafkas.keys().collect::<Vec<_>>()
    );
    for (name, contents) in &kafkas {
        assert_eq!(ours.get(name), Some(contents), "{name}");
    }
}
