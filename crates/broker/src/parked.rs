//! A request that waits for its partitions.
//!
//! Invariant: however the wait ends — progress, time, disconnect — the partitions forget the request.

use std::sync::Arc;

use replica::{Partition, Waiter};

pub(crate) struct Parked {
    pub(crate) waiter: Arc<Waiter>,
    partitions: Vec<Arc<Partition>>,
}

impl Parked {
    /// Registers for `missing_bytes` more to become visible in any of `partitions`.
    pub(crate) fn for_bytes(partitions: Vec<Arc<Partition>>, missing_bytes: i64) -> Self {
        let waiter = Waiter::new(missing_bytes);
        for partition in &partitions {
            partition.await_bytes(&waiter);
        }
        Self { waiter, partitions }
    }

    /// Registers for each partition's `cause` to reach its offset.
    pub(crate) fn for_offsets(targets: Vec<(Arc<Partition>, i64)>, cause: replica::Cause) -> Self {
        let waiter = Waiter::new(i64::try_from(targets.len()).unwrap_or(i64::MAX));
        for (partition, offset) in &targets {
            partition.await_offset(cause, *offset, &waiter);
        }
        let partitions = targets
            .into_iter()
            .map(|(partition, _)| partition)
            .collect();
        Self { waiter, partitions }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        for partition in &self.partitions {
            partition.unregister(&self.waiter);
        }
    }
}
