//! The log directories of this node: which partition lives where, opening, deleting, checkpoints.
//!
//! Invariants: a partition has a log in at most one directory; a directory that failed takes no new logs; one that failed,
//! or holds a log that could not be opened, is not closed as if it were clean; a checkpoint names no deleted log once
//! another log may have its name.

mod checkpoints;
mod dir;
mod found;
mod identity;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ::config::{BrokerConfig, Durability, TopicConfig};
use ::controller::image::directory;
use parking_lot::Mutex;
use replica::{Disk, Partition};
use store::{
    FileCache, FoundPartition, LogConfig, LogDir, LogDirError, LogOptions, OpenError,
    PartitionKind, PartitionName, Verdict,
};
use thiserror::Error;
use uuid::Uuid;

use crate::clock;
use crate::limits::OPEN_FILES_SHARE;
use crate::topics::{Topic, Topics};
pub(crate) use dir::Dir;
use found::{Found, Place};
use identity::{common_cluster_id, directory_id};

#[derive(Debug, Error)]
pub enum LogsError {
    #[error(transparent)]
    Dir(#[from] LogDirError),
    #[error("{}: it belongs to node {found}, this is node {expected}", path.display())]
    OtherNode {
        path: PathBuf,
        found: i32,
        expected: i32,
    },
    #[error("{}: it belongs to cluster {found}, other directories to {expected}", path.display())]
    OtherCluster {
        path: PathBuf,
        found: String,
        expected: String,
    },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{}: the directory is offline", .0.display())]
    Offline(PathBuf),
    #[error("no log directory is usable")]
    NoneUsable,
    #[error("the log directory with id {0} is not among those configured")]
    NotHere(Uuid),
    #[error("partition {name} is in two log directories, {} among them", path.display())]
    Twice { name: PartitionName, path: PathBuf },
    #[error("{} has a log of {name} that does not say of which topic; the topic's is assigned to the directory with id {assigned}: bring that back, or restore this one's partition.metadata", path.display())]
    Nameless {
        name: PartitionName,
        path: PathBuf,
        assigned: Uuid,
    },
}

impl LogsError {
    /// Whether what failed may succeed later without anybody's doing.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Open(OpenError { source, .. }) | Self::Io { source, .. } => {
                Verdict::of(source) == Verdict::Passes
            }
            _ => false,
        }
    }
}

/// See the module.
pub(crate) struct Logs {
    cluster_id: String,
    dirs: Vec<Dir>,
    /// Those of `log.dirs` that could not be opened; the others go on without them.
    lost: Vec<PathBuf>,
    metadata_dir_id: Uuid,
    /// Holds the lock of `metadata.log.dir` where that is none of `log.dirs`.
    _metadata_dir: Option<LogDir>,
    /// Where the partitions live that were found at start; a name is taken out once its log is open or deleted, since what
    /// has it later is another log.
    found: Mutex<Found>,
    /// Held while checkpoints are written, so that none is replaced by an older one.
    checkpointing: Mutex<()>,
    files: Arc<FileCache>,
}

