//! What changed between two images, so that whoever follows them does work for the changes only.
//!
//! Invariant: a delta names each thing once, however often it changed; how it looks now is in the
//! newer image, and what was deleted is carried along as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::image::{Change, ConfigResource, Image, Topic};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    pub created_topics: BTreeSet<Uuid>,
    pub deleted_topics: BTreeMap<Uuid, Arc<Topic>>,
    /// Partitions that are new or look different, by topic id.
    pub partitions: BTreeMap<Uuid, BTreeSet<i32>>,
    pub configs: BTreeSet<ConfigResource>,
    pub brokers: BTreeSet<i32>,
    pub features: BTreeSet<Arc<str>>,
    pub producer_ids: bool,
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        *self == Delta::default()
    }

    pub fn add(&mut self, change: Change) {
        match change {
            Change::None => {}
            Change::Feature(name) => {
                self.features.insert(name);
            }
            Change::Broker(id) => {
                self.brokers.insert(id);
            }
            Change::TopicCreated(id) => {
                self.created_topics.insert(id);
            }
            Change::TopicDeleted(topic) => self.delete_topic(topic),
            Change::Partition {
                topic_id,
                partition_id,
            } => {
                self.partitions
                    .entry(topic_id)
                    .or_default()
                    .insert(partition_id);
            }
            Change::Config(resource) => {
                self.configs.insert(resource);
            }
            Change::ProducerIds => self.producer_ids = true,
        }
    }

    /// A topic that came and went in between was never seen by anyone.
    fn delete_topic(&mut self, topic: Arc<Topic>) {
        self.partitions.remove(&topic.id);
        self.configs.remove(&ConfigResource::topic(&topic.name));
        if !self.created_topics.remove(&topic.id) {
            self.deleted_topics.insert(topic.id, topic);
        }
    }

    /// The difference between any two images, for when the records between them are not at hand.
    /// Unlike everything else here this takes time for all that there is.
    pub fn between(old: &Image, new: &Image) -> Delta {
        let mut delta = Delta::default();
        for topic in old
            .topics()
            .filter(|topic| new.topic_by_id(topic.id).is_none())
        {
            delta.deleted_topics.insert(topic.id, Arc::clone(topic));
        }
        for topic in new.topics() {
            let before = old.topic_by_id(topic.id);
            if before.is_none() {
                delta.created_topics.insert(topic.id);
            }
            let differs =
                |id: &i32, now| before.and_then(|topic| topic.partition(*id)) != Some(now);
            let changed = topic.partitions.iter().filter(|(id, now)| differs(id, now));
            let changed: BTreeSet<i32> = changed.map(|(id, _)| *id).collect();
            if !changed.is_empty() {
                delta.partitions.insert(topic.id, changed);
            }
        }
        delta.add_config_differences(old, new);
        let brokers = old.brokers().chain(new.brokers()).map(|broker| broker.id);
        delta
            .brokers
            .extend(brokers.filter(|id| old.broker(*id) != new.broker(*id)));
        let features = old.features().keys().chain(new.features().keys());
        let changed = features.filter(|name| old.feature_level(name) != new.feature_level(name));
        delta.features.extend(changed.cloned());
        delta.producer_ids = old.next_producer_id() != new.next_producer_id();
        delta
    }

    fn add_config_differences(&mut self, old: &Image, new: &Image) {
        let resources = old
            .configs()
            .chain(new.configs())
            .map(|(resource, _)| resource);
        let changed = resources.filter(|resource| old.config(resource) != new.config(resource));
        let deleted: BTreeSet<_> = self
            .deleted_topics
            .values()
            .map(|topic| ConfigResource::topic(&topic.name))
            .collect();
        let gone = |resource: &ConfigResource| {
            deleted.contains(resource) && new.topic(&resource.name).is_none()
        };
        self.configs
            .extend(changed.filter(|resource| !gone(resource)).cloned());
    }
}
