//! A segment: a stretch of the log in one file, with its two indexes.
//!
//! Invariants: bytes below `size_bytes` never change while the segment lives; truncation makes a
//! new `Segment` of the same base offset and retires this one. All of the segment's batches begin
//! at or after its base offset and end within an `i32` of it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use format::NO_TIMESTAMP;
use parking_lot::Mutex;
use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};

use crate::file_cache::{FileCache, Slot};
use crate::limits::{MAX_RESERVE_BYTES, MIN_RESERVE_BYTES};
use crate::names::{FileKind, PartitionDir};
use crate::offset_index::OffsetIndex;
use crate::scan::BatchAt;
use crate::time_index::{TimeIndex, TimestampOffset};
use crate::trail::Trail;
use crate::verdict::{Verdict, fdatasync, patiently};

/// What the segments of a log share.
#[derive(Debug, Clone)]
pub(crate) struct SegmentHome {
    pub(crate) dir: Arc<PartitionDir>,
    pub(crate) files: Arc<FileCache>,
}

#[derive(Debug)]
pub(crate) struct Segment {
    home: SegmentHome,
    base_offset: i64,
    slot: Arc<Slot>,
    /// Published bytes: stored with Release after their write returned.
    size_bytes: AtomicU32,
    /// Up to where the file system was asked to set space aside; changes with appends only.
    reserved_bytes: AtomicU64,
    /// Truncated away or deleted; a reader that got its file too late looks again.
    retired: AtomicBool,
    pub(crate) index: OffsetIndex,
    pub(crate) time_index: TimeIndex,
    pub(crate) trail: Trail,
    times: Mutex<Times>,
}

/// What rolling by time, retention and the time index ask for.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// The largest timestamp and where it is; `None` until it is read from the time index.
    largest: Option<TimestampOffset>,
    /// The first batch's largest timestamp; `None` until it is known.
    first_batch: Option<i64>,
    created_ms: i64,
    /// Where the batch of the last offset index entry begins, or where the segment was opened.
    indexed_position: u32,
}

impl Segment {
    /// Creates the files of a new segment, or none. The caller syncs their directory.
    pub(crate) fn create(home: &SegmentHome, base_offset: i64, now_ms: i64) -> io::Result<Self> {
        Self::create_files(home, base_offset, now_ms).inspect_err(|_| {
            // An empty segment left behind would hide what the segment before it gets yet.
            for kind in [FileKind::Log, FileKind::Index, FileKind::TimeIndex] {
                let _ = std::fs::remove_file(home.dir.file(base_offset, kind));
            }
        })
    }

    fn create_files(home: &SegmentHome, base_offset: i64, now_ms: i64) -> io::Result<Self> {
        // The log comes last: without it the indexes are orphans.
        let index = OffsetIndex::create(Arc::clone(&home.dir), base_offset)?;
        let time_index = TimeIndex::create(Arc::clone(&home.dir), base_offset)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(home.dir.file(base_offset, FileKind::Log))?;
        let segment = Self::with(home, base_offset, 0, index, time_index, now_ms);
        home.files.put(&segment.slot, Arc::new(file));
        Ok(segment)
    }

    /// A segment whose files exist, its log `size_bytes` long.
    pub(crate) fn existing(
        home: &SegmentHome,
        base_offset: i64,
        size_bytes: u32,
        now_ms: i64,
    ) -> Self {
        let index = OffsetIndex::existing(Arc::clone(&home.dir), base_offset);
        let time_index = TimeIndex::existing(Arc::clone(&home.dir), base_offset);
        Self::with(home, base_offset, size_bytes, index, time_index, now_ms)
    }

    /// As `existing`, with indexes that are built anew.
    pub(crate) fn reindexed(
        home: &SegmentHome,
        base_offset: i64,
        size_bytes: u32,
        now_ms: i64,
    ) -> io::Result<Self> {
        let index = OffsetIndex::create(Arc::clone(&home.dir), base_offset)?;
        let time_index = TimeIndex::create(Arc::clone(&home.dir), base_offset)?;
        Ok(Self::with(
            home,
            base_offset,
            size_bytes,
            index,
            time_index,
            now_ms,
        ))
    }

    fn with(
        home: &SegmentHome,
        base_offset: i64,
        size_bytes: u32,
        index: OffsetIndex,
        time_index: TimeIndex,
        now_ms: i64,
    ) -> Self {
        Self {
            home: home.clone(),
            base_offset,
            slot: Arc::default(),
            size_bytes: AtomicU32::new(size_bytes),
            reserved_bytes: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            index,
            time_index,
            trail: Trail::default(),
            times: Mutex::new(Times {
                largest: None,
                first_batch: None,
                created_ms: now_ms,
                indexed_position: size_bytes,
            }),
        }
    }

