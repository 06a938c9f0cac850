//! Cutting off the end of a log, as a replica does that follows a new leader.
//!
//! A reader may still hold a range of the bytes that go: then what is kept is copied to a new file,
//! else the file is cut in place.

use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::log::{Log, Writer};
use crate::mark::Mark;
use crate::names::{CLEANED_SUFFIX, FileKind, file_name};
use crate::producer_recovery::{MissingSnapshot, load_producers};
use crate::scan::BatchAt;
use crate::segment::Segment;
use crate::sync::remove_if_there;

impl Log {
    /// Drops the records from `offset` on; a batch that holds `offset` goes as a whole, and the log
    /// then ends at its base offset. Returns whether anything was dropped.
    ///
    /// If the recovery point fell, the caller writes it to the log dir's checkpoint before it
    /// appends again.
    pub fn truncate_to(&self, offset: i64, now_ms: i64) -> io::Result<bool> {
        let _syncing = self.syncing.lock();
        self.check_usable()?;
        let mut writer = self.writer.lock();
        if offset >= self.log_end() {
            self.epochs.write().truncate_from_end(self.log_end());
            return Ok(false);
        }
        let segments = self.segments.load_full();
        let kept_count = segments.partition_point(|segment| segment.base_offset() <= offset);
        let (kept, dropped) = segments.split_at_checked(kept_count).unwrap_or((&[], &[]));
        let truncated = match kept.split_last() {
            None => self.restart_at(&mut writer, offset, now_ms),
            Some((cut, kept)) => self.cut(&mut writer, kept, cut, dropped, offset, now_ms),
        };
        // Half a truncation cannot be undone; opening the log anew sorts it out.
        truncated.inspect_err(|_| self.set_failed())?;
        Ok(true)
    }

    /// Drops everything; the next record gets `offset`.
    pub fn truncate_fully_and_start_at(&self, offset: i64, now_ms: i64) -> io::Result<()> {
        let _syncing = self.syncing.lock();
        self.check_usable()?;
        let mut writer = self.writer.lock();
        self.restart_at(&mut writer, offset, now_ms)
            .inspect_err(|_| self.set_failed())
    }

    fn cut(
        &self,
        writer: &mut Writer,
        kept: &[Arc<Segment>],
        cut: &Segment,
        dropped: &[Arc<Segment>],
        offset: i64,
        now_ms: i64,
    ) -> io::Result<()> {
        let first_gone = cut.find(offset, cut.size_bytes())?;
        let size_bytes = first_gone.map_or(cut.size_bytes(), |batch| batch.position);
        let starts_below = |batch: BatchAt| batch.header.base_offset.min(offset);
        let end_offset = first_gone.map_or(offset, starts_below);
        cut.flush_indexes()?;

        let base_offset = cut.base_offset();
        let replacement = Segment::existing(&self.home, base_offset, size_bytes, cut.created_ms());
        let replacement = Arc::new(replacement);
        // In this order for readers: the end falls before the list changes, and a segment is
        // retired when the list is without it.
        self.lower_ends(Mark {
            offset: end_offset,
            segment: base_offset,
            position: size_bytes,
        });
        let mut segments = kept.to_vec();
        segments.push(Arc::clone(&replacement));
        self.segments.store(Arc::new(segments));
        for segment in dropped {
            segment.retire();
            self.unlink(segment.base_offset())?;
        }
        self.cut_file(cut.retire(), &replacement)?;
        replacement.index.truncate_to_position(size_bytes)?;
        replacement.time_index.truncate_to_offset(end_offset)?;
        replacement.rebuild_largest_timestamp()?;
        self.forget_from(writer, end_offset, now_ms)
    }

    /// Shortens the file beneath `replacement` to its size.
    fn cut_file(&self, open: Option<Arc<File>>, replacement: &Segment) -> io::Result<()> {
        let size_bytes = u64::from(replacement.size_bytes());
        // Retired and out of its slot: nobody gets another reference from here on.
        let is_read = open.is_some_and(|file| Arc::strong_count(&file) > 1);
        if !is_read {
            replacement.set_dirty();
            return replacement.file()?.set_len(size_bytes);
        }
        let path = replacement.path();
        let name = file_name(replacement.base_offset(), FileKind::Log);
        let copy_path = self.path().join(format!("{name}{CLEANED_SUFFIX}"));
        let copy = File::create(&copy_path)?;
        let mut kept = io::Read::take(File::open(&path)?, size_bytes);
        io::copy(&mut kept, &mut &copy)?;
        copy.sync_data()?;
        fs::rename(&copy_path, &path)?;
        replacement.reopen();
        self.dir_dirty.store(true, Ordering::Release);
        Ok(())
    }

    fn restart_at(&self, writer: &mut Writer, offset: i64, now_ms: i64) -> io::Result<()> {
        let segments = self.segments.load_full();
        for segment in segments.iter() {
            // Readers wait, looking again, until the new list is there.
            segment.retire();
            self.unlink(segment.base_offset())?;
        }
        let first = Arc::new(Segment::create(&self.home, offset, now_ms)?);
        self.dir_dirty.store(true, Ordering::Release);
        self.log_start.store(offset, Ordering::Release);
        self.ends.restart(Mark {
            offset,
            segment: offset,
            position: 0,
        });
        self.recovery_point.fetch_min(offset, Ordering::AcqRel);
        self.segments.store(Arc::new(vec![first]));
        self.epochs.write().clear();
        self.forget_from(writer, offset, now_ms)
    }

    /// Publishes a new, lower end.
    fn lower_ends(&self, end: Mark) {
        self.ends.lower(end);
        self.recovery_point.fetch_min(end.offset, Ordering::AcqRel);
        self.log_start.fetch_min(end.offset, Ordering::AcqRel);
    }

    /// Takes back what the dropped records did to epochs and producers.
    fn forget_from(&self, writer: &mut Writer, end_offset: i64, now_ms: i64) -> io::Result<()> {
        self.epochs.write().truncate_from_end(end_offset);
        let segments = self.segments.load_full();
        let expiration_ms = self.config().producer_id_expiration_ms;
        *writer = load_producers(
            &self.home.dir,
            &segments,
            self.log_start(),
            end_offset,
            MissingSnapshot::Replay,
        )?;
        writer.producers.expire(now_ms, expiration_ms);
        Ok(())
    }

    fn unlink(&self, base_offset: i64) -> io::Result<()> {
        for kind in [FileKind::Log].into_iter().chain(FileKind::BESIDES_LOG) {
            remove_if_there(&self.home.dir.file(base_offset, kind))?;
        }
        self.dir_dirty.store(true, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
#[path = "truncate_tests.rs"]
mod tests;
