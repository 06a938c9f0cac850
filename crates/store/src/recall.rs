//! Finding a repeated batch that was appended before the last start.
//!
//! A snapshot keeps the last batch of each producer, but its client may have had five under way when the process died,
//! all of them in the log. Kafka takes the repeated ones for out of order; the client then begins a new epoch and sends
//! them once more, and they are there twice. So they are looked up in the log before one is refused.

use std::io;

use format::BatchHeader;

use crate::limits::{MAX_BATCHES_PER_PRODUCER, RECALL_BYTES};
use crate::log::Log;
use crate::producer_state::{BatchMetadata, EndTxnMarker, ProducerState};
use crate::types::{AppendError, Origin};

impl Log {
    /// As [`ProducerState::check`], with what the log knows and the state does not. A producer is searched for once.
    pub(crate) fn check_producer(
        &self,
        producers: &mut ProducerState,
        header: &BatchHeader,
        marker: Option<&EndTxnMarker>,
        origin: Origin,
    ) -> Result<Option<BatchMetadata>, AppendError> {
        let checked = producers.check(header, marker, origin);
        let Err(AppendError::OutOfOrderSequence { .. }) = checked else {
            return checked;
        };
        let producer_id = header.producer_id;
        let Some((before, epoch)) = producers.forgotten_before(producer_id) else {
            return checked;
        };
        let found = self.batches_of(producer_id, epoch, before)?;
        producers.recall(producer_id, &found);
        producers.check(header, marker, origin)
    }

    /// The producer's batches that begin below `before`, oldest first: the last few, if they are not far.
    fn batches_of(
        &self,
        producer_id: i64,
        epoch: i16,
        before: i64,
    ) -> io::Result<Vec<BatchMetadata>> {
        let mut found: Vec<BatchMetadata> = Vec::new();
        let mut left = RECALL_BYTES;
        let segments = self.segments.load();
        let older = segments.iter().rev();
        for segment in older.filter(|segment| segment.base_offset() < before) {
            let size_bytes = segment.size_bytes();
            let next = segment.find(before, size_bytes)?;
            let end = next.map_or(size_bytes, |batch| batch.position);
            let from = segment.index.lookup_position(end.saturating_sub(left))?;
            let mut here = Vec::new();
            for batch in segment.scan_from(from.position, end)? {
                let header = batch?.header;
                let is_theirs = header.producer_id == producer_id
                    && header.producer_epoch == epoch
                    && !header.is_control();
                here.extend(is_theirs.then(|| BatchMetadata::of(&header)));
            }
            found.splice(..0, here);
            left = left.saturating_sub(end);
            if left == 0 || found.len() >= MAX_BATCHES_PER_PRODUCER {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::test_support::*;
    use crate::{AppendError, Checkpoint, Log, LogConfig, Origin};

    const BATCHES: i32 = 12;

    /// Batches of producers 1 and 2 by turns, each of two records, and one at the end of which a snapshot knows nothing.
    fn write(log: &Log) {
        for i in 0..BATCHES {
            append(log, idempotent_batch(1, 3, i * 2, 2));
            append(log, idempotent_batch(2, 0, i * 2, 2));
        }
        log.checkpoint().unwrap();
        append(log, idempotent_batch(1, 3, BATCHES * 2, 2));
        log.sync().unwrap();
    }

    fn after_a_crash(dir: &Path, config: LogConfig, recovery_point: i64) -> Log {
        let checkpoint = Checkpoint {
            recovery_point,
            log_start: 0,
            clean: false,
        };
        Log::open(dir, options(config), checkpoint, NOW_MS).unwrap()
    }

    fn repeat(log: &Log, sequence: i32) -> Result<(bool, i64), AppendError> {
        let mut batch = idempotent_batch(1, 3, sequence, 2);
        let appended = log.append(&mut batch, args(Origin::Client))?;
        Ok((appended.duplicate, appended.base_offset))
    }

    #[test]
    fn five_batches_are_known_after_a_crash_whatever_the_snapshot_kept() {
        for config in [LogConfig::default(), small_segments()] {
            let dir = tempfile::tempdir().unwrap();
            let log = open(dir.path(), config.clone());
            write(&log);
            let (recovery_point, end) = (log.recovery_point(), log.log_end());
            drop(log);
            let log = after_a_crash(dir.path(), config, recovery_point);
            // Oldest first, as a client repeats them.
            for i in (BATCHES - 4)..=BATCHES {
                assert_eq!(repeat(&log, i * 2).unwrap(), (true, i64::from(i) * 4));
            }
            assert!(matches!(
                repeat(&log, (BATCHES - 5) * 2),
                Err(AppendError::OutOfOrderSequence { .. })
            ));
            assert_eq!(repeat(&log, BATCHES * 2 + 2).unwrap(), (false, end));
        }
    }

    #[test]
    fn what_the_log_does_not_hold_is_out_of_order() {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path(), small_segments());
        write(&log);
        let recovery_point = log.recovery_point();
        drop(log);
        let log = after_a_crash(dir.path(), small_segments(), recovery_point);
        for wrong in [BATCHES * 2 - 1, BATCHES * 2 + 1, BATCHES * 2 + 4] {
            assert!(matches!(
                repeat(&log, wrong),
                Err(AppendError::OutOfOrderSequence { .. })
            ));
        }
    }
}
