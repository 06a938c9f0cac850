//! A partition's directory after a crash: the log, its indexes and its producer snapshot hold
//! whatever they hold. The store opens it or says why not; what it shows after that stays.
//!
//! The input is a flag byte, three big-endian `u16` lengths (offset index, time index, snapshot), the
//! bytes of those three, and the log.

use std::fs;
use std::path::Path;

use format::{BatchBuilder, batches, check_crc};
use store::{AppendArgs, Checkpoint, Durability, FileCache, Log, LogConfig, LogOptions, Origin};

const NOW_MS: i64 = 1_700_000_000_000;

pub fn run(input: &[u8]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    if write_directory(dir.path(), input).is_none() {
        return;
    }
    let is_clean = input.first().is_some_and(|flags| flags & 1 == 1);
    let checkpoint = Checkpoint {
        clean: is_clean,
        ..Checkpoint::UNKNOWN
    };
    let Ok(log) = open(dir.path(), checkpoint) else {
        return;
    };
    if is_clean {
        // What a clean shutdown left is trusted: only a panic would be wrong.
        let _ = read_all(&log, false);
        return;
    }
    read_all(&log, true).expect("what recovery kept can be read");
    let before = log.log_end();
    let mut batch = BatchBuilder::new(0);
    batch.append(NOW_MS, None, Some(b"after recovery"), &[]);
    let mut batch = batch.build().expect("a small batch").to_vec();
    let args = AppendArgs {
        leader_epoch: i32::MAX,
        now_ms: NOW_MS,
        origin: Origin::Client,
    };
    if log.append(&mut batch, args).is_err() {
        return;
    }
    let end = log.log_end();
    assert_eq!(end, before + 1);
    log.sync().expect("a temporary directory can be synced");
    drop(log);
    let log = open(dir.path(), Checkpoint::UNKNOWN).expect("what was recovered once opens again");
    assert_eq!(log.log_end(), end);
    read_all(&log, true).expect("and can be read again");
}

fn write_directory(dir: &Path, input: &[u8]) -> Option<()> {
    let (_flags, mut rest) = input.split_first()?;
    let mut lengths = [0; 3];
    for length in &mut lengths {
        let (bytes, tail) = rest.split_first_chunk::<2>()?;
        *length = usize::from(u16::from_be_bytes(*bytes));
        rest = tail;
    }
    for (length, suffix) in lengths.into_iter().zip(["index", "timeindex", "snapshot"]) {
        let (contents, tail) = rest.split_at_checked(length)?;
        rest = tail;
        if length > 0 {
            fs::write(dir.join(format!("00000000000000000000.{suffix}")), contents).ok()?;
        }
    }
    fs::write(dir.join("00000000000000000000.log"), rest).ok()
}

fn open(dir: &Path, checkpoint: Checkpoint) -> Result<Log, store::OpenError> {
    let options = LogOptions {
        config: LogConfig::default(),
        durability: Durability::Fsync,
        files: FileCache::new(4),
    };
    Log::open(dir, options, checkpoint, NOW_MS)
}

/// Reads batch by batch; offsets must rise, and checksums hold where recovery looked at them.
fn read_all(log: &Log, checked: bool) -> Result<(), store::ReadError> {
    let mut next_offset = log.log_start();
    while next_offset < log.log_end() {
        let bytes = log
            .read(next_offset, 1 << 16, i64::MAX, true)?
            .into_bytes()?;
        let read_from = next_offset;
        for batch in batches(&bytes).flatten() {
            if checked {
                check_crc(batch.bytes).expect("recovery checked it");
            }
            next_offset = next_offset.max(batch.header.next_offset());
        }
        if next_offset == read_from {
            assert!(!checked, "nothing at offset {next_offset}");
            break;
        }
    }
    let _ = log.offset_for_timestamp(NOW_MS);
    let _ = log.producers();
    Ok(())
}
