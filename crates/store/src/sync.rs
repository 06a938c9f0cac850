//! Making a log durable: fsync, the recovery point, and a clean close.

use std::fs::{self, File};
use std::io;
use std::sync::atomic::Ordering;

use crate::checkpoint::{self, Sync, sync_dir};
use crate::epoch_cache;
use crate::log::Log;
use crate::mark::Mark;
use crate::names::FileKind;
use crate::partition_metadata;
use crate::verdict::{Verdict, fsync, patiently};

impl Log {
    /// Fsyncs everything up to the log end as it is on entry, and raises the durable end to it.
    ///
    /// A failure is final: the log accepts nothing from then on, and what the page cache holds
    /// above the durable end is not to be trusted.
    pub fn sync(&self) -> io::Result<i64> {
        let _syncing = self.syncing.lock();
        self.sync_alone()
    }

    /// As `sync`; the caller holds `syncing`.
    fn sync_alone(&self) -> io::Result<i64> {
        self.check_usable()?;
        let target = self.ends.end();
        let synced = self.sync_files(self.ends.synced(), target);
        if let Err(error) = synced {
            self.set_failed();
            return Err(error);
        }
        self.ends.raise_synced(target);
        Ok(target.offset)
    }

    fn sync_files(&self, from: Mark, to: Mark) -> io::Result<()> {
        for segment in self.segments.load().iter() {
            // Older before newer: what is durable has no hole.
            if (from.segment..=to.segment).contains(&segment.base_offset()) {
                segment.sync_log()?;
            }
        }
        if self.newborn.swap(false, Ordering::AcqRel) {
            let metadata = self.path().join(partition_metadata::FILE_NAME);
            patiently(|| sync_if_there(&metadata))?;
            if let Some(parent) = self.path().parent() {
                patiently(|| sync_dir(parent))?;
            }
        }
        // Where there is nothing new, no acknowledgement waits for it.
        if from != to && self.dir_dirty.swap(false, Ordering::AcqRel) {
            patiently(|| sync_dir(&self.path()))?;
        }
        Ok(())
    }

    /// Makes recovery start no earlier than the log end as it is on entry: fsyncs the log, its
    /// indexes, its leader epochs and a producer snapshot. Returns the new recovery point, for the
    /// caller to write into the log dir's checkpoint.
    ///
    /// Where any of these fsyncs fails, or the disk is lost, the log has failed, as in [`sync`](Self::sync). Anything else, a full disk say, leaves the recovery point where
    /// it is.
    pub fn checkpoint(&self) -> io::Result<i64> {
        let _syncing = self.syncing.lock();
        self.check_usable()?;
        self.checkpoint_alone().inspect_err(|error| {
            if Verdict::of(error) == Verdict::Lost {
                self.set_failed();
            }
        })
    }

    /// As `checkpoint`; the caller holds `syncing`.
    fn checkpoint_alone(&self) -> io::Result<i64> {
        let recovery_point = self.recovery_point();
        let (end_offset, superseded) = self.write_end_snapshot()?;
        if end_offset == recovery_point {
            return Ok(recovery_point);
        }
        self.sync_alone()?;
        self.write_epochs(Sync::Now)?;
        let segments = self.segments.load_full();
        let after = segments.partition_point(|segment| segment.base_offset() <= recovery_point);
        for segment in segments.iter().skip(after.saturating_sub(1)) {
            segment.sync_indexes()?;
        }
        sync_if_there(&self.home.dir.file(end_offset, FileKind::Snapshot))?;
        sync_dir(&self.path())?;
        self.recovery_point.store(end_offset, Ordering::Release);
        self.drop_snapshots(&superseded)?;
        Ok(end_offset)
    }

    /// Writes whatever opening the log again would otherwise have to rebuild.
    ///
    /// Only the log itself is fsynced: the caller syncs the file system once for all its logs
    /// before it leaves a clean-shutdown mark, as `LogDir::close` does.
    pub fn close(&self) -> io::Result<()> {
        let _syncing = self.syncing.lock();
        let (end_offset, superseded) = self.write_end_snapshot()?;
        self.sync_alone()?;
        self.write_epochs(Sync::Later)?;
        for segment in self.segments.load().iter() {
            segment.flush_indexes()?;
        }
        {
            let _writer = self.writer.lock();
            self.active().seal()?;
        }
        self.recovery_point.store(end_offset, Ordering::Release);
        self.drop_snapshots(&superseded)
    }

    /// Writes a producer snapshot at the log end. Returns the log end, and the offsets of the
    /// snapshots that it supersedes.
    fn write_end_snapshot(&self) -> io::Result<(i64, Vec<i64>)> {
        let mut writer = self.writer.lock();
        self.write_snapshot(&mut writer, Sync::Later)?;
        Ok((self.log_end(), std::mem::take(&mut writer.superseded)))
    }

    /// Removes those snapshots that no segment begins with.
    fn drop_snapshots(&self, offsets: &[i64]) -> io::Result<()> {
        let segments = self.segments.load();
        let begins = |offset| {
            segments
                .iter()
                .any(|segment| segment.base_offset() == offset)
        };
        for offset in offsets.iter().filter(|offset| !begins(**offset)) {
            remove_if_there(&self.home.dir.file(*offset, FileKind::Snapshot))?;
        }
        Ok(())
    }

    fn write_epochs(&self, sync: Sync) -> io::Result<()> {
        let Some(text) = self.epochs.write().take_changed() else {
            return Ok(());
        };
        let path = self.path().join(epoch_cache::FILE_NAME);
        checkpoint::replace_file(&path, text.as_bytes(), sync)
            .inspect_err(|_| self.epochs.write().set_changed())
    }
}

fn sync_if_there(path: &std::path::Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => fsync(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

pub(crate) fn remove_if_there(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
