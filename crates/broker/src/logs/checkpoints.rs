//! What is written down of all logs of a directory, to begin with after the next start.

use std::collections::HashSet;
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
        self.write_checkpoints(topics, |dir, unopened, partitions| {
            let kept = kept(unopened, |name| dir.store.recovery_point(name));
            let points = partitions
                .iter()
                .map(|partition| (name_of(partition), partition.log().recovery_point()));
            dir.store.write_recovery_points(kept.chain(points))
        });
    }

    /// Answers which directories, as indexes of [`Logs::dirs`], did not take it.
    pub(crate) fn checkpoint_log_starts(&self, topics: &Topics) -> Vec<usize> {
        self.write_checkpoints(topics, |dir, unopened, partitions| {
            let kept = kept(unopened, |name| dir.store.log_start(name));
            let moved = partitions
                .iter()
                .filter(|partition| partition.log().log_start() > 0)
                .map(|partition| (name_of(partition), partition.log().log_start()));
            dir.store.write_log_starts(kept.chain(moved))
        })
    }

    pub(crate) fn checkpoint_high_watermarks(&self, topics: &Topics) {
        self.write_checkpoints(topics, |dir, _, partitions| {
            let offsets = partitions
                .iter()
                .map(|partition| (name_of(partition), partition.high_watermark()));
            dir.store.write_high_watermarks(offsets)
        });
    }

    fn write_checkpoints(
        &self,
        topics: &Topics,
        write: impl Fn(&Dir, &HashSet<PartitionName>, &[Arc<Partition>]) -> io::Result<()>,
    ) -> Vec<usize> {
        let _checkpointing = self.checkpointing.lock();
        let mut failed = Vec::new();
        // Looked at before the topics: a log that is being opened is in one of the two, or in both.
        let unopened = self.dirs.iter().map(|dir| dir.unopened.lock().clone());
        let unopened: Vec<_> = unopened.collect();
        let by_dir = self.by_dir(topics).into_iter().zip(unopened);
        for (index, ((dir, partitions), unopened)) in by_dir.enumerate() {
            if dir.is_offline() {
                failed.push(index);
            } else if let Err(error) = write(dir, &unopened, &partitions) {
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

/// What a checkpoint says of the logs that are not open; it is to go on saying it. Of one that is open by now, what is
/// said of it later holds.
fn kept<'a>(
    unopened: &'a HashSet<PartitionName>,
    of: impl Fn(&PartitionName) -> Option<i64> + 'a,
) -> impl Iterator<Item = (PartitionName, i64)> + 'a {
    let kept = unopened.iter();
    kept.filter_map(move |name| Some((name.clone(), of(name)?)))
}

fn name_of(partition: &Partition) -> PartitionName {
    PartitionName::new(&*partition.topic, partition.index)
}
