//! Finding records by their timestamps, by ListOffsets' rules.

use std::io;
use std::os::unix::fs::FileExt;

use format::RecordAt;

use crate::limits::MAX_DECOMPRESSED_BYTES;
use crate::log::Log;
use crate::scan::BatchAt;
use crate::segment::Segment;
use crate::types::TimestampedOffset;

impl Log {
    /// The first record, in offset order, that is at `timestamp` or later.
    pub fn offset_for_timestamp(&self, timestamp: i64) -> io::Result<Option<TimestampedOffset>> {
        self.unless_retired(|log| log.first_at_or_after(timestamp))
    }

    /// The first record that has the largest timestamp of all.
    pub fn offset_of_max_timestamp(&self) -> io::Result<Option<TimestampedOffset>> {
        self.unless_retired(Self::latest)
    }

    /// Tries again when a segment was truncated or deleted while it was looked at.
    fn unless_retired<T>(&self, find: impl Fn(&Self) -> io::Result<T>) -> io::Result<T> {
        loop {
            let segments = self.segments.load_full();
            let found = find(self);
            if found.is_ok() || !segments.iter().any(|segment| segment.is_retired()) {
                return found;
            }
            self.check_usable()?;
        }
    }

    fn first_at_or_after(&self, timestamp: i64) -> io::Result<Option<TimestampedOffset>> {
        let log_start = self.log_start();
        for segment in self.segments.load_full().iter() {
            if segment.largest_timestamp()?.timestamp < timestamp {
                continue;
            }
            let indexed = segment.time_index.lookup(timestamp)?;
            let from = indexed.offset.max(log_start);
            let limit = self.published(segment);
            let Some(first) = segment.find(from, limit)? else {
                continue;
            };
            for batch in segment.scan_from(first.position, limit)? {
                let batch = batch?;
                if batch.header.max_timestamp < timestamp {
                    continue;
                }
                let wanted = |at: RecordAt| at.timestamp >= timestamp && at.offset >= log_start;
                if let Some(found) = find_record(segment, &batch, wanted)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    fn latest(&self) -> io::Result<Option<TimestampedOffset>> {
        let mut latest = None;
        for segment in self.segments.load_full().iter() {
            let largest = segment.largest_timestamp()?;
            if latest.as_ref().is_none_or(
                |(_, before): &(_, crate::time_index::TimestampOffset)| {
                    largest.timestamp > before.timestamp
                },
            ) {
                latest = Some((segment.clone(), largest));
            }
        }
        let Some((segment, largest)) = latest else {
            return Ok(None);
        };
        // The entry names the last offset of the batch.
        let Some(batch) = segment.find(largest.offset, self.published(&segment))? else {
            return Ok(None);
        };
        if batch.header.max_timestamp != largest.timestamp || largest.timestamp < 0 {
            return Ok(None);
        }
        find_record(&segment, &batch, |at| at.timestamp == largest.timestamp)
    }

    /// The bytes of `segment` that may be loaded.
    fn published(&self, segment: &Segment) -> u32 {
        let end = self.ends.end();
        if end.segment == segment.base_offset() {
            end.position
        } else {
            segment.size_bytes()
        }
    }
}

/// The first record of a batch that is `wanted`.
fn find_record(
    segment: &Segment,
    batch: &BatchAt,
    wanted: impl Fn(RecordAt) -> bool,
) -> io::Result<Option<TimestampedOffset>> {
    let mut bytes = vec![0; batch.header.size_bytes()];
    segment
        .file()?
        .read_exact_at(&mut bytes, u64::from(batch.position))?;
    let found = format::find_record(&bytes, MAX_DECOMPRESSED_BYTES, wanted);
    let found =
        found.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    Ok(found.map(|at| TimestampedOffset {
        offset: at.offset,
        timestamp: at.timestamp,
        leader_epoch: batch.header.partition_leader_epoch,
    }))
}

#[cfg(test)]
mod tests {
    use format::{BatchBuilder, Compression};

    use super::*;
    use crate::LogConfig;
    use crate::test_support::{NOW_MS, append, open, small_segments};

    fn at(offset: i64, timestamp: i64) -> Option<TimestampedOffset> {
        Some(TimestampedOffset {
            offset,
            timestamp,
            leader_epoch: 0,
        })
    }

    fn batch(timestamps: &[i64], codec: Compression) -> Vec<u8> {
        let mut builder = BatchBuilder::new(0).compression(codec, None);
        for timestamp in timestamps {
            builder.append(*timestamp, None, Some(b"value"), &[]);
        }
        builder.build().unwrap().to_vec()
    }

    #[test]
    fn finds_the_exact_record_in_compressed_batches_too() {
        for codec in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let dir = tempfile::tempdir().unwrap();
            let log = open(&dir.path().join("t-0"), LogConfig::default());
            append(&log, batch(&[10, 20, 30], codec));
            append(&log, batch(&[25, 50, 40], codec));
            assert_eq!(log.offset_for_timestamp(0).unwrap(), at(0, 10));
            assert_eq!(log.offset_for_timestamp(11).unwrap(), at(1, 20));
            assert_eq!(log.offset_for_timestamp(31).unwrap(), at(4, 50));
            assert_eq!(log.offset_for_timestamp(51).unwrap(), None);
            assert_eq!(log.offset_of_max_timestamp().unwrap(), at(4, 50));
            log.delete_records_before(2).unwrap();
            assert_eq!(log.offset_for_timestamp(0).unwrap(), at(2, 30));
        }
    }

    #[test]
    fn finds_records_in_every_segment() {
        let dir = tempfile::tempdir().unwrap();
        let log = open(&dir.path().join("t-0"), small_segments());
        for i in 0..100 {
            append(&log, batch(&[NOW_MS + i * 10], Compression::None));
        }
        assert!(log.segment_count() > 5);
        for i in 0..100 {
            let found = log.offset_for_timestamp(NOW_MS + i * 10 - 5).unwrap();
            assert_eq!(found, at(i, NOW_MS + i * 10));
        }
        assert_eq!(log.offset_of_max_timestamp().unwrap(), at(99, NOW_MS + 990));
    }

    #[test]
    fn an_empty_log_has_no_timestamps() {
        let dir = tempfile::tempdir().unwrap();
        let log = open(&dir.path().join("t-0"), LogConfig::default());
        assert_eq!(log.offset_for_timestamp(0).unwrap(), None);
        assert_eq!(log.offset_of_max_timestamp().unwrap(), None);
    }
}
