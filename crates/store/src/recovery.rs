//! Opening a log: what a clean shutdown left is trusted, anything else is checked and repaired.
//!
//! After an unclean stop every byte above the recovery point is read and its checksums verified; at
//! the first batch that fails, the log is cut. What is read comes from the disk, not from pages whose
//! write-back may have failed, and what is kept is fsynced before the log opens: it may have been
//! written, but never synced, by the process that died.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checked_scan::CheckedScan;
use crate::checkpoint::sync_dir;
use crate::epoch_cache::EpochCache;
use crate::leftovers;
use crate::log::{Log, LogOptions, Recovered};
use crate::mark::Mark;
use crate::names::{FileKind, PartitionDir, parse_file_name};
use crate::producer_recovery::{MissingSnapshot, load_producers};
use crate::scan::BatchAt;
use crate::segment::{Segment, SegmentHome};
use crate::strays;
use crate::sync::remove_if_there;

/// What the log dir's checkpoints say of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    pub recovery_point: i64,
    pub log_start: i64,
    /// The log dir was left by a clean shutdown.
    pub clean: bool,
}

impl Checkpoint {
    /// Nothing is known: a new log, or one whose checkpoints are lost.
    pub const UNKNOWN: Self = Self {
        recovery_point: 0,
        log_start: 0,
        clean: false,
    };
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the log in {}: {source}", path.display())]
pub struct OpenError {
    pub path: PathBuf,
    pub source: io::Error,
}

impl Log {
    /// Opens the log in `dir`, making an empty one if there is none.
    pub fn open(
        dir: &Path,
        options: LogOptions,
        checkpoint: Checkpoint,
        now_ms: i64,
    ) -> Result<Self, OpenError> {
        let home = SegmentHome {
            dir: PartitionDir::new(dir),
            files: Arc::clone(&options.files),
        };
        let recovery = Recovery {
            dir,
            home: &home,
            options: &options,
            checkpoint,
            now_ms,
            has_gaps: Cell::new(options.config.cleanup_compact),
            strays: RefCell::default(),
        };
        let recovered = recovery.run().map_err(|source| OpenError {
            path: dir.to_owned(),
            source,
        })?;
        Ok(Self::new(home, options, recovered))
    }
}

struct Recovery<'a> {
    dir: &'a Path,
    home: &'a SegmentHome,
    options: &'a LogOptions,
    checkpoint: Checkpoint,
    now_ms: i64,
    /// Compacted, or seen to have been.
    has_gaps: Cell<bool>,
    strays: RefCell<Vec<PathBuf>>,
}

/// The files found in the directory.
#[derive(Debug, Default)]
struct Listing {
    /// Rising.
    base_offsets: Vec<i64>,
    indexes: Vec<i64>,
    time_indexes: Vec<i64>,
}

