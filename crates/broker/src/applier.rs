//! Brings this broker into line with the committed metadata: opens and deletes logs, takes up and lays down leadership,
//! applies configuration. Blocking; once per published image. Logs that could not be opened for a while are tried again by
//! the maintenance thread.
//!
//! Invariant: an image is published to handlers only after everything that it promises can be served.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::{BrokerConfig, Properties, TopicConfig};
use controller::image::{ConfigResource, ConfigResourceType, directory};
use controller::{Delta, Image};
use parking_lot::Mutex;
use replica::Partition;
use uuid::Uuid;

use crate::broker::Broker;
use crate::logs;
use crate::topics::Topic;

/// Threads that open logs when there are many, at start: the work is waiting for the disk.
const OPENING_THREADS: usize = 16;

/// Fewer logs than this are opened by the caller alone.
const OPENING_ALONE: usize = 16;

impl Broker {
    /// `delta` is what changed since the image applied last.
    pub(crate) fn apply(&self, image: Arc<Image>, delta: &Delta) {
        let _applying = self.applying.lock();
        for topic in delta.deleted_topics.values() {
            self.drop_topic(&topic.id);
        }
        if !delta.deleted_topics.is_empty() {
            // Or a topic of the same name would, after a crash, be taken for as long as the old one was.
            self.logs.write_recovery_points(&self.topics);
            self.logs.checkpoint_log_starts(&self.topics);
        }
        self.apply_broker_config(&image, delta);
        for id in &delta.created_topics {
            if let Some(topic) = image.topic_by_id(*id) {
                self.topics.insert(Topic::new(
                    topic.name.clone(),
                    topic.id,
                    self.topic_config(&image, &topic.name),
                ));
            }
        }
        self.open_logs(&image, delta);
        self.take_up_leadership(&image, delta);
        self.apply_topic_configs(&image, delta);
        self.image.store(Arc::clone(&image));
        self.groups.apply(&self.topics, self.node_id, &image, delta);
    }

    /// Opens the logs that could not be opened when they were to be, for want of space or descriptors.
    pub(crate) fn open_left_out_logs(&self) {
        let _applying = self.applying.lock();
        let delta = Delta {
            partitions: std::mem::take(&mut *self.left_out.lock()),
            ..Delta::default()
        };
        if delta.partitions.is_empty() {
            return;
        }
        let image = self.image();
        self.open_logs(&image, &delta);
        self.take_up_leadership(&image, &delta);
        self.groups
            .apply(&self.topics, self.node_id, &image, &delta);
    }

    fn drop_topic(&self, id: &Uuid) {
        let Some(topic) = self.topics.remove(id) else {
            return;
        };
        for partition in topic.partitions() {
            partition.resign();
            if let Err(error) = self.logs.delete(&partition) {
                tracing::error!(topic = %topic.name, partition = partition.index, %error, "log not deleted");
            }
        }
        self.left_out.lock().remove(id);
        self.logs.delete_unopened(&topic);
    }

