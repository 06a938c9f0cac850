//! Topics that are gone, and whose offsets a shard has yet to forget.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

/// How many topics are kept for a shard that is not loaded. What was committed for more expires by itself.
const MAX_DELETED_TOPICS: usize = 10_000;

#[derive(Default)]
pub(super) struct DeletedTopics {
    topics: Mutex<VecDeque<(Arc<str>, Uuid)>>,
    added: Notify,
}

impl DeletedTopics {
    /// Also of what was taken and could not be forgotten: the shard tries again, or the next one.
    pub(super) fn add(&self, topics: impl IntoIterator<Item = (Arc<str>, Uuid)>) {
        let mut kept = self.topics.lock();
        kept.extend(topics);
        let too_many = kept.len().saturating_sub(MAX_DELETED_TOPICS);
        kept.drain(..too_many);
        self.added.notify_one();
    }

    /// Returns when there are some, or there may be.
    pub(super) async fn wait(&self) {
        self.added.notified().await;
    }

    pub(super) fn take(&self) -> VecDeque<(Arc<str>, Uuid)> {
        std::mem::take(&mut *self.topics.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_so_many_are_kept() {
        let deleted = DeletedTopics::default();
        for index in 0..MAX_DELETED_TOPICS + 3 {
            deleted.add([(index.to_string().into(), Uuid::nil())]);
        }
        let kept = deleted.take();
        assert_eq!(kept.len(), MAX_DELETED_TOPICS);
        assert_eq!(&*kept[0].0, "3");
        assert!(deleted.take().is_empty());
    }
}