impl Logs {
    /// Takes every directory of `log.dirs`, and that of the metadata log, and formats those that are new.
    pub(crate) fn open(config: &BrokerConfig) -> Result<Self, LogsError> {
        let (metadata_path, node_id) = (&config.metadata_log_dir, config.server.node_id);
        let (mut stores, mut lost) = (Vec::with_capacity(config.log_dirs.len()), Vec::new());
        for path in &config.log_dirs {
            match LogDir::open(path) {
                Ok(store) => stores.push(store),
                Err(error @ LogDirError::Io { .. }) if path != metadata_path => {
                    tracing::error!(%error, "log directory offline");
                    lost.push(path.clone());
                }
                Err(error) => return Err(error.into()),
            }
        }
        if stores.is_empty() {
            return Err(LogsError::NoneUsable);
        }
        let is_apart = !config.log_dirs.contains(metadata_path);
        let mut metadata_dir = is_apart.then(|| LogDir::open(metadata_path)).transpose()?;
        let cluster_id = common_cluster_id(stores.iter().chain(&metadata_dir), node_id)?;
        let cluster_id = cluster_id.unwrap_or_else(|| store::base64url::encode(Uuid::new_v4()));
        let apart_id = metadata_dir.as_mut();
        let mut metadata_dir_id = apart_id
            .map(|store| directory_id(store, &cluster_id, node_id))
            .transpose()?;
        let mut found = Found::default();
        let mut dirs = Vec::with_capacity(stores.len());
        for (index, mut store) in stores.into_iter().enumerate() {
            let id = directory_id(&mut store, &cluster_id, node_id)?;
            if store.path() == metadata_path {
                metadata_dir_id = Some(id);
            }
            take_stock(&store, index, &mut found)?;
            let disk = Disk::start(&index.to_string()).map_err(at(store.path()))?;
            dirs.push(Dir {
                store,
                id,
                disk,
                logs: AtomicUsize::new(0),
                unopened: Mutex::default(),
                offline: AtomicBool::default(),
                noted: AtomicBool::default(),
            });
        }
        Ok(Self {
            cluster_id,
            dirs,
            lost,
            metadata_dir_id: metadata_dir_id.unwrap_or_default(),
            _metadata_dir: metadata_dir,
            found: Mutex::new(found),
            checkpointing: Mutex::default(),
            files: FileCache::new(open_files()),
        })
    }

    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub(crate) fn dirs(&self) -> &[Dir] {
        &self.dirs
    }

    pub(crate) fn lost(&self) -> &[PathBuf] {
        &self.lost
    }

    /// The id of the directory that holds the metadata log.
    pub(crate) fn metadata_dir_id(&self) -> Uuid {
        self.metadata_dir_id
    }

    pub(crate) fn files(&self) -> &Arc<FileCache> {
        &self.files
    }

    /// The directory that holds the partition's log, as an index of [`Logs::dirs`].
    pub(crate) fn dir_of(&self, partition: &Partition) -> usize {
        let path = partition.log().path();
        self.dirs
            .iter()
            .position(|dir| path.parent() == Some(dir.path()))
            .unwrap_or(0)
    }

    pub(crate) fn fail(&self, dir: usize) {
        if let Some(dir) = self.dirs.get(dir) {
            dir.offline.store(true, Ordering::Release);
        }
    }

    /// Opens the partition's log where it was found, or makes one: in the directory that the cluster assigned, else in the
    /// one with the fewest, of those that are not cordoned. A partition assigned to a directory that is not here is not begun anew elsewhere.
    /// What does not say of which topic it is, is opened only where the cluster has the partition: its own log may be away,
    /// and this one of an earlier topic.
    ///
    /// May be called again after it failed. Once the partition is among the topics', [`Logs::note_opened`] is to be told.
    pub(crate) fn open_partition(
        &self,
        topic: &Topic,
        index: i32,
        assigned: Uuid,
        config: &BrokerConfig,
    ) -> Result<Arc<Partition>, LogsError> {
        let (name, now_ms) = (PartitionName::new(&*topic.name, index), clock::now_ms());
        let options = LogOptions {
            config: log_config(&topic.config.load(), config),
            durability: match config.log.durability {
                Durability::Fsync => store::Durability::Fsync,
                Durability::PageCache => store::Durability::PageCache,
            },
            files: self.files.clone(),
        };
        let place = self.found.lock().place_of(&name, topic.id);
        let found = place.and_then(|place| Some((self.dirs.get(place.dir)?, place.topic_id)));
        let (dir, log) = match found {
            Some((dir, topic_id)) => {
                dir.unopened.lock().insert(name.clone());
                if topic_id.is_none() && !directory::is_reserved(assigned) && dir.id != assigned {
                    let path = dir.path().to_owned();
                    return Err(LogsError::Nameless {
                        name,
                        path,
                        assigned,
                    });
                }
                let log = dir.usable()?.store.open_log(&name, options, now_ms);
                let log = log.map_err(|error| dir.judge(error))?;
                if topic_id.is_none() {
                    let named = dir.store.set_topic_id(&name, topic.id);
                    named.map_err(at(dir.path()))?;
                }
                (dir, log)
            }
            None => {
                let dir = self.dir_for_new(assigned, config)?;
                let store = &dir.usable()?.store;
                let log = store.create_log(&name, topic.id, options, now_ms);
                (dir, log.map_err(|error| dir.judge(error))?)
            }
        };
        self.found.lock().forget(&name);
        dir.logs.fetch_add(1, Ordering::Relaxed);
        Ok(Partition::new(
            topic.name.clone(),
            topic.id,
            index,
            Arc::new(log),
            dir.disk.clone(),
        ))
    }

