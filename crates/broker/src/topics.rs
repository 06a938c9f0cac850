//! The topics of this broker: what the data path looks up by name or by id.
//!
//! Invariant: readers never lock; a look-up sees either all of an applied change to one topic or none of it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use config::TopicConfig;
use replica::Partition;
use uuid::Uuid;

/// One topic: its settings, and those of its partitions that have a log here.
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) id: Uuid,
    pub(crate) config: ArcSwap<TopicConfig>,
    /// Indexed by partition; `None` where the partition lives elsewhere or its log could not be opened.
    partitions: ArcSwap<Vec<Option<Arc<Partition>>>>,
}

impl Topic {
    pub(crate) fn new(name: Arc<str>, id: Uuid, config: TopicConfig) -> Arc<Self> {
        Arc::new(Self {
            name,
            id,
            config: ArcSwap::from_pointee(config),
            partitions: ArcSwap::default(),
        })
    }

    pub(crate) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        let index = usize::try_from(index).ok()?;
        self.partitions.load().get(index)?.clone()
    }

    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.load().iter().flatten().cloned().collect()
    }

    /// Adds or replaces partitions in one step.
    pub(crate) fn insert_partitions(&self, added: impl IntoIterator<Item = Arc<Partition>>) {
        let mut partitions = Vec::clone(&self.partitions.load());
        for partition in added {
            let Ok(index) = usize::try_from(partition.index) else {
                continue;
            };
            if partitions.len() <= index {
                partitions.resize(index + 1, None);
            }
            if let Some(slot) = partitions.get_mut(index) {
                *slot = Some(partition);
            }
        }
        self.partitions.store(Arc::new(partitions));
    }
}

/// Every topic with a partition on this broker.
#[derive(Default)]
pub(crate) struct Topics {
    index: ArcSwap<Index>,
}

#[derive(Clone, Default)]
struct Index {
    by_name: imbl::HashMap<Arc<str>, Arc<Topic>>,
    by_id: imbl::HashMap<Uuid, Arc<Topic>>,
}

impl Topics {
    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<Topic>> {
        self.index.load().by_name.get(name).cloned()
    }

    pub(crate) fn by_id(&self, id: &Uuid) -> Option<Arc<Topic>> {
        self.index.load().by_id.get(id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.index.load().by_name.values().cloned().collect()
    }

    /// Only the applier changes the index, so a load and a store make one change.
    pub(crate) fn insert(&self, topic: Arc<Topic>) {
        let mut index = Index::clone(&self.index.load());
        index.by_id.insert(topic.id, topic.clone());
        index.by_name.insert(topic.name.clone(), topic);
        self.index.store(Arc::new(index));
    }

    pub(crate) fn remove(&self, id: &Uuid) -> Option<Arc<Topic>> {
        let mut index = Index::clone(&self.index.load());
        let topic = index.by_id.remove(id)?;
        index.by_name.remove(&topic.name);
        self.index.store(Arc::new(index));
        Some(topic)
    }
}
