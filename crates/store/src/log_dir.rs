//! One entry of `log.dirs`: its lock, its checkpoints, and the partitions in it.
//!
//! Invariant: while a `LogDir` lives, no other process, Kafka's included, uses the directory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::checkpoint::{self, Sync, sync_dir};
use crate::dir_lock::DirLock;
use crate::log::{Log, LogOptions};
use crate::meta_properties::{self, MetaProperties};
use crate::offset_checkpoint::OffsetCheckpoint;
use crate::partition_metadata;
use crate::partition_name::{PartitionKind, PartitionName};
use crate::recovery::{Checkpoint, OpenError};
use crate::sync::remove_if_there;

const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const LOG_STARTS: &str = "log-start-offset-checkpoint";
const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";

/// How long a directory that could not be removed is left alone.
const REMOVE_AGAIN_AFTER_MS: i64 = 60_000;

/// Why a log dir cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogDirError {
    #[error("{}: another process is using this directory", .0.display())]
    Locked(PathBuf),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// How the directory was left the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanShutdown {
    /// -1: unknown.
    pub broker_epoch: i64,
}

/// A partition's directory as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPartition {
    pub name: PartitionName,
    pub kind: PartitionKind,
    pub topic_id: Option<Uuid>,
    /// Whether there is a `partition.metadata`, be it damaged: a log that was ever synced has one.
    pub is_marked: bool,
    pub path: PathBuf,
}

/// See the module.
#[derive(Debug)]
pub struct LogDir {
    path: PathBuf,
    meta: Option<MetaProperties>,
    clean_shutdown: Option<CleanShutdown>,
    recovery_points: OffsetCheckpoint,
    log_starts: OffsetCheckpoint,
    high_watermarks: OffsetCheckpoint,
    /// Deleted partitions' directories, and when each is to be removed.
    doomed: Mutex<Vec<(i64, PathBuf)>>,
    _lock: DirLock,
}

