//! What is written down of all logs of a directory, to begin with after the next start.

use std::io;
use std::sync::Arc;

use replica::Partition;
use store::PartitionName;

use super::{Dir, Logs};
use crate::topics::Topics;

impl Logs {
    /// Makes the logs' recovery points current and writes them down: a crash from here on costs only what comes after.
    pub(crate) fn checkpoint_recovery_points(&self, topics: &Topics) {
        for (dir, partitions) in self.by_dir(topics) {
            for partition in partitions.iter().filter(|_| !dir.is_offline()) {
                if let Err(error) = partition.checkpoint() {
                    tracing::warn!(topic = %partition.topic, partition = partition.index, %error, "recovery point not advanced");
                }
            }
        }
        self.write_recovery_points(topics);
    }

    /// Writes the recovery points as they are, and those of logs that could not be opened as they were.
    pub(crate) fn write_recovery_points(&self, topics: &Topics) {
        self.write_checkpoints(topics, |dir, partitions| {
            let points = partitions
                .iter()
                .map(|partition| (name_of(partition), partition.log().recovery_point()));
            let kept = dir.kept(|name| dir.store.recovery_point(name));
            dir.store.write_recovery_points(points.chain(kept))
        });
    }

    /// Answers which directories, as indexes of [`Logs::dirs`], did not take it.
    pub(crate) fn checkpoint_log_starts(&self, topics: &Topics) -> Vec<usize> {
        self.write_checkpoints(topics, |dir, partitions| {
            let moved = partitions
                .iter()
                .filter(|partition| partition.log().log_start() > 0)
                .map(|partition| (name_of(partition), partition.log().log_start()));
            let kept = dir.kept(|name| dir.store.log_start(name));
            dir.store.write_log_starts(moved.chain(kept))
        })
    }

    pub(crate) fn checkpoint_high_watermarks(&self, topics: &Topics) {
        self.write_checkpoints(topics, |dir, partitions| {
            let offsets = partitions
                .iter()
                .map(|partition| (name_of(partition), partition.high_watermark()));
            dir.store.write_high_watermarks(offsets)
        });
    }

    fn write_checkpoints(
        &self,
        topics: &Topics,
        write: impl Fn(&Dir, &[Arc<Partition>]) -> io::Result<()>,
    ) -> Vec<usize> {
        let _checkpointing = self.checkpointing.lock();
        let mut failed = Vec::new();
        for (index, (dir, partitions)) in self.by_dir(topics).into_iter().enumerate() {
            if dir.is_offline() {
                failed.push(index);
            } else if let Err(error) = write(dir, &partitions) {
                failed.push(index);
                dir.judge_io(&error);
                tracing::error!(dir = %dir.path().display(), %error, "checkpoint not written");
            }
        }
        failed
    }

    fn by_dir(&self, topics: &Topics) -> Vec<(&Dir, Vec<Arc<Partition>>)> {
        let mut by_dir: Vec<_> = self.dirs.iter().map(|dir| (dir, Vec::new())).collect();
        for partition in topics.all().iter().flat_map(|topic| topic.partitions()) {
            if let Some((_, partitions)) = by_dir.get_mut(self.dir_of(&partition)) {
                partitions.push(partition);
            }
        }
        by_dir
    }
}

fn name_of(partition: &Partition) -> PartitionName {
    PartitionName::new(&*partition.topic, partition.index)
}
