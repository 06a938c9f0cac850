//! Finding a repeated batch that was appended before the last start.
//!
//! A snapshot keeps the last batch of each producer, but its client may have had five under way when the process died,
//! all of them in the log. Kafka takes the repeated ones for out of order; the client then begins a new epoch and sends
//! them once more, and they are there twice. So they are looked up in the log before one is refused.

use std::collections::{HashMap, VecDeque};
use std::io;

use format::BatchHeader;

use crate::limits::{MAX_BATCHES_PER_PRODUCER, RECALL_BYTES};
use crate::log::Log;
use crate::producer_state::{BatchMetadata, EndTxnMarker, Forgotten, ProducerState};
use crate::segment::Segment;
use crate::types::{AppendError, Origin};

/// What is looked for, by producer id.
type Wanted = HashMap<i64, Forgotten>;

/// What was found of each producer, newest first.
type Recalled = HashMap<i64, Vec<BatchMetadata>>;

impl Log {
    /// As [`ProducerState::check`], with what the log knows and the state does not.
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
        if !producers.is_forgetful(header.producer_id) {
            return checked;
        }
        // For all of them at once: appends are kept waiting by one search after a start, not by one for each producer.
        let wanted: Wanted = producers.forgetful().collect();
        let recalled = self.forgotten_batches(&wanted)?;
        for producer_id in wanted.keys() {
            let found = recalled.get(producer_id).map_or(&[][..], Vec::as_slice);
            producers.recall(*producer_id, found);
        }
        producers.check(header, marker, origin)
    }

    /// The last few batches of each producer, if they are not far from the last that is wanted.
    fn forgotten_batches(&self, wanted: &Wanted) -> io::Result<Recalled> {
        let mut found = Recalled::new();
        let before = wanted.values().map(|forgotten| forgotten.before).max();
        let before = before.unwrap_or(0);
        let mut left = RECALL_BYTES;
        let segments = self.segments.load();
        let older = segments.iter().rev();
        for segment in older.filter(|segment| segment.base_offset() < before) {
            let size_bytes = segment.size_bytes();
            let next = segment.find(before, size_bytes)?;
            let end = next.map_or(size_bytes, |batch| batch.position);
            let from = segment.index.lookup_position(end.saturating_sub(left))?;
            for (producer_id, here) in last_batches(segment, from.position, end, wanted)? {
                found
                    .entry(producer_id)
                    .or_default()
                    .extend(here.iter().rev());
            }
            left = left.saturating_sub(end);
            if left == 0 {
                break;
            }
        }
        Ok(found)
    }
}

/// The last few wanted batches of each producer in a stretch of a segment, oldest first.
fn last_batches(
    segment: &Segment,
    from: u32,
    end: u32,
    wanted: &Wanted,
) -> io::Result<HashMap<i64, VecDeque<BatchMetadata>>> {
    let mut last = HashMap::<i64, VecDeque<BatchMetadata>>::new();
    for batch in segment.scan_from(from, end)? {
        let header = batch?.header;
        let is_wanted = |forgotten: &&Forgotten| {
            header.producer_epoch == forgotten.producer_epoch
                && header.base_offset < forgotten.before
                && !header.is_control()
        };
        if wanted.get(&header.producer_id).filter(is_wanted).is_some() {
            let batches = last.entry(header.producer_id).or_default();
            if batches.len() == MAX_BATCHES_PER_PRODUCER {
                batches.pop_front();
            }
            batches.push_back(BatchMetadata::of(&header));
        }
    }
    Ok(last)
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
        repeat_of(log, 1, 3, sequence)
    }

    fn repeat_of(
        log: &Log,
        producer_id: i64,
        epoch: i16,
        sequence: i32,
    ) -> Result<(bool, i64), AppendError> {
        let mut batch = idempotent_batch(producer_id, epoch, sequence, 2);
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
    fn one_search_serves_all_producers() {
        for config in [LogConfig::default(), small_segments()] {
            let dir = tempfile::tempdir().unwrap();
            let log = open(dir.path(), config.clone());
            write(&log);
            let recovery_point = log.recovery_point();
            drop(log);
            let log = after_a_crash(dir.path(), config, recovery_point);
            let forgetful = || log.writer.lock().producers.forgetful().count();
            assert_eq!(forgetful(), 2);
            assert!(repeat(&log, (BATCHES - 2) * 2).unwrap().0);
            assert_eq!(forgetful(), 0);
            for i in (BATCHES - 5)..BATCHES {
                let offset = i64::from(i) * 4 + 2;
                assert_eq!(repeat_of(&log, 2, 0, i * 2).unwrap(), (true, offset));
            }
            assert!(matches!(
                repeat_of(&log, 2, 0, (BATCHES - 6) * 2),
                Err(AppendError::OutOfOrderSequence { .. })
            ));
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