impl LogDir {
    /// Takes the directory, creating it if it is not there. The clean-shutdown mark is removed: a
    /// crash from now on is one.
    pub fn open(path: &Path) -> Result<Self, LogDirError> {
        let failed = |source| LogDirError::Io {
            path: path.to_owned(),
            source,
        };
        if !path.is_dir() {
            fs::create_dir_all(path).map_err(failed)?;
            if let Some(parent) = path.canonicalize().map_err(failed)?.parent() {
                sync_dir(parent).map_err(failed)?;
            }
        }
        let lock = DirLock::take(path).map_err(failed)?;
        let lock = lock.ok_or_else(|| LogDirError::Locked(path.to_owned()))?;
        let clean_shutdown = take_clean_shutdown(path).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            meta: meta_properties::read(path).map_err(failed)?,
            clean_shutdown,
            recovery_points: OffsetCheckpoint::read(path.join(RECOVERY_POINTS)),
            log_starts: OffsetCheckpoint::read(path.join(LOG_STARTS)),
            high_watermarks: OffsetCheckpoint::read(path.join(HIGH_WATERMARKS)),
            doomed: Mutex::new(Vec::new()),
            _lock: lock,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `None`: the directory has not been formatted.
    pub fn meta(&self) -> Option<&MetaProperties> {
        self.meta.as_ref()
    }

    /// Formats the directory.
    pub fn set_meta(&mut self, meta: MetaProperties) -> io::Result<()> {
        meta_properties::write(&self.path, &meta)?;
        self.meta = Some(meta);
        Ok(())
    }

    pub fn directory_id(&self) -> Option<Uuid> {
        self.meta.as_ref().map(|meta| meta.directory_id)
    }

    /// How the directory was left; `None` after a crash.
    pub fn clean_shutdown(&self) -> Option<CleanShutdown> {
        self.clean_shutdown
    }

    /// The partition's high watermark as it was checkpointed last.
    pub fn high_watermark(&self, name: &PartitionName) -> Option<i64> {
        self.high_watermarks.get(name)
    }

    /// The partition's log start as it was checkpointed last.
    pub fn log_start(&self, name: &PartitionName) -> Option<i64> {
        self.log_starts.get(name)
    }

    /// The partition's recovery point as it was checkpointed last.
    pub fn recovery_point(&self, name: &PartitionName) -> Option<i64> {
        self.recovery_points.get(name)
    }

    /// All partitions' directories, but the cluster metadata's like any other.
    pub fn partitions(&self) -> io::Result<Vec<FoundPartition>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some((name, kind)) = file_name.to_str().and_then(PartitionName::parse) else {
                continue;
            };
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let path = entry.path();
            found.push(FoundPartition {
                name,
                kind,
                topic_id: partition_metadata::read(&path),
                is_marked: partition_metadata::is_there(&path),
                path,
            });
        }
        Ok(found)
    }

    /// Opens the partition's log as the checkpoints say.
    pub fn open_log(
        &self,
        name: &PartitionName,
        options: LogOptions,
        now_ms: i64,
    ) -> Result<Log, OpenError> {
        let checkpoint = Checkpoint {
            recovery_point: self.recovery_point(name).unwrap_or(0),
            log_start: self.log_start(name).unwrap_or(0),
            clean: self.clean_shutdown.is_some(),
        };
        Log::open(
            &self.path.join(name.to_string()),
            options,
            checkpoint,
            now_ms,
        )
    }

    /// Makes a log for a new partition. A directory that has the name already is another topic's,
    /// and set aside. The new one's directory is durable once the log has been synced.
    ///
    /// It gets its name when all of it is there, and when no checkpoint has the offsets of an older
    /// log of that name: it would begin with those after a crash. Until then it has the name of a
    /// deleted partition, so that a crash leaves nothing which could be taken for the partition.
    pub fn create_log(
        &self,
        name: &PartitionName,
        topic_id: Uuid,
        options: LogOptions,
        now_ms: i64,
    ) -> Result<Log, OpenError> {
        let path = self.path.join(name.to_string());
        let failed = |source| OpenError {
            path: path.clone(),
            source,
        };
        if path.is_dir() {
            tracing::warn!(path = %path.display(), "a partition of another topic, set aside");
            self.set_aside(&path, name).map_err(failed)?;
        }
        self.recovery_points.forget(name).map_err(failed)?;
        self.log_starts.forget(name).map_err(failed)?;
        let unborn = self.deleted_path(name);
        let made = Log::open(&unborn, options, Checkpoint::UNKNOWN, now_ms).and_then(|log| {
            partition_metadata::write(&unborn, topic_id).map_err(failed)?;
            log.rename(&path).map_err(failed)?;
            Ok(log)
        });
        if made.is_err() {
            self.doomed.lock().push((i64::MIN, unborn));
        }
        made
    }

    /// Completes a partition's directory whose topic id cannot be read any more.
    pub fn set_topic_id(&self, name: &PartitionName, topic_id: Uuid) -> io::Result<()> {
        partition_metadata::write(&self.path.join(name.to_string()), topic_id)
    }

    /// Checkpoints [`Log::recovery_point`] of all logs of the directory.
    pub fn write_recovery_points(
        &self,
        offsets: impl IntoIterator<Item = (PartitionName, i64)>,
    ) -> io::Result<()> {
        self.recovery_points.write(offsets)
    }

    /// Checkpoints [`Log::log_start`] of those logs that begin after their first segment does.
    pub fn write_log_starts(
        &self,
        offsets: impl IntoIterator<Item = (PartitionName, i64)>,
    ) -> io::Result<()> {
        self.log_starts.write(offsets)
    }

    pub fn write_high_watermarks(
        &self,
        offsets: impl IntoIterator<Item = (PartitionName, i64)>,
    ) -> io::Result<()> {
        self.high_watermarks.write(offsets)
    }

    /// Takes a partition's directory out of the way; [`purge`](Self::purge) removes it after
    /// `file.delete.delay.ms`. Whoever still reads the log can go on.
    pub fn delete_log(&self, log: &Log, name: &PartitionName, now_ms: i64) -> io::Result<()> {
        let path = self.deleted_path(name);
        log.rename(&path)?;
        let due_ms = now_ms.saturating_add(log.config().file_delete_delay_ms);
        self.doom(path, due_ms)
    }

    /// As [`delete_log`](Self::delete_log), of a log that could not be opened; it is removed at `due_ms`.
    pub fn delete_unopened(&self, name: &PartitionName, due_ms: i64) -> io::Result<()> {
        let path = self.deleted_path(name);
        match fs::rename(self.path.join(name.to_string()), &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.doom(path, due_ms),
        }
    }

    fn deleted_path(&self, name: &PartitionName) -> PathBuf {
        self.path.join(name.deleted_name(Uuid::new_v4()))
    }

    fn doom(&self, path: PathBuf, due_ms: i64) -> io::Result<()> {
        // Before the sync, which may fail: it has its new name already.
        self.doomed.lock().push((due_ms, path));
        sync_dir(&self.path)
    }

    /// Notes a `-delete` directory that an earlier run left, to be removed by the next purge.
    pub fn delete_found(&self, found: &FoundPartition) {
        self.doomed.lock().push((i64::MIN, found.path.clone()));
    }

    /// Sets a partition's directory aside that belongs to no topic, and keeps it for somebody to look at. Answers where.
    pub fn mark_stray(&self, found: &FoundPartition) -> io::Result<PathBuf> {
        self.set_aside(&found.path, &found.name)
    }

    fn set_aside(&self, path: &Path, name: &PartitionName) -> io::Result<PathBuf> {
        let aside = self.path.join(name.stray_name(Uuid::new_v4()));
        fs::rename(path, &aside)?;
        sync_dir(&self.path)?;
        Ok(aside)
    }

    /// Removes the directories of deleted partitions that are due at `now_ms`; those that cannot be
    /// removed are due again later. Answers the first error.
    pub fn purge(&self, now_ms: i64) -> io::Result<()> {
        let due: Vec<(i64, PathBuf)> = {
            let mut doomed = self.doomed.lock();
            doomed
                .extract_if(.., |(due_ms, _)| *due_ms <= now_ms)
                .collect()
        };
        let mut purged = Ok(());
        for (_, path) in due {
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let again_ms = now_ms.saturating_add(REMOVE_AGAIN_AFTER_MS);
                    self.doomed.lock().push((again_ms, path));
                    purged = purged.and(Err(error));
                }
                _ => {}
            }
        }
        purged
    }

    /// Leaves the clean-shutdown mark, once all logs are closed and all checkpoints written; if any
    /// of that failed, drop the directory instead. The file system is synced first: the mark
    /// vouches for every file of the directory.
    pub fn close(&self, broker_epoch: i64) -> io::Result<()> {
        rustix::fs::syncfs(File::open(&self.path)?)?;
        let mark = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
        checkpoint::replace_file(&self.path.join(CLEAN_SHUTDOWN), mark.as_bytes(), Sync::Now)
    }
}

/// Reads and removes the clean-shutdown mark.
fn take_clean_shutdown(dir: &Path) -> io::Result<Option<CleanShutdown>> {
    let path = dir.join(CLEAN_SHUTDOWN);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    remove_if_there(&path)?;
    sync_dir(dir)?;
    // Old Kafkas leave an empty file.
    let broker_epoch = String::from_utf8_lossy(&bytes)
        .split_once("\"brokerEpoch\":")
        .and_then(|(_, value)| value.trim().trim_end_matches('}').trim().parse().ok())
        .unwrap_or(-1);
    Ok(Some(CleanShutdown { broker_epoch }))
}

#[cfg(test)]
#[path = "log_dir_tests.rs"]
mod tests;
