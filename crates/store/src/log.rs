//! A partition's log: what it is made of, and what is known of it without reading it.
//!
//! Locks, taken in this order: `syncing`, `writer`, then any of the small ones. Reads take neither
//! `syncing` nor `writer`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use crate::checkpoint::{self, Sync};
use crate::config::{Durability, LogConfig};
use crate::ends::Ends;
use crate::epoch_cache::EpochCache;
use crate::file_cache::FileCache;
use crate::mark::Mark;
use crate::names::FileKind;
use crate::producer_snapshot;
use crate::producer_state::ProducerState;
use crate::retention::Doomed;
use crate::segment::{Segment, SegmentHome};
use crate::types::ActiveProducer;

/// How a log is opened.
#[derive(Debug, Clone)]
pub struct LogOptions {
    pub config: LogConfig,
    pub durability: Durability,
    pub files: Arc<FileCache>,
}

/// See the module.
#[derive(Debug)]
pub struct Log {
    pub(crate) home: SegmentHome,
    pub(crate) durability: Durability,
    config: ArcSwap<LogConfig>,
    /// By base offset, never empty; the last is the active one. Stored under `writer`.
    pub(crate) segments: ArcSwap<Vec<Arc<Segment>>>,
    pub(crate) log_start: AtomicI64,
    pub(crate) ends: Ends,
    /// Log, indexes, epochs and producer snapshot are fsynced up to here.
    pub(crate) recovery_point: AtomicI64,
    /// Sticky: a write could not be undone, or an fsync failed.
    failed: AtomicBool,
    /// Files were created in the directory since its last fsync.
    pub(crate) dir_dirty: AtomicBool,
    /// The directory itself was created and its parent not yet fsynced.
    pub(crate) newborn: AtomicBool,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) syncing: Mutex<()>,
    pub(crate) epochs: RwLock<EpochCache>,
    pub(crate) doomed: Mutex<Vec<Doomed>>,
    /// Names of what recovery set aside, now or earlier.
    pub(crate) strays: Mutex<Vec<PathBuf>>,
}

/// What only an append changes.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) producers: ProducerState,
    /// Offset of the newest producer snapshot in the directory.
    pub(crate) snapshot_offset: i64,
    /// Older snapshots, which recovery does not need once the newest is fsynced.
    pub(crate) superseded: Vec<i64>,
}

/// A log as recovery found or made it.
pub(crate) struct Recovered {
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) log_start: i64,
    pub(crate) end: Mark,
    pub(crate) recovery_point: i64,
    pub(crate) epochs: EpochCache,
    pub(crate) writer: Writer,
    pub(crate) newborn: bool,
    pub(crate) strays: Vec<PathBuf>,
}

impl Log {
    pub(crate) fn new(home: SegmentHome, options: LogOptions, recovered: Recovered) -> Self {
        Self {
            home,
            durability: options.durability,
            config: ArcSwap::from_pointee(options.config),
            segments: ArcSwap::from_pointee(recovered.segments),
            log_start: AtomicI64::new(recovered.log_start),
            ends: Ends::new(recovered.end),
            recovery_point: AtomicI64::new(recovered.recovery_point),
            failed: AtomicBool::new(false),
            // Whoever made the files may have died before it synced their names.
            dir_dirty: AtomicBool::new(true),
            newborn: AtomicBool::new(recovered.newborn),
            writer: Mutex::new(recovered.writer),
            syncing: Mutex::new(()),
            epochs: RwLock::new(recovered.epochs),
            doomed: Mutex::new(Vec::new()),
            strays: Mutex::new(recovered.strays),
        }
    }

    /// The first offset that can be read.
    pub fn log_start(&self) -> i64 {
        self.log_start.load(Ordering::Acquire)
    }

    /// The offset that the next record gets.
    pub fn log_end(&self) -> i64 {
        self.ends.end_offset()
    }

    /// Everything below is as durable as the log's mode promises.
    pub fn durable_end(&self) -> i64 {
        self.ends.durable_offset()
    }

    /// Everything below has been fsynced, whatever the mode.
    pub fn synced_end(&self) -> i64 {
        self.ends.synced_offset()
    }

    /// What recovery need not look at, as of the last [`checkpoint`](Self::checkpoint).
    pub fn recovery_point(&self) -> i64 {
        self.recovery_point.load(Ordering::Acquire)
    }