    pub(crate) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    pub(crate) fn size_bytes(&self) -> u32 {
        self.size_bytes.load(Ordering::Acquire)
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Tells readers to look for another segment. Returns the file if it was open.
    pub(crate) fn retire(&self) -> Option<Arc<File>> {
        self.retired.store(true, Ordering::Release);
        self.slot.take()
    }

    /// Has the next fsync cover the file, which changed by other means than `write`.
    pub(crate) fn set_dirty(&self) {
        self.slot.set_dirty();
    }

    /// Whether something waits for an fsync.
    pub(crate) fn is_dirty(&self) -> bool {
        self.slot.is_dirty()
    }

    /// Closes the file, whose name leads to another one now.
    pub(crate) fn reopen(&self) {
        self.slot.take();
    }

    pub(crate) fn created_ms(&self) -> i64 {
        self.times.lock().created_ms
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.home.dir.file(self.base_offset, FileKind::Log)
    }

    pub(crate) fn file(&self) -> io::Result<Arc<File>> {
        self.home.files.get(&self.slot, || self.path())
    }

    /// Whether an index entry for `offset` fits its 32 bits.
    pub(crate) fn can_hold(&self, offset: i64) -> bool {
        let relative = offset.checked_sub(self.base_offset);
        relative.is_some_and(|relative| (0..=i64::from(i32::MAX)).contains(&relative))
    }

    /// Writes bytes behind the published ones and undoes what a failed write left.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), WriteError> {
        // Dirty before the file is taken, so that it stays open until its fsync.
        self.slot.set_dirty();
        let file = self.file().map_err(WriteError::of)?;
        let at = u64::from(self.size_bytes());
        self.reserve(&file, at + bytes.len() as u64);
        let Err(error) = file.write_all_at(bytes, at) else {
            // And again: a sync that began meanwhile may have missed these bytes.
            self.slot.set_dirty();
            return Ok(());
        };
        match file.set_len(at) {
            Ok(()) => Err(WriteError::of(error)),
            Err(_) => Err(WriteError::Final(error)),
        }
    }

    /// Sets space aside behind `end` once the segment has grown to some size: a write into it costs the file system
    /// a third less than one that has to find space of its own. The file's length stays; a refusal does no harm.
    fn reserve(&self, file: &File, end: u64) {
        let reserved = self.reserved_bytes.load(Ordering::Relaxed);
        if end <= reserved || end < MIN_RESERVE_BYTES {
            return;
        }
        let reach = end + end.min(MAX_RESERVE_BYTES);
        let from = reserved.max(u64::from(self.size_bytes()));
        if fallocate(file, FallocateFlags::KEEP_SIZE, from, reach - from).is_err() {
            // Part of it may have been had.
            let _ = file.set_len(u64::from(self.size_bytes()));
        }
        self.reserved_bytes.store(reach, Ordering::Relaxed);
    }

    /// Gives back what was set aside and not filled. Nothing is appended meanwhile.
    fn release(&self) -> io::Result<()> {
        if self.reserved_bytes.swap(0, Ordering::Relaxed) == 0 {
            return Ok(());
        }
        self.file()?.set_len(u64::from(self.size_bytes()))
    }

    /// Shows the bytes just written to readers.
    pub(crate) fn publish(&self, size_bytes: u32) {
        self.size_bytes.store(size_bytes, Ordering::Release);
    }

    /// Takes a batch of the segment into its indexes. A failure leaves entries waiting in memory.
    pub(crate) fn note_batch(&self, batch: &BatchAt, index_interval_bytes: u32) -> io::Result<()> {
        let mut times = self.times.lock();
        let header = &batch.header;
        if batch.position == 0 {
            times.first_batch = Some(header.max_timestamp);
        }
        let mut largest = self.largest(&mut times)?;
        if header.max_timestamp > largest.timestamp {
            largest = TimestampOffset {
                timestamp: header.max_timestamp,
                offset: header.last_offset(),
            };
            times.largest = Some(largest);
        }
        if batch.position.saturating_sub(times.indexed_position) <= index_interval_bytes {
            return Ok(());
        }
        times.indexed_position = batch.position;
        self.index.append(header.last_offset(), batch.position)?;
        self.time_index.maybe_append(largest)
    }

    /// Whether `batch_bytes` more need a new segment, by Kafka's rules.
    pub(crate) fn must_roll(&self, next: &RollCheck) -> io::Result<bool> {
        let size_bytes = self.size_bytes();
        let too_large = size_bytes > next.segment_bytes.saturating_sub(next.batch_bytes);
        if too_large || !self.can_hold(next.last_offset) {
            return Ok(true);
        }
        let waited_ms = self.waited_ms(next.now_ms, next.max_timestamp)?;
        Ok((size_bytes > 0 && waited_ms > next.segment_ms)
            || self.index.is_full(next.segment_index_bytes)?
            || self.time_index.is_full(next.segment_index_bytes)?)
    }