    fn open_logs(&self, image: &Image, delta: &Delta) {
        let mut missing = Vec::new();
        for (topic_id, indexes) in &delta.partitions {
            let (Some(known), Some(topic)) =
                (image.topic_by_id(*topic_id), self.topics.by_id(topic_id))
            else {
                continue;
            };
            let hosted = |index: &i32| {
                known
                    .partition(*index)
                    .is_some_and(|partition| partition.replicas.contains(&self.node_id))
            };
            let absent = indexes
                .iter()
                .copied()
                .filter(|index| hosted(index) && topic.partition(*index).is_none());
            missing.extend(absent.map(|index| {
                let partition = known.partition(index);
                let assigned = partition.and_then(|partition| partition.directory_of(self.node_id));
                (
                    topic.clone(),
                    index,
                    assigned.unwrap_or(directory::UNASSIGNED),
                )
            }));
        }
        let opened = Mutex::new(BTreeMap::<Uuid, Vec<Arc<Partition>>>::new());
        let open = |share: &[(Arc<Topic>, i32, Uuid)]| {
            for (topic, index, assigned) in share {
                match self
                    .logs
                    .open_partition(topic, *index, *assigned, &self.config())
                {
                    Ok(partition) => opened.lock().entry(topic.id).or_default().push(partition),
                    Err(error) => {
                        if error.is_passing() {
                            self.left_out
                                .lock()
                                .entry(topic.id)
                                .or_default()
                                .insert(*index);
                        }
                        tracing::error!(topic = %topic.name, partition = index, %error, "log not opened")
                    }
                }
            }
        };
        if missing.len() < OPENING_ALONE {
            open(&missing);
        } else {
            let share = missing.len().div_ceil(OPENING_THREADS);
            std::thread::scope(|scope| {
                for part in missing.chunks(share) {
                    scope.spawn(|| open(part));
                }
            });
        }
        for (topic_id, partitions) in opened.into_inner() {
            if let Some(topic) = self.topics.by_id(&topic_id) {
                topic.insert_partitions(partitions.iter().cloned());
                for partition in &partitions {
                    self.logs.note_opened(partition);
                }
            }
        }
    }

    fn take_up_leadership(&self, image: &Image, delta: &Delta) {
        for (topic_id, indexes) in &delta.partitions {
            let (Some(known), Some(topic)) =
                (image.topic_by_id(*topic_id), self.topics.by_id(topic_id))
            else {
                continue;
            };
            for index in indexes {
                let (Some(state), Some(partition)) =
                    (known.partition(*index), topic.partition(*index))
                else {
                    continue;
                };
                if state.leader == self.node_id {
                    partition.become_leader(state.leader_epoch);
                } else {
                    partition.resign();
                }
            }
        }
    }

    /// A dynamic broker key changed: the broker's own settings, and the defaults of every topic.
    fn apply_broker_config(&self, image: &Image, delta: &Delta) {
        if !delta
            .configs
            .iter()
            .any(|resource| resource.kind == ConfigResourceType::Broker)
        {
            return;
        }
        let defaults = properties(image, &ConfigResource::cluster());
        let own = properties(image, &ConfigResource::broker(self.node_id));
        match self.config().with_dynamic(defaults, own) {
            Ok(config) => self.config.store(Arc::new(config)),
            Err(error) => tracing::error!(%error, "dynamic broker configuration not applied"),
        }
        for topic in self.topics.all() {
            self.set_topic_config(&topic, self.topic_config(image, &topic.name));
        }
    }

    fn apply_topic_configs(&self, image: &Image, delta: &Delta) {
        for resource in delta
            .configs
            .iter()
            .filter(|resource| resource.kind == ConfigResourceType::Topic)
        {
            if let Some(topic) = self.topics.by_name(&resource.name) {
                self.set_topic_config(&topic, self.topic_config(image, &resource.name));
            }
        }
    }

    fn set_topic_config(&self, topic: &Topic, config: TopicConfig) {
        let log_config = logs::log_config(&config, &self.config());
        topic.config.store(Arc::new(config));
        for partition in topic.partitions() {
            partition.log().set_config(log_config.clone());
        }
    }

    /// The overrides in the log were valid when they were decided; one that no longer is leaves the defaults in force.
    fn topic_config(&self, image: &Image, topic: &str) -> TopicConfig {
        let config: Arc<BrokerConfig> = self.config();
        config
            .topic(&properties(image, &ConfigResource::topic(topic)))
            .unwrap_or_else(|error| {
                tracing::error!(topic, %error, "topic configuration not applied");
                config.topic_defaults.clone()
            })
    }
}

fn properties(image: &Image, resource: &ConfigResource) -> Properties {
    let overrides = image.config(resource).into_iter().flatten();
    overrides
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

#[cfg(test)]
#[path = "applier_tests.rs"]
mod tests;