    /// The log failed and accepts nothing until it is opened anew.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(crate) fn set_failed(&self) {
        self.failed.store(true, Ordering::Release);
    }

    pub(crate) fn check_usable(&self) -> io::Result<()> {
        if self.failed() {
            return Err(io::Error::other("the log failed earlier and is offline"));
        }
        Ok(())
    }

    /// The partition's directory.
    pub fn path(&self) -> Arc<Path> {
        self.home.dir.path()
    }

    /// Moves the partition's directory. Files opened from now on are found at the new place.
    pub(crate) fn rename(&self, to: &Path) -> io::Result<()> {
        let _syncing = self.syncing.lock();
        let _writer = self.writer.lock();
        self.home.dir.rename(to)
    }

    pub fn config(&self) -> Arc<LogConfig> {
        self.config.load_full()
    }

    pub fn set_config(&self, config: LogConfig) {
        self.config.store(Arc::new(config));
    }

    pub fn segment_count(&self) -> usize {
        self.segments.load().len()
    }

    /// Bytes of all segments' logs.
    pub fn size_bytes(&self) -> u64 {
        let segments = self.segments.load();
        let sizes = segments
            .iter()
            .map(|segment| u64::from(segment.size_bytes()));
        sizes.sum()
    }

    /// Notes that this broker leads with `epoch` from the log end on.
    pub fn start_epoch(&self, epoch: i32) {
        // Under the append lock, so that no batch of another epoch gets in between.
        let _writer = self.writer.lock();
        self.epochs.write().assign(epoch, self.log_end());
    }

    pub fn latest_epoch(&self) -> Option<i32> {
        self.epochs.read().latest().map(|entry| entry.epoch)
    }

    /// The leader epoch that wrote, or will write, `offset`.
    pub fn leader_epoch_at(&self, offset: i64) -> Option<i32> {
        self.epochs.read().epoch_for_offset(offset)
    }

    /// The largest known epoch at or below `epoch`, and its end offset (KIP-101, KIP-279).
    pub fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        self.epochs.read().end_offset_for(epoch, self.log_end())
    }

    pub fn producers(&self) -> Vec<ActiveProducer> {
        self.writer.lock().producers.active()
    }

    /// Forgets producers that have been idle for `producer.id.expiration.ms`.
    pub fn expire_producers(&self, now_ms: i64) {
        let expiration_ms = self.config.load().producer_id_expiration_ms;
        self.writer.lock().producers.expire(now_ms, expiration_ms);
    }

    /// The first offset of the oldest transaction without a marker.
    pub fn first_undecided_offset(&self) -> Option<i64> {
        self.writer.lock().producers.first_undecided_offset()
    }

    /// Begins a new segment at the log end, unless the active one is empty.
    pub fn roll(&self, now_ms: i64) -> io::Result<()> {
        self.check_usable()?;
        let mut writer = self.writer.lock();
        self.roll_to(&mut writer, self.log_end(), now_ms)
    }

    /// Begins a new segment at `base_offset`, which is the log end or, on a replica, beyond it.
    pub(crate) fn roll_to(
        &self,
        writer: &mut Writer,
        base_offset: i64,
        now_ms: i64,
    ) -> io::Result<()> {
        let active = self.active();
        if active.base_offset() == base_offset {
            return Ok(());
        }
        active.seal()?;
        writer.producers.set_end_offset(base_offset);
        self.write_snapshot(writer, Sync::Later)?;
        let segment = Arc::new(Segment::create(&self.home, base_offset, now_ms)?);
        self.dir_dirty.store(true, Ordering::Release);
        let mut segments = Vec::clone(&self.segments.load());
        segments.push(segment);
        self.segments.store(Arc::new(segments));
        self.ends.publish(Mark {
            offset: self.log_end(),
            segment: base_offset,
            position: 0,
        });
        Ok(())
    }

    /// Writes the producer state as of its end offset, unless a snapshot is there already.
    pub(crate) fn write_snapshot(&self, writer: &mut Writer, sync: Sync) -> io::Result<()> {
        let offset = writer.producers.end_offset();
        if offset <= writer.snapshot_offset {
            return Ok(());
        }
        let path = self.home.dir.file(offset, FileKind::Snapshot);
        checkpoint::replace_file(&path, &producer_snapshot::encode(&writer.producers), sync)?;
        writer.superseded.push(writer.snapshot_offset);
        writer.snapshot_offset = offset;
        Ok(())
    }

    pub(crate) fn active(&self) -> Arc<Segment> {
        let segments = self.segments.load();
        match segments.last() {
            Some(active) => Arc::clone(active),
            None => unreachable!("a log has at least one segment"),
        }
    }

    /// `segment.ms` less this segment's share of `segment.jitter.ms`: the same for each look at a
    /// segment, different from segment to segment.
    pub(crate) fn jittered_segment_ms(&self, config: &LogConfig, base_offset: i64) -> i64 {
        let bound_ms = config.segment_jitter_ms.min(config.segment_ms);
        if bound_ms <= 0 {
            return config.segment_ms;
        }
        let mut hasher = DefaultHasher::new();
        self.path().hash(&mut hasher);
        base_offset.hash(&mut hasher);
        let jitter_ms = (hasher.finish() >> 1) as i64 % bound_ms;
        config.segment_ms - jitter_ms
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
