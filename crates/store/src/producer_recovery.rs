//! Producer state out of the newest usable snapshot and the batches after it.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::control::end_txn_marker;
use crate::limits::MAX_CONTROL_BATCH_BYTES;
use crate::log::Writer;
use crate::names::{FileKind, PartitionDir, parse_file_name};
use crate::producer_snapshot;
use crate::producer_state::ProducerState;
use crate::scan::BatchAt;
use crate::segment::Segment;
use crate::sync::remove_if_there;

/// What the lack of any snapshot means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingSnapshot {
    /// The whole log is replayed.
    Replay,
    /// After a clean shutdown there were no producers, as in Kafka.
    NoProducers,
}

/// The state at `end_offset`. Snapshots beyond it, and those that cannot be read, are removed.
pub(crate) fn load_producers(
    dir: &PartitionDir,
    segments: &[Arc<Segment>],
    log_start: i64,
    end_offset: i64,
    missing: MissingSnapshot,
) -> io::Result<Writer> {
    let begins = |offset| {
        segments
            .iter()
            .any(|segment| segment.base_offset() == offset)
    };
    let mut newest = None;
    let mut missing = missing;
    for offset in snapshot_offsets(&dir.path())?.into_iter().rev() {
        let path = dir.file(offset, FileKind::Snapshot);
        if newest.is_none() && offset <= end_offset {
            match producer_snapshot::read(&path, offset) {
                Ok(state) => newest = Some(state),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "dropping a producer snapshot");
                    remove_if_there(&path)?;
                    // There were producers, whatever a clean shutdown would say.
                    missing = MissingSnapshot::Replay;
                }
            }
        } else if offset > end_offset || !begins(offset) {
            remove_if_there(&path)?;
        }
    }
    let snapshot_offset = newest.as_ref().map_or(-1, ProducerState::end_offset);
    let mut producers = match (newest, missing) {
        (Some(state), _) => state,
        (None, MissingSnapshot::Replay) => ProducerState::new(log_start),
        (None, MissingSnapshot::NoProducers) => ProducerState::new(end_offset),
    };
    replay(&mut producers, segments, end_offset)?;
    producers.set_end_offset(end_offset);
    Ok(Writer {
        producers,
        snapshot_offset,
        superseded: Vec::new(),
    })
}

/// Rising.
fn snapshot_offsets(dir: &Path) -> io::Result<Vec<i64>> {
    let mut offsets = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if let Some((offset, FileKind::Snapshot)) = name.to_str().and_then(parse_file_name) {
            offsets.push(offset);
        }
    }
    offsets.sort_unstable();
    Ok(offsets)
}

fn replay(
    producers: &mut ProducerState,
    segments: &[Arc<Segment>],
    end_offset: i64,
) -> io::Result<()> {
    let from = producers.end_offset();
    if from >= end_offset {
        return Ok(());
    }
    let after = segments.partition_point(|segment| segment.base_offset() <= from);
    for segment in segments.iter().skip(after.saturating_sub(1)) {
        let size_bytes = segment.size_bytes();
        let Some(first) = segment.find(from, size_bytes)? else {
            continue;
        };
        for batch in segment.scan_from(first.position, size_bytes)? {
            replay_batch(producers, segment, &batch?)?;
        }
    }
    Ok(())
}

fn replay_batch(
    producers: &mut ProducerState,
    segment: &Segment,
    batch: &BatchAt,
) -> io::Result<()> {
    let header = &batch.header;
    let mut marker = None;
    if header.is_control() && header.has_producer_id() {
        let mut bytes = vec![0; header.size_bytes().min(MAX_CONTROL_BATCH_BYTES)];
        segment
            .file()?
            .read_exact_at(&mut bytes, u64::from(batch.position))?;
        marker = end_txn_marker(header, &bytes);
    }
    producers.update(header, marker.as_ref());
    Ok(())
}
