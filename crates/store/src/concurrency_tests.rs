//! Readers against everything that changes a log beneath them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use format::batches;

use crate::test_support::*;
use crate::{LogConfig, ReadError};

/// A batch whose values repeat its first offset, so that a reader can tell the right bytes.
fn told_batch(offset: i64, generation: i64) -> Vec<u8> {
    let mut builder = format::BatchBuilder::new(0);
    let value = [offset.to_be_bytes(), generation.to_be_bytes()]
        .concat()
        .repeat(20);
    builder.append(NOW_MS + offset, None, Some(&value), &[]);
    builder.append(NOW_MS + offset, None, Some(&value), &[]);
    builder.build().unwrap().to_vec()
}

fn check(bytes: &[u8]) -> Option<i64> {
    let mut walk = batches(bytes);
    let mut next = None;
    for batch in walk.by_ref() {
        let batch = batch.unwrap();
        format::check_crc(batch.bytes).unwrap();
        assert!(next.is_none_or(|next| next == batch.header.base_offset));
        let body = format::body(batch.bytes, 1 << 20).unwrap();
        let record = format::records(&body).next().unwrap().unwrap();
        let told = i64::from_be_bytes(record.value.unwrap()[..8].try_into().unwrap());
        assert_eq!(told, batch.header.base_offset);
        next = Some(batch.header.next_offset());
    }
    assert_eq!(walk.position(), bytes.len(), "whole batches only");
    next
}

#[test]
fn readers_see_whole_right_batches_whatever_happens() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig {
        segment_bytes: 20_000,
        index_interval_bytes: 500,
        retention_bytes: 60_000,
        ..LogConfig::default()
    };
    let log = open(&dir.path().join("t-0"), config);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..3u32 {
            let (log, done) = (&log, &done);
            scope.spawn(move || {
                let mut held = Vec::new();
                let mut from = 0;
                while !done.load(Ordering::Acquire) {
                    match log.read(from, 3000 << (reader * 3), i64::MAX, true) {
                        Ok(payload) => {
                            held.push(payload);
                            let kept = held.last().unwrap().clone().into_bytes().unwrap();
                            from = check(&kept).unwrap_or_else(|| log.log_start());
                        }
                        Err(ReadError::OutOfRange { log_start, .. }) => from = log_start,
                        Err(error) => panic!("{error}"),
                    }
                    let _ = log.offset_for_timestamp(NOW_MS + from).unwrap();
                    // What was read long ago is still what it was.
                    if held.len() > 20 {
                        check(&held.remove(0).into_bytes().unwrap());
                    }
                }
            });
        }
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let durable = log.sync().unwrap();
                assert!(durable >= 0);
                log.checkpoint().unwrap();
            }
        });
        for i in 0..4000i64 {
            append(&log, told_batch(log.log_end(), i));
            if i % 97 == 0 {
                log.truncate_to(log.log_end() - (i % 60) * 2, NOW_MS)
                    .unwrap();
            }
            if i % 50 == 0 {
                log.apply_retention(NOW_MS, log.log_end()).unwrap();
                log.purge(i64::MAX).unwrap();
            }
            if i % 1013 == 0 {
                let start = log.log_end() + i;
                log.truncate_fully_and_start_at(start, NOW_MS).unwrap();
            }
        }
        done.store(true, Ordering::Release);
    });
    log.sync().unwrap();
    assert_eq!(log.durable_end(), log.log_end());
}

/// A sync that runs while a write is under way must not lose track of it.
#[test]
fn every_append_is_covered_by_a_later_sync() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("t-0"), LogConfig::default());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                log.sync().unwrap();
            }
        });
        for _ in 0..200 {
            append(&log, batch(NOW_MS, 1, 100));
            let end = log.log_end();
            while log.durable_end() < end {
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Release);
    });
    // Nothing was appended since the last sync, so nothing is left to sync.
    log.sync().unwrap();
    assert!(!log.active().is_dirty());
}