    /// How long the segment has been filling: by its batches' timestamps, else by the clock.
    fn waited_ms(&self, now_ms: i64, max_timestamp: i64) -> io::Result<i64> {
        let mut times = self.times.lock();
        if times.first_batch.is_none() && self.size_bytes() > 0 {
            let first = self.scan_from(0, self.size_bytes())?.next().transpose()?;
            times.first_batch = first.map(|batch| batch.header.max_timestamp);
        }
        Ok(match times.first_batch {
            Some(first) if first >= 0 => max_timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(times.created_ms),
        })
    }

    /// The largest timestamp and the last offset of the batch that has it.
    pub(crate) fn largest_timestamp(&self) -> io::Result<TimestampOffset> {
        self.largest(&mut self.times.lock())
    }

    /// Sets the largest timestamp and the indexed position as recovery found them.
    pub(crate) fn restore_times(&self, largest: TimestampOffset, indexed_position: u32) {
        let mut times = self.times.lock();
        times.largest = Some(largest);
        times.indexed_position = indexed_position;
    }

    fn largest(&self, times: &mut Times) -> io::Result<TimestampOffset> {
        if let Some(largest) = times.largest {
            return Ok(largest);
        }
        let largest = self.time_index.last()?;
        times.largest = Some(largest);
        Ok(largest)
    }

    /// Retention's age of the segment: its largest timestamp, else when its file was written.
    pub(crate) fn retention_timestamp(&self) -> io::Result<i64> {
        let largest = self.largest_timestamp()?.timestamp;
        if largest > NO_TIMESTAMP {
            return Ok(largest);
        }
        let modified = std::fs::metadata(self.path())?.modified()?;
        let since_epoch = modified.duration_since(std::time::UNIX_EPOCH);
        Ok(since_epoch.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Reads the largest timestamp from the batches behind the time index's last entry too.
    pub(crate) fn rebuild_largest_timestamp(&self) -> io::Result<()> {
        let mut largest = self.time_index.last()?;
        // Both indexes get their entries together: the time index knows what lies before the last one.
        let from = self.index.last()?.map_or(0, |entry| entry.position);
        for batch in self.scan_from(from, self.size_bytes())? {
            let header = batch?.header;
            if header.max_timestamp > largest.timestamp {
                largest = TimestampOffset {
                    timestamp: header.max_timestamp,
                    offset: header.last_offset(),
                };
            }
        }
        self.restore_times(largest, self.size_bytes());
        Ok(())
    }

    /// Ends the segment: its time index gets the largest timestamp, and nothing waits in memory or holds space
    /// that it does not fill. The caller holds off appends.
    pub(crate) fn seal(&self) -> io::Result<()> {
        self.release()?;
        self.time_index.maybe_append(self.largest_timestamp()?)?;
        self.flush_indexes()
    }

    /// Writes the index entries that wait in memory.
    pub(crate) fn flush_indexes(&self) -> io::Result<()> {
        self.index.flush()?;
        self.time_index.flush()
    }

    /// Brings the log back to what is on the disk: pages whose write-back failed hold bytes that
    /// the disk does not have, and no later fsync would tell.
    pub(crate) fn reread(&self) -> io::Result<()> {
        let file = self.file()?;
        fdatasync(&file)?;
        Ok(fadvise(&*file, 0, None, Advice::DontNeed)?)
    }

    /// Fsyncs the log if it was written to.
    pub(crate) fn sync_log(&self) -> io::Result<()> {
        let taken = patiently(|| self.home.files.take_dirty(&self.slot, || self.path()))?;
        taken.map_or(Ok(()), |file| fdatasync(&file))
    }

    /// Fsyncs the indexes.
    pub(crate) fn sync_indexes(&self) -> io::Result<()> {
        self.index.sync()?;
        self.time_index.sync()
    }
}

/// What is about to be appended, and the configuration that decides whether it still fits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RollCheck {
    pub(crate) batch_bytes: u32,
    pub(crate) last_offset: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) now_ms: i64,
    pub(crate) segment_bytes: u32,
    /// With the jitter taken off.
    pub(crate) segment_ms: i64,
    pub(crate) segment_index_bytes: u32,
}

/// Why bytes were not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The file is as it was, and a later write may succeed.
    RolledBack(io::Error),
    /// The disk failed, or part of the bytes is left behind the file's published end.
    Final(io::Error),
}

impl WriteError {
    fn of(error: io::Error) -> Self {
        if Verdict::of(&error) == Verdict::Passes {
            Self::RolledBack(error)
        } else {
            Self::Final(error)
        }
    }
}