    /// The partition has been put among the topics'. Until then checkpoints take it for one that is not open: else one that
    /// is written meanwhile would say nothing of it, and a crash bring back what was deleted.
    pub(crate) fn note_opened(&self, partition: &Partition) {
        if let Some(dir) = self.dirs.get(self.dir_of(partition)) {
            let name = PartitionName::new(&*partition.topic, partition.index);
            dir.unopened.lock().remove(&name);
        }
    }

    fn dir_for_new(&self, assigned: Uuid, config: &BrokerConfig) -> Result<&Dir, LogsError> {
        if directory::is_reserved(assigned) {
            return self.emptiest(config).ok_or(LogsError::NoneUsable);
        }
        let named = self.dirs.iter().find(|dir| dir.id == assigned);
        named.ok_or(LogsError::NotHere(assigned))
    }

    /// A cordoned one only if all are: the controller, which gives this broker nothing new then, may not have known yet.
    fn emptiest(&self, config: &BrokerConfig) -> Option<&Dir> {
        let usable = self.dirs.iter().filter(|dir| !dir.is_offline());
        usable.min_by_key(|dir| {
            (
                config.is_cordoned(dir.path()),
                dir.logs.load(Ordering::Relaxed),
            )
        })
    }

    /// Takes the partition's files out of the way; they are unlinked by [`Logs::purge`] after `file.delete.delay.ms`.
    pub(crate) fn delete(&self, partition: &Partition) -> io::Result<()> {
        let Some(dir) = self.dirs.get(self.dir_of(partition)) else {
            return Ok(());
        };
        let name = PartitionName::new(&*partition.topic, partition.index);
        dir.logs.fetch_sub(1, Ordering::Relaxed);
        let deleted = dir
            .store
            .delete_log(partition.log(), &name, clock::now_ms());
        deleted.inspect_err(|error| dir.judge_io(error))
    }

    /// As [`Logs::delete`], of all logs of a topic that could not be opened. Nothing that was found is taken for a log of a
    /// later topic of that name.
    pub(crate) fn delete_unopened(&self, topic: &Topic) {
        self.found.lock().forget_topic(&topic.name);
        let delay_ms = topic.config.load().file_delete_delay_ms;
        let due_ms = clock::now_ms().saturating_add(delay_ms);
        for dir in &self.dirs {
            let mut unopened = dir.unopened.lock();
            for name in unopened.extract_if(|name| name.topic == *topic.name) {
                if let Err(error) = dir.store.delete_unopened(&name, due_ms) {
                    dir.judge_io(&error);
                    tracing::error!(dir = %dir.path().display(), %name, %error, "log not deleted");
                }
            }
        }
    }

    /// Sets aside what was found on disk for topics that the cluster does not know, and what does not say for which it was
    /// made (KIP-858's strays), be it for lack of a mark or of an id where another directory's has one.
    pub(crate) fn set_strays_aside(&self, is_known: impl Fn(&FoundPartition) -> bool) {
        let found: Vec<(usize, FoundPartition)> = (0..)
            .zip(&self.dirs)
            .flat_map(|(index, dir)| {
                let partitions = dir.store.partitions().unwrap_or_default();
                partitions.into_iter().map(move |found| (index, found))
            })
            .filter(|(_, found)| found.kind == PartitionKind::Current)
            .collect();
        let named: HashSet<&PartitionName> = found
            .iter()
            .filter(|(_, found)| found.topic_id.is_some() && is_known(found))
            .map(|(_, found)| &found.name)
            .collect();
        for (index, stray) in &found {
            let is_second = stray.topic_id.is_none() && named.contains(&stray.name);
            if !is_second && is_known(stray) {
                continue;
            }
            // Even if it cannot be renamed: whoever takes its name sets it aside.
            self.found.lock().forget_in(&stray.name, *index);
            let Some(dir) = self.dirs.get(*index) else {
                continue;
            };
            let path = stray.path.display();
            match dir.store.mark_stray(stray) {
                Ok(aside) => {
                    tracing::warn!(%path, aside = %aside.display(), "a stray partition, set aside")
                }
                Err(error) => tracing::error!(%path, %error, "stray partition not set aside"),
            }
        }
    }

