//! The memory that all requests in flight may hold together (`queued.max.request.bytes`).
//!
//! Invariant: a body is read only under a permit for all of its bytes. A request larger than the whole budget takes all
//! of it and is therefore alone.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Shared by every connection of the broker.
#[derive(Clone, Debug)]
pub(crate) struct RequestBudget {
    bytes: Arc<Semaphore>,
    limit_bytes: u32,
}

impl RequestBudget {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        let limit_bytes = u32::try_from(limit_bytes).unwrap_or(u32::MAX).max(1);
        Self {
            bytes: Arc::new(Semaphore::new(limit_bytes as usize)),
            limit_bytes,
        }
    }

    /// A share at once, if `size_bytes` fit and nobody waits.
    pub(crate) fn try_admit(&self, size_bytes: u32) -> Option<OwnedSemaphorePermit> {
        self.bytes
            .clone()
            .try_acquire_many_owned(size_bytes.min(self.limit_bytes))
            .ok()
    }

    /// Waits, first come first served, until `size_bytes` fit. `None` only if the broker is gone.
    pub(crate) async fn admit(self, size_bytes: u32) -> Option<OwnedSemaphorePermit> {
        self.bytes
            .acquire_many_owned(size_bytes.min(self.limit_bytes))
            .await
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_request_beyond_the_budget_is_admitted_alone() {
        let budget = RequestBudget::new(100);
        let huge = budget.clone().admit(1_000_000).await;
        assert!(huge.is_some());
        let small = tokio::time::timeout(Duration::from_millis(5), budget.clone().admit(1)).await;
        assert!(small.is_err(), "nothing fits beside it");
        drop(huge);
        assert!(budget.clone().admit(1).await.is_some());
    }
}
