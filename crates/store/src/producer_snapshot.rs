//! `<offset>.snapshot`: the producer state at an offset, in Kafka's format.
//!
//! Version (1), CRC-32C of all that follows, count, and 46 bytes a producer. Only the last batch
//! of each producer is kept; the others are found in the log when one of them is repeated.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;

use crate::producer_state::{BatchMetadata, ProducerEntry, ProducerState};

const VERSION: i16 = 1;
/// Version and CRC.
const HEADER_BYTES: usize = 6;
const ENTRY_BYTES: usize = 46;

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("unknown producer snapshot version {0}")]
    Version(i16),
    #[error("producer snapshot is cut off or has bytes left over")]
    Length,
    #[error("producer snapshot checksum does not match")]
    Crc,
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(crate) fn encode(state: &ProducerState) -> Vec<u8> {
    let entries = state.entries();
    let mut body = Vec::with_capacity(4 + entries.len() * ENTRY_BYTES);
    body.extend((entries.len() as i32).to_be_bytes());
    for (producer_id, entry) in entries {
        let last = entry.batches.back();
        body.extend(producer_id.to_be_bytes());
        body.extend(entry.producer_epoch.to_be_bytes());
        body.extend(entry.last_sequence().to_be_bytes());
        body.extend(last.map_or(-1, |batch| batch.last_offset).to_be_bytes());
        body.extend(last.map_or(0, |batch| batch.offset_delta).to_be_bytes());
        body.extend(entry.last_timestamp.to_be_bytes());
        body.extend(entry.coordinator_epoch.to_be_bytes());
        body.extend(entry.current_txn_first_offset.unwrap_or(-1).to_be_bytes());
    }
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend(VERSION.to_be_bytes());
    bytes.extend(format::crc::crc32c(&body).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// Reads the state at `end_offset`, the offset that the file is named by.
pub(crate) fn read(path: &Path, end_offset: i64) -> Result<ProducerState, SnapshotError> {
    decode(&fs::read(path)?, end_offset)
}

fn decode(bytes: &[u8], end_offset: i64) -> Result<ProducerState, SnapshotError> {
    let mut input = bytes;
    let version = i16::from_be_bytes(take(&mut input)?);
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let crc = u32::from_be_bytes(take(&mut input)?);
    if crc != format::crc::crc32c(input) {
        return Err(SnapshotError::Crc);
    }
    let count = i32::from_be_bytes(take(&mut input)?);
    let mut state = ProducerState::new(end_offset);
    for _ in 0..count {
        let (producer_id, entry) = decode_entry(&mut input)?;
        state.restore(producer_id, entry);
    }
    if input.is_empty() {
        Ok(state)
    } else {
        Err(SnapshotError::Length)
    }
}

fn decode_entry(input: &mut &[u8]) -> Result<(i64, ProducerEntry), SnapshotError> {
    let producer_id = i64::from_be_bytes(take(input)?);
    let producer_epoch = i16::from_be_bytes(take(input)?);
    let last_sequence = i32::from_be_bytes(take(input)?);
    let last_offset = i64::from_be_bytes(take(input)?);
    let offset_delta = i32::from_be_bytes(take(input)?);
    let timestamp = i64::from_be_bytes(take(input)?);
    let coordinator_epoch = i32::from_be_bytes(take(input)?);
    let txn_first_offset = i64::from_be_bytes(take(input)?);
    let last_batch = (last_offset >= 0).then_some(BatchMetadata {
        last_sequence,
        last_offset,
        offset_delta,
        timestamp,
    });
    let entry = ProducerEntry {
        producer_epoch,
        coordinator_epoch,
        last_timestamp: timestamp,
        current_txn_first_offset: (txn_first_offset >= 0).then_some(txn_first_offset),
        batches: VecDeque::from_iter(last_batch),
        has_forgotten: true,
    };
    Ok((producer_id, entry))
}

fn take<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], SnapshotError> {
    let (head, rest) = input
        .split_first_chunk::<N>()
        .ok_or(SnapshotError::Length)?;
    *input = rest;
    Ok(*head)
}