impl Recovery<'_> {
    fn run(&self) -> io::Result<Recovered> {
        let newborn = !self.dir.is_dir();
        if newborn {
            fs::create_dir_all(self.dir)?;
        } else {
            leftovers::clear(self.home, self.dir)?;
        }
        let kept_epochs = EpochCache::read(self.dir).unwrap_or_else(|error| {
            tracing::warn!(dir = %self.dir.display(), %error, "leader epochs are lost");
            None
        });
        let epochs_lost = kept_epochs.is_none();
        let mut epochs = kept_epochs.unwrap_or_default();
        let listing = self.list()?;
        let mut segments = self.load_segments(&listing, &mut epochs)?;
        let end = self.end(&mut segments, &mut epochs)?;
        let first = segments.first().map_or(0, |first| first.base_offset());
        let log_start = self.checkpoint.log_start.max(first);
        if epochs_lost {
            epochs = collect_epochs(&segments)?;
        }
        epochs.truncate_from_end(end.offset);
        epochs.truncate_from_start(log_start);
        let missing = if self.checkpoint.clean {
            MissingSnapshot::NoProducers
        } else {
            MissingSnapshot::Replay
        };
        let mut writer = load_producers(&self.home.dir, &segments, log_start, end.offset, missing)?;
        let expiration_ms = self.options.config.producer_id_expiration_ms;
        writer.producers.expire(self.now_ms, expiration_ms);
        self.sync_kept(&segments)?;
        let recovery_point = if self.checkpoint.clean {
            end.offset
        } else {
            self.checkpoint.recovery_point.min(end.offset)
        };
        Ok(Recovered {
            segments,
            log_start,
            end,
            recovery_point,
            epochs,
            writer,
            // The process that made the directory, or files in it, may have died before it synced them.
            newborn: newborn || (!self.checkpoint.clean && self.checkpoint.recovery_point == 0),
            strays: self.strays.take(),
        })
    }

    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in fs::read_dir(self.dir)? {
            let name = entry?.file_name();
            let name = name.to_str().unwrap_or_default();
            match parse_file_name(name) {
                Some((offset, FileKind::Log)) => listing.base_offsets.push(offset),
                Some((offset, FileKind::Index)) => listing.indexes.push(offset),
                Some((offset, FileKind::TimeIndex)) => listing.time_indexes.push(offset),
                None if strays::is_stray(name) => self.strays.borrow_mut().push(name.into()),
                _ => {}
            }
        }
        let strays = self.strays.borrow().len();
        if strays > 0 {
            tracing::warn!(dir = %self.dir.display(), strays, "segments that were set aside are kept");
        }
        listing.base_offsets.sort_unstable();
        for (found, kind) in [
            (&listing.indexes, FileKind::Index),
            (&listing.time_indexes, FileKind::TimeIndex),
        ] {
            for offset in found {
                if listing.base_offsets.binary_search(offset).is_err() {
                    remove_if_there(&self.home.dir.file(*offset, kind))?;
                }
            }
        }
        Ok(listing)
    }

    /// All segments, those that cannot be trusted recovered; none after a damaged one.
    fn load_segments(
        &self,
        listing: &Listing,
        epochs: &mut EpochCache,
    ) -> io::Result<Vec<Arc<Segment>>> {
        let mut segments = Vec::with_capacity(listing.base_offsets.len());
        let mut cut = false;
        for (at, &base_offset) in listing.base_offsets.iter().enumerate() {
            let path = self.home.dir.file(base_offset, FileKind::Log);
            let size_bytes = fs::metadata(path)?.len();
            if cut {
                self.discard(base_offset, size_bytes, "it comes behind what was cut off")?;
                continue;
            }
            let size_bytes = u32::try_from(size_bytes)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "segment above 4 GiB"))?;
            let indexed = listing.indexes.contains(&base_offset)
                && listing.time_indexes.contains(&base_offset);
            let segment = Segment::existing(self.home, base_offset, size_bytes, self.now_ms);
            let next = listing.base_offsets.get(at + 1).copied();
            let trusted = self.is_trusted(&segment, next);
            let segment = if indexed && trusted {
                if next.is_none() && !self.checkpoint.clean {
                    // Only a roll or a clean stop completes the time index; retention goes by it.
                    segment.rebuild_largest_timestamp()?;
                }
                segment
            } else {
                let (segment, end) = self.recover(base_offset, size_bytes, next, epochs)?;
                let is_short = !trusted && self.is_short(end, next);
                cut = segment.size_bytes() < size_bytes || is_short;
                if trusted {
                    segment.sync_indexes()?;
                }
                segment
            };
            segments.push(Arc::new(segment));
        }
        Ok(segments)
    }

    /// Whether a segment and its indexes are as they were fsynced: after a clean shutdown, and
    /// below the recovery point.
    fn is_trusted(&self, segment: &Segment, next_base_offset: Option<i64>) -> bool {
        let recovery_point = self.checkpoint.recovery_point;
        self.checkpoint.clean
            || match next_base_offset {
                Some(next) => next <= recovery_point,
                None => self
                    .last_batch_end(segment)
                    .is_ok_and(|end| end == recovery_point),
            }
    }

    /// Whether a segment that was recovered up to `end` has lost its last batches, and no trace is
    /// left of them: the next one's bytes may reach the disk first. A compacted log has such gaps, and
    /// one that once was; but not above the recovery point, if that is known.
    fn is_short(&self, end: i64, next_base_offset: Option<i64>) -> bool {
        self.checkpoint.recovery_point > 0
            && end >= self.checkpoint.recovery_point
            && next_base_offset.is_some_and(|next| end < next)
            && !self.options.config.cleanup_compact
    }

    /// Checks a segment's batches, from the recovery point on if its indexes reach that far, cuts
    /// it at the first bad one and completes its indexes. The next offset comes along.
    fn recover(
        &self,
        base_offset: i64,
        size_bytes: u32,
        next_base_offset: Option<i64>,
        epochs: &mut EpochCache,
    ) -> io::Result<(Segment, i64)> {
        Segment::existing(self.home, base_offset, size_bytes, self.now_ms).reread()?;
        let resumed = self.resume(base_offset, size_bytes)?;
        let (segment, mut position, mut next_offset) = match resumed {
            Some(resumed) => resumed,
            None => {
                let segment = Segment::reindexed(self.home, base_offset, size_bytes, self.now_ms)?;
                let no_timestamp = segment.time_index.last()?;
                segment.restore_times(no_timestamp, 0);
                (segment, 0, base_offset)
            }
        };
        let mut scan = CheckedScan::new(segment.file()?, position, size_bytes);
        while let Some(batch) = scan.next_batch()? {
            let header = &batch.header;
            let reaches_into_next =
                next_base_offset.is_some_and(|next| next < header.next_offset());
            if header.base_offset < next_offset
                || reaches_into_next
                || !segment.can_hold(header.last_offset())
                || (header.base_offset > next_offset
                    && self.is_astray(&segment, &batch, next_base_offset)?)
            {
                break;
            }
            segment.note_batch(&batch, self.options.config.index_interval_bytes)?;
            epochs.assign_recovered(header.partition_leader_epoch, header.base_offset);
            next_offset = header.next_offset();
            position = batch.end_position();
        }
        if position < size_bytes {
            tracing::warn!(
                path = %segment.path().display(),
                position,
                bytes = size_bytes - position,
                "cutting off what is no whole batch"
            );
            segment.publish(position);
        }
        // Also where nothing is cut off: space that was set aside behind the end is given back.
        segment.file()?.set_len(u64::from(position))?;
        segment.set_dirty();
        segment.seal()?;
        Ok((segment, next_offset))
    }

    /// Whether the offset of a batch behind a gap, which no checksum covers, is higher than it was: what follows does not
    /// go on from there. Before the very last batch there can be a gap only where the log is known to end behind it, or in
    /// a log that is compacted, or once was, and has others.
    fn is_astray(
        &self,
        segment: &Segment,
        batch: &BatchAt,
        next_base_offset: Option<i64>,
    ) -> io::Result<bool> {
        let end = batch.header.next_offset();
        let mut later = segment.scan_from(batch.end_position(), segment.size_bytes())?;
        let is_astray = match later.next() {
            Some(Ok(next)) => next.header.base_offset < end,
            Some(Err(error)) if error.kind() != io::ErrorKind::InvalidData => return Err(error),
            _ => {
                let is_known = next_base_offset.is_some() || end == self.checkpoint.recovery_point;
                !is_known && !self.has_gaps.get()
            }
        };
        self.has_gaps.set(self.has_gaps.get() || !is_astray);
        Ok(is_astray)
    }

    /// The segment with its indexes cut at the last entry below the recovery point, the position
    /// after that entry's batch, and the next offset. `None` if the indexes do not lead there.
    fn resume(&self, base_offset: i64, size_bytes: u32) -> io::Result<Option<(Segment, u32, i64)>> {
        let segment = Segment::existing(self.home, base_offset, size_bytes, self.now_ms);
        if self.checkpoint.recovery_point <= base_offset
            || !segment.index.is_sound()
            || !segment.time_index.is_sound()
        {
            return Ok(None);
        }
        let entry = segment.index.lookup(self.checkpoint.recovery_point - 1)?;
        if entry.position == 0 || entry.position >= size_bytes {
            return Ok(None);
        }
        let mut scan = CheckedScan::new(segment.file()?, entry.position, size_bytes);
        let batch = match scan.next_batch()? {
            Some(batch) if batch.header.last_offset() == entry.offset => batch,
            _ => return Ok(None),
        };
        let position = batch.end_position();
        segment.index.truncate_to_position(position)?;
        segment.time_index.truncate_to_offset(entry.offset + 1)?;
        segment.restore_times(segment.time_index.last()?, entry.position);
        Ok(Some((segment, position, batch.header.next_offset())))
    }

    /// The log's end. A log that ends before it should start is begun anew where it should, as
    /// Kafka does; but the records that it has are kept beside it, in case the checkpoint is wrong.
    fn end(&self, segments: &mut Vec<Arc<Segment>>, epochs: &mut EpochCache) -> io::Result<Mark> {
        let log_start = self.checkpoint.log_start.max(0);
        if let Some(last) = segments.pop() {
            let (offset, recovered) = self.next_offset(&last, epochs)?;
            let last = recovered.map_or(last, Arc::new);
            let mark = Mark {
                offset,
                segment: last.base_offset(),
                position: last.size_bytes(),
            };
            segments.push(last);
            if offset >= log_start {
                return Ok(mark);
            }
        }
        for segment in segments.drain(..) {
            segment.retire();
            self.discard(
                segment.base_offset(),
                segment.size_bytes().into(),
                "all of it lies before the log start",
            )?;
            epochs.clear();
        }
        let first = Segment::create(self.home, log_start, self.now_ms)?;
        segments.push(Arc::new(first));
        Ok(Mark {
            offset: log_start,
            segment: log_start,
            position: 0,
        })
    }

    /// The offset after the segment's last batch. A segment that was to be trusted but does not
    /// read to its end is recovered, and comes along.
    fn next_offset(
        &self,
        segment: &Segment,
        epochs: &mut EpochCache,
    ) -> io::Result<(i64, Option<Segment>)> {
        if let Ok(offset) = self.last_batch_end(segment) {
            return Ok((offset, None));
        }
        segment.retire();
        let base_offset = segment.base_offset();
        remove_if_there(&self.home.dir.file(base_offset, FileKind::Index))?;
        let (recovered, end) = self.recover(base_offset, segment.size_bytes(), None, epochs)?;
        Ok((end, Some(recovered)))
    }

    /// The offset after the segment's last batch. An error too if the offsets up to there, which no checksum covers, do
    /// not go on from each other: the log would be taken for shorter or longer than it is.
    fn last_batch_end(&self, segment: &Segment) -> io::Result<i64> {
        let size_bytes = segment.size_bytes();
        let indexed = segment.index.last()?;
        let from = indexed.map_or(0, |entry| entry.position);
        if from >= size_bytes && size_bytes > 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut offset = segment.base_offset();
        for batch in segment.scan_from(from, size_bytes)? {
            let batch = batch?;
            let header = &batch.header;
            let goes_on = match indexed {
                Some(entry) if batch.position == from => header.last_offset() == entry.offset,
                _ if header.base_offset > offset => !self.is_astray(segment, &batch, None)?,
                _ => header.base_offset == offset,
            };
            if !goes_on {
                return Err(io::ErrorKind::InvalidData.into());
            }
            offset = header.next_offset();
        }
        Ok(offset)
    }

    /// Removes a segment's files. Its log is set aside if there is anything in it.
    fn discard(&self, base_offset: i64, size_bytes: u64, why: &str) -> io::Result<()> {
        let path = self.home.dir.file(base_offset, FileKind::Log);
        if size_bytes > 0 {
            let aside = strays::new_name(base_offset);
            tracing::error!(path = %path.display(), aside = %aside.display(), why, "a segment is set aside");
            fs::rename(path, self.dir.join(&aside))?;
            self.strays.borrow_mut().push(aside);
        } else {
            tracing::warn!(path = %path.display(), why, "dropping an empty segment");
        }
        for kind in [FileKind::Log].into_iter().chain(FileKind::BESIDES_LOG) {
            remove_if_there(&self.home.dir.file(base_offset, kind))?;
        }
        Ok(())
    }

    /// Fsyncs every segment that was recovered, and the directory.
    fn sync_kept(&self, segments: &[Arc<Segment>]) -> io::Result<()> {
        if !segments.iter().any(|segment| segment.is_dirty()) {
            return Ok(());
        }
        for segment in segments {
            segment.sync_log()?;
        }
        sync_dir(self.dir)
    }
}

/// The leader epochs of all batches.
fn collect_epochs(segments: &[Arc<Segment>]) -> io::Result<EpochCache> {
    let mut epochs = EpochCache::default();
    for segment in segments {
        for batch in segment.scan_from(0, segment.size_bytes())? {
            let header = batch?.header;
            epochs.assign_recovered(header.partition_leader_epoch, header.base_offset);
        }
    }
    // Written even if there are none, so that the next start need not look again.
    epochs.set_changed();
    Ok(epochs)
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
