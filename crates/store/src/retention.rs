//! Dropping the oldest segments: retention by time and size, and what DeleteRecords cut off.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::log::{Log, Writer};
use crate::names::{DELETED_SUFFIX, FileKind, file_name};
use crate::segment::Segment;
use crate::sync::remove_if_there;

/// A file of a deleted segment, gone from the log and waiting for `file.delete.delay.ms`.
#[derive(Debug)]
pub(crate) struct Doomed {
    due_ms: i64,
    path: PathBuf,
}

/// Why records cannot be deleted.
#[derive(Debug, thiserror::Error)]
#[error("offset {offset} is beyond the log end {log_end}")]
pub struct DeleteBeyondEnd {
    pub offset: i64,
    pub log_end: i64,
}

impl Log {
    /// Hides the records below `offset` for good; retention deletes their segments. Returns the
    /// log start, which the caller writes into the log dir's checkpoint.
    pub fn delete_records_before(&self, offset: i64) -> Result<i64, DeleteBeyondEnd> {
        let _writer = self.writer.lock();
        let log_end = self.log_end();
        if offset > log_end {
            return Err(DeleteBeyondEnd { offset, log_end });
        }
        self.raise_log_start(offset);
        Ok(self.log_start())
    }

    /// Drops the segments that retention does not want, oldest first, none with a record at or
    /// beyond `up_to` (the high watermark). Returns how many; their files are unlinked by
    /// [`purge`](Self::purge) when their delay is over.
    pub fn apply_retention(&self, now_ms: i64, up_to: i64) -> io::Result<usize> {
        let _syncing = self.syncing.lock();
        self.check_usable()?;
        self.drop_strays(now_ms);
        let mut writer = self.writer.lock();
        let count = self.expired_segments(now_ms, up_to)?;
        if count == 0 {
            return Ok(0);
        }
        self.drop_oldest(&mut writer, count, now_ms)
    }

    /// Unlinks the files of dropped segments that are due at `now_ms`.
    pub fn purge(&self, now_ms: i64) -> io::Result<()> {
        let mut doomed = self.doomed.lock();
        let due = doomed.extract_if(.., |file| file.due_ms <= now_ms);
        for file in due {
            remove_if_there(&self.path().join(file.path))?;
        }
        Ok(())
    }

    /// How many segments may go, from the oldest on.
    fn expired_segments(&self, now_ms: i64, up_to: i64) -> io::Result<usize> {
        let config = self.config();
        let segments = self.segments.load();
        let log_start = self.log_start();
        let mut excess_bytes = match u64::try_from(config.retention_bytes) {
            Ok(limit) if config.cleanup_delete => self.size_bytes().checked_sub(limit),
            _ => None,
        };
        let retention_ms =
            (config.cleanup_delete && config.retention_ms >= 0).then_some(config.retention_ms);
        let mut count = 0;
        for (at, segment) in segments.iter().enumerate() {
            let next = segments.get(at + 1).map(|next| next.base_offset());
            if next.unwrap_or_else(|| self.log_end()) > up_to
                || (next.is_none() && segment.size_bytes() == 0)
            {
                break;
            }
            let too_much =
                excess_bytes.and_then(|excess| excess.checked_sub(u64::from(segment.size_bytes())));
            let too_old = match retention_ms {
                Some(limit_ms) => now_ms.saturating_sub(segment.retention_timestamp()?) > limit_ms,
                None => false,
            };
            let cut_off = next.is_some_and(|next| next <= log_start);
            if !cut_off && !too_old && too_much.is_none() {
                break;
            }
            excess_bytes = too_much;
            count += 1;
        }
        Ok(count)
    }

    fn drop_oldest(&self, writer: &mut Writer, count: usize, now_ms: i64) -> io::Result<usize> {
        if count == self.segment_count() {
            self.roll_to(writer, self.log_end(), now_ms)?;
        }
        let segments = self.segments.load_full();
        let (dropped, kept) = segments.split_at_checked(count).unwrap_or((&[], &segments));
        let Some(first) = kept.first() else {
            return Ok(0);
        };
        // In this order for readers: the offset is out of range before its segment is gone.
        self.raise_log_start(first.base_offset());
        self.segments.store(Arc::new(kept.to_vec()));
        let due_ms = now_ms.saturating_add(self.config().file_delete_delay_ms);
        for segment in dropped {
            segment.retire();
            self.doom(segment, due_ms)?;
        }
        Ok(dropped.len())
    }

    /// Marks a segment's files as deleted, log first: an index without a log is an orphan, a log
    /// without its index would be rebuilt.
    fn doom(&self, segment: &Segment, due_ms: i64) -> io::Result<()> {
        for kind in [FileKind::Log].into_iter().chain(FileKind::BESIDES_LOG) {
            let name = file_name(segment.base_offset(), kind);
            let path = PathBuf::from(format!("{name}{DELETED_SUFFIX}"));
            let dir = self.path();
            match fs::rename(dir.join(name), dir.join(&path)) {
                Ok(()) => self.doomed.lock().push(Doomed { due_ms, path }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn raise_log_start(&self, offset: i64) {
        let before = self.log_start.fetch_max(offset, Ordering::AcqRel);
        if before < offset {
            self.epochs.write().truncate_from_start(offset);
        }
    }
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
