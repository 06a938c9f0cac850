//! The cluster's metadata at one offset of the metadata log.
//!
//! Invariant: an image is what its records fold into, nothing else; it is changed by `apply` only,
//! and a clone is a handful of reference counts, so that every reader can hold its own.

mod apply;
mod broker;
mod resource;
mod snapshot;
#[cfg(test)]
mod tests;
mod topic;

use std::ops::Bound;
use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use uuid::Uuid;

pub use self::apply::{ApplyError, Change};
pub use self::broker::{Broker, FeatureRange, Listener};
pub(crate) use self::broker::{FENCE, IN_CONTROLLED_SHUTDOWN, UNFENCE};
pub use self::resource::{ConfigResource, ConfigResourceType};
pub use self::topic::{
    LeaderRecoveryState, NO_LEADER, NO_LEADER_CHANGE, Partition, Topic, directory,
};

/// The overrides of one resource, by key.
pub type ConfigOverrides = OrdMap<Arc<str>, Arc<str>>;

#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    cluster_id: Arc<str>,
    /// The last offset folded in, -1 before the first.
    offset: i64,
    /// The leader epoch of that offset.
    epoch: i32,
    features: OrdMap<Arc<str>, i16>,
    brokers: OrdMap<i32, Arc<Broker>>,
    topics: OrdMap<Arc<str>, Arc<Topic>>,
    topic_names: HashMap<Uuid, Arc<str>>,
    /// Topics whose names hold a `.` or `_`, by the name with every `.` replaced: names that agree
    /// in it would share their metrics.
    collisions: HashMap<String, Arc<str>>,
    configs: HashMap<ConfigResource, ConfigOverrides>,
    next_producer_id: i64,
    /// Who got the last block of producer ids.
    producer_ids_broker: (i32, i64),
}

impl Image {
    /// The image before the first record.
    pub fn empty(cluster_id: &str) -> Image {
        Image {
            cluster_id: cluster_id.into(),
            offset: -1,
            epoch: 0,
            features: OrdMap::new(),
            brokers: OrdMap::new(),
            topics: OrdMap::new(),
            topic_names: HashMap::new(),
            collisions: HashMap::new(),
            configs: HashMap::new(),
            next_producer_id: 0,
            producer_ids_broker: (-1, -1),
        }
    }

    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub fn offset(&self) -> i64 {
        self.offset
    }

    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// Names the log position that the image has reached, control records included.
    pub fn advance(&mut self, offset: i64, epoch: i32) {
        self.offset = offset;
        self.epoch = epoch;
    }

    /// Finalized features by name; one that is not there is at level 0.
    pub fn features(&self) -> &OrdMap<Arc<str>, i16> {
        &self.features
    }

    pub fn feature_level(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    pub fn brokers(&self) -> impl Iterator<Item = &Arc<Broker>> {
        self.brokers.values()
    }

    pub fn broker(&self, id: i32) -> Option<&Arc<Broker>> {
        self.brokers.get(&id)
    }

    pub fn is_active(&self, broker_id: i32) -> bool {
        self.broker(broker_id)
            .is_some_and(|broker| broker.is_active())
    }

    /// All topics in the order of their names.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.values()
    }

    /// The topics whose names are `name` or greater, in order.
    pub fn topics_from(&self, name: &str) -> impl Iterator<Item = &Arc<Topic>> {
        let range = (Bound::Included(name), Bound::Unbounded);
        self.topics.range::<_, str>(range).map(|(_, topic)| topic)
    }

    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(name)
    }

    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.topic(self.topic_names.get(&id)?)
    }

    pub fn partition(&self, topic: &str, partition_id: i32) -> Option<&Arc<Partition>> {
        self.topic(topic)?.partition(partition_id)
    }

    /// A topic whose metrics would be confused with those of a topic called `name`.
    pub fn colliding_topic(&self, name: &str) -> Option<&Arc<str>> {
        self.collisions.get(&collision_key(name)?)
    }

    /// The overrides of `resource`, if it has any.
    pub fn config(&self, resource: &ConfigResource) -> Option<&ConfigOverrides> {
        self.configs.get(resource)
    }

    pub fn configs(&self) -> impl Iterator<Item = (&ConfigResource, &ConfigOverrides)> {
        self.configs.iter()
    }

    /// The first id of the block that is handed out next.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }
}

fn collision_key(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}