    pub(crate) fn purge(&self, now_ms: i64) {
        for dir in &self.dirs {
            if let Err(error) = dir.store.purge(now_ms) {
                tracing::error!(dir = %dir.path().display(), %error, "deleted partitions not removed");
            }
        }
    }

    /// A clean end: everything synced, checkpoints current, and the mark that says so.
    pub(crate) fn close(&self, topics: &Topics, broker_epoch: i64) {
        for dir in &self.dirs {
            dir.disk.stop();
        }
        let mut failed = vec![false; self.dirs.len()];
        for partition in topics.all().iter().flat_map(|topic| topic.partitions()) {
            partition.resign();
            if let Err(error) = partition.log().close() {
                tracing::error!(topic = %partition.topic, partition = partition.index, %error, "log not closed");
                if let Some(failed) = failed.get_mut(self.dir_of(&partition)) {
                    *failed = true;
                }
            }
        }
        self.write_recovery_points(topics);
        self.checkpoint_log_starts(topics);
        self.checkpoint_high_watermarks(topics);
        for (dir, failed) in self.dirs.iter().zip(failed) {
            if failed || dir.is_offline() || !dir.unopened.lock().is_empty() {
                continue;
            }
            if let Err(error) = dir.store.close(broker_epoch) {
                tracing::error!(dir = %dir.path().display(), %error, "directory not marked as cleanly shut down");
            }
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LogsError {
    let path = path.to_owned();
    move |source| LogsError::Io { path, source }
}

/// Notes which partitions the directory holds, and what an earlier run left to be removed.
fn take_stock(store: &LogDir, index: usize, found: &mut Found) -> Result<(), LogsError> {
    let mut strays = 0;
    for partition in store.partitions().map_err(at(store.path()))? {
        match partition.kind {
            PartitionKind::Current => {
                let (name, path) = (partition.name, partition.path);
                let topic_id = partition.topic_id;
                let place = Place {
                    dir: index,
                    topic_id,
                };
                if !found.add(name.clone(), place) {
                    return Err(LogsError::Twice { name, path });
                }
            }
            PartitionKind::Deleted => store.delete_found(&partition),
            PartitionKind::Stray => strays += 1,
            PartitionKind::Future => {}
        }
    }
    if strays > 0 {
        tracing::warn!(dir = %store.path().display(), strays, "stray partitions are kept; nothing reads them, they may be removed");
    }
    Ok(())
}

/// Descriptors that logs may keep open; the rest is for connections.
fn open_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .unwrap_or(u64::MAX);
    usize::try_from(limit / OPEN_FILES_SHARE).unwrap_or(usize::MAX)
}

/// What the store needs of a topic's configuration.
pub(crate) fn log_config(topic: &TopicConfig, broker: &BrokerConfig) -> LogConfig {
    let bytes = |size: i32| u32::try_from(size).unwrap_or(0);
    LogConfig {
        segment_bytes: bytes(topic.effective_segment_bytes()),
        segment_ms: topic.max_segment_ms(),
        segment_jitter_ms: topic.segment_jitter_ms,
        segment_index_bytes: bytes(topic.segment_index_bytes),
        index_interval_bytes: bytes(topic.index_interval_bytes),
        retention_ms: topic.retention_ms,
        retention_bytes: topic.retention_bytes,
        file_delete_delay_ms: topic.file_delete_delay_ms,
        cleanup_delete: topic.cleanup_policy.delete,
        cleanup_compact: topic.cleanup_policy.compact,
        preallocate: topic.preallocate,
        flush_messages: topic.flush_messages,
        flush_ms: topic.flush_ms,
        producer_id_expiration_ms: broker.log.producer_id_expiration_ms.into(),
    }
}

#[cfg(test)]
#[path = "logs/tests.rs"]
mod tests;
