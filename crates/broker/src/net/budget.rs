//! The memory that all requests in flight may hold together (`queued.max.request.bytes`), and beside it a small share that
//! only small requests draw on: whoever announces large ones and sends them slowly keeps nobody else from asking.
//!
//! Invariant: a body is read only under a permit for all of its bytes. A request larger than the whole budget takes all
//! of it and is therefore alone.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{SMALL_REQUEST_BYTES, SMALL_REQUESTS_BYTES};

/// Shared by every connection of the broker.
#[derive(Clone, Debug)]
pub(crate) struct RequestBudget {
    bytes: Arc<Semaphore>,
    small: Arc<Semaphore>,
    limit_bytes: u32,
}

impl RequestBudget {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        let limit_bytes = u32::try_from(limit_bytes).unwrap_or(u32::MAX).max(1);
        Self {
            bytes: Arc::new(Semaphore::new(limit_bytes as usize)),
            small: Arc::new(Semaphore::new(SMALL_REQUESTS_BYTES)),
            limit_bytes,
        }
    }

    /// A share at once, if `size_bytes` fit and nobody waits.
    pub(crate) fn try_admit(&self, size_bytes: u32) -> Option<OwnedSemaphorePermit> {
        let (share, bytes) = self.share(size_bytes);
        share.clone().try_acquire_many_owned(bytes).ok()
    }

    /// Waits, first come first served, until `size_bytes` fit. `None` only if the broker is gone.
    pub(crate) async fn admit(self, size_bytes: u32) -> Option<OwnedSemaphorePermit> {
        let (share, bytes) = self.share(size_bytes);
        share.clone().acquire_many_owned(bytes).await.ok()
    }

    fn share(&self, size_bytes: u32) -> (&Arc<Semaphore>, u32) {
        if size_bytes <= SMALL_REQUEST_BYTES {
            (&self.small, size_bytes)
        } else {
            (&self.bytes, size_bytes.min(self.limit_bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_beyond_the_budget_is_admitted_alone_but_for_small_ones() {
        let budget = RequestBudget::new(1_000_000);
        let huge = budget.clone().admit(100_000_000).await;
        assert!(huge.is_some());
        let large = SMALL_REQUEST_BYTES + 1;
        assert!(
            budget.try_admit(large).is_none(),
            "nothing large fits beside it"
        );
        assert!(budget.try_admit(SMALL_REQUEST_BYTES).is_some());
        drop(huge);
        assert!(budget.clone().admit(large).await.is_some());
    }

    #[tokio::test]
    async fn small_requests_are_bounded_too() {
        let budget = RequestBudget::new(1_000_000);
        let held: Vec<_> = std::iter::from_fn(|| budget.try_admit(SMALL_REQUEST_BYTES)).collect();
        assert_eq!(
            held.len() * SMALL_REQUEST_BYTES as usize,
            SMALL_REQUESTS_BYTES
        );
    }
}
