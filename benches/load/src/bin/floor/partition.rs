//! A partition of the floor: a preallocated file, and where each batch in it ends.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Context;
use rustix::fs::{FallocateFlags, fallocate};

pub(crate) struct Partitions {
    all: Vec<Partition>,
    /// Counts appends, for those who wait for one.
    appends: Mutex<u64>,
    appended: Condvar,
}

pub(crate) struct Partition {
    pub(crate) file: File,
    batches: Mutex<Vec<Batch>>,
}

/// Where a batch ends, both exclusive.
#[derive(Clone, Copy, Default)]
struct Batch {
    end_offset: i64,
    end_position: u64,
}

/// Whole batches of a partition's file.
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) length: u64,
    pub(crate) log_end_offset: i64,
}

fn locked<T>(mutex: &Mutex<T>) -> anyhow::Result<MutexGuard<'_, T>> {
    mutex
        .lock()
        .map_err(|_| anyhow::anyhow!("another thread panicked"))
}

impl Partitions {
    pub(crate) fn create(dir: &Path, count: usize, capacity_bytes: u64) -> anyhow::Result<Self> {
        let each_bytes = capacity_bytes / count.max(1) as u64;
        let all = (0..count)
            .map(|number| Partition::create(&dir.join(format!("{number}.log")), each_bytes))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            all,
            appends: Mutex::new(0),
            appended: Condvar::new(),
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get(&self, number: i32) -> anyhow::Result<&Partition> {
        usize::try_from(number)
            .ok()
            .and_then(|number| self.all.get(number))
            .with_context(|| format!("no partition {number}"))
    }

    pub(crate) fn tell_appended(&self) -> anyhow::Result<()> {
        *locked(&self.appends)? += 1;
        self.appended.notify_all();
        Ok(())
    }

    pub(crate) fn appends(&self) -> anyhow::Result<u64> {
        Ok(*locked(&self.appends)?)
    }

    /// Waits for an append after the one with number `seen`; false when there was none in time.
    pub(crate) fn wait(&self, seen: u64, at_most: Duration) -> anyhow::Result<bool> {
        let appends = locked(&self.appends)?;
        let (_appends, timeout) = self
            .appended
            .wait_timeout_while(appends, at_most, |appends| *appends == seen)
            .map_err(|_| anyhow::anyhow!("another thread panicked"))?;
        Ok(!timeout.timed_out())
    }
}

impl Partition {
    fn create(path: &Path, capacity_bytes: u64) -> anyhow::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        fallocate(&file, FallocateFlags::KEEP_SIZE, 0, capacity_bytes)
            .with_context(|| format!("{capacity_bytes} bytes for {}", path.display()))?;
        Ok(Self {
            file,
            batches: Mutex::new(Vec::new()),
        })
    }

    /// Numbers the batch and writes it; answers its base offset.
    pub(crate) fn append(&self, batch: &mut [u8], records: i64) -> anyhow::Result<i64> {
        let mut batches = locked(&self.batches)?;
        let end = batches.last().copied().unwrap_or_default();
        batch
            .first_chunk_mut::<8>()
            .context("a batch has a base offset")?
            .copy_from_slice(&end.end_offset.to_be_bytes());
        self.file.write_all_at(batch, end.end_position)?;
        batches.push(Batch {
            end_offset: end.end_offset + records,
            end_position: end.end_position + batch.len() as u64,
        });
        Ok(end.end_offset)
    }

    /// The batches from `offset` on, as many as fit, but one if there is one and `at_least_one` is asked.
    pub(crate) fn range(
        &self,
        offset: i64,
        most_bytes: u64,
        at_least_one: bool,
    ) -> anyhow::Result<Range> {
        let batches = locked(&self.batches)?;
        let first = batches.partition_point(|batch| batch.end_offset <= offset);
        let start = match first.checked_sub(1).and_then(|before| batches.get(before)) {
            Some(before) => before.end_position,
            None => 0,
        };
        let fitting = batches.partition_point(|batch| batch.end_position <= start + most_bytes);
        let through = match fitting.checked_sub(1).filter(|last| *last >= first) {
            None if at_least_one => first,
            None => usize::MAX,
            Some(last) => last,
        };
        Ok(Range {
            start,
            length: batches
                .get(through)
                .map_or(0, |batch| batch.end_position - start),
            log_end_offset: batches.last().map_or(0, |batch| batch.end_offset),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_whole_batches() {
        let dir = tempfile::tempdir().unwrap();
        let partitions = Partitions::create(dir.path(), 1, 4096).unwrap();
        let partition = partitions.get(0).unwrap();
        let base_offsets: Vec<_> = (0..3)
            .map(|_| partition.append(&mut [1; 100], 10).unwrap())
            .collect();
        assert_eq!(base_offsets, [0, 10, 20]);
        for (offset, most_bytes, at_least_one, expected) in [
            (0, 1000, false, (0, 300)),
            (9, 250, false, (0, 200)),
            (10, 100, false, (100, 100)),
            (10, 99, false, (100, 0)),
            (10, 99, true, (100, 100)),
            (29, 1000, false, (200, 100)),
            (30, 1000, true, (300, 0)),
        ] {
            let range = partition.range(offset, most_bytes, at_least_one).unwrap();
            assert_eq!((range.start, range.length), expected, "from {offset}");
            assert_eq!(range.log_end_offset, 30);
        }
        assert!(partitions.get(1).is_err());
    }
}
