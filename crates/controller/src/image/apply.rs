//! Folds one record into the image.
//!
//! Invariant: the same records in the same order give the same image, live or at recovery. A record
//! that does not fit the image is an error: the log then holds something nobody decided.

use std::sync::Arc;

use uuid::Uuid;
use wire::records::metadata::{
    BrokerRegistrationChangeRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord,
    PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord, TopicRecord,
};

use super::broker::{Broker, FENCE, UNFENCE};
use super::resource::{ConfigResource, ConfigResourceType};
use super::topic::{Partition, Topic};
use super::{Image, collision_key};

/// What one record changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    None,
    Feature(Arc<str>),
    Broker(i32),
    TopicCreated(Uuid),
    /// The topic as it was; its configuration went with it.
    TopicDeleted(Arc<Topic>),
    Partition {
        topic_id: Uuid,
        partition_id: i32,
    },
    Config(ConfigResource),
    ProducerIds,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApplyError {
    #[error("there is no topic with id {0}")]
    UnknownTopic(Uuid),
    #[error("there is already a topic with the name or id of {0}")]
    TopicExists(String),
    #[error("topic {topic_id} has no partition {partition_id}")]
    UnknownPartition { topic_id: Uuid, partition_id: i32 },
    #[error("partition {partition_id} of topic {topic_id} has leader recovery state {code}")]
    BadRecoveryState {
        topic_id: Uuid,
        partition_id: i32,
        code: i8,
    },
    #[error("broker {0} is not registered")]
    UnknownBroker(i32),
    #[error("broker {broker_id} has epoch {current}, not {named}")]
    StaleBrokerEpoch {
        broker_id: i32,
        current: i64,
        named: i64,
    },
    #[error("there is no configuration resource of type {0}")]
    UnknownResourceType(i8),
    #[error("the next producer id would go from {current} to {named}")]
    ProducerIdsGoBack { current: i64, named: i64 },
    #[error("records of this type belong to a feature that is not there yet: {0}")]
    Unsupported(&'static str),
}

impl Image {
    pub fn apply(&mut self, record: &MetadataRecord) -> Result<Change, ApplyError> {
        match record {
            MetadataRecord::NoOp(_) => Ok(Change::None),
            MetadataRecord::FeatureLevel(record) => Ok(self.apply_feature(record)),
            MetadataRecord::RegisterBroker(record) => Ok(self.register_broker(record)),
            MetadataRecord::UnregisterBroker(record) => {
                self.registered(record.broker_id, record.broker_epoch)?;
                self.brokers.remove(&record.broker_id);
                Ok(Change::Broker(record.broker_id))
            }
            MetadataRecord::BrokerRegistrationChange(record) => {
                self.apply_registration_change(record)
            }
            MetadataRecord::FenceBroker(record) => {
                self.apply_fencing(record.id, record.epoch, FENCE)
            }
            MetadataRecord::UnfenceBroker(record) => {
                self.apply_fencing(record.id, record.epoch, UNFENCE)
            }
            MetadataRecord::Topic(record) => self.apply_topic(record),
            MetadataRecord::RemoveTopic(record) => self.apply_topic_removal(record.topic_id),
            MetadataRecord::Partition(record) => self.apply_partition(record),
            MetadataRecord::PartitionChange(record) => self.apply_partition_change(record),
            MetadataRecord::Config(record) => self.apply_config(record),
            MetadataRecord::ProducerIds(record) => self.apply_producer_ids(record),
            MetadataRecord::RegisterController(_)
            | MetadataRecord::DelegationToken(_)
            | MetadataRecord::RemoveDelegationToken(_)
            | MetadataRecord::UserScramCredential(_)
            | MetadataRecord::RemoveUserScramCredential(_)
            | MetadataRecord::ClientQuota(_)
            | MetadataRecord::AccessControlEntry(_)
            | MetadataRecord::RemoveAccessControlEntry(_)
            | MetadataRecord::ZkMigrationState(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_)
            | MetadataRecord::ClearElr(_) => Err(ApplyError::Unsupported(record.name())),
        }
    }

    fn apply_feature(&mut self, record: &FeatureLevelRecord) -> Change {
        let name: Arc<str> = record.name.as_str().into();
        if record.feature_level == 0 {
            self.features.remove(&name);
        } else {
            self.features
                .insert(Arc::clone(&name), record.feature_level);
        }
        Change::Feature(name)
    }

    pub(crate) fn register_broker(&mut self, record: &RegisterBrokerRecord) -> Change {
        self.brokers
            .insert(record.broker_id, Arc::new(Broker::new(record)));
        Change::Broker(record.broker_id)
    }

    fn apply_fencing(&mut self, id: i32, epoch: i64, fenced: i8) -> Result<Change, ApplyError> {
        self.apply_registration_change(&BrokerRegistrationChangeRecord {
            broker_id: id,
            broker_epoch: epoch,
            fenced,
            ..BrokerRegistrationChangeRecord::default()
        })
    }

    fn apply_registration_change(
        &mut self,
        record: &BrokerRegistrationChangeRecord,
    ) -> Result<Change, ApplyError> {
        let changed = self
            .registered(record.broker_id, record.broker_epoch)?
            .merge(record);
        self.brokers.insert(record.broker_id, Arc::new(changed));
        Ok(Change::Broker(record.broker_id))
    }

    fn registered(&self, broker_id: i32, epoch: i64) -> Result<&Broker, ApplyError> {
        let broker = self
            .broker(broker_id)
            .ok_or(ApplyError::UnknownBroker(broker_id))?;
        if broker.epoch != epoch {
            let current = broker.epoch;
            return Err(ApplyError::StaleBrokerEpoch {
                broker_id,
                current,
                named: epoch,
            });
        }
        Ok(broker)
    }

    fn apply_topic(&mut self, record: &TopicRecord) -> Result<Change, ApplyError> {
        let is_known = self.topics.contains_key(record.name.as_str());
        if is_known || self.topic_names.contains_key(&record.topic_id) {
            return Err(ApplyError::TopicExists(record.name.clone()));
        }
        let topic = Topic::new(record);
        if let Some(key) = collision_key(&topic.name) {
            self.collisions.insert(key, Arc::clone(&topic.name));
        }
        self.topic_names.insert(topic.id, Arc::clone(&topic.name));
        self.topics.insert(Arc::clone(&topic.name), Arc::new(topic));
        Ok(Change::TopicCreated(record.topic_id))
    }

    fn apply_topic_removal(&mut self, topic_id: Uuid) -> Result<Change, ApplyError> {
        let unknown = ApplyError::UnknownTopic(topic_id);
        let Some(name) = self.topic_names.remove(&topic_id) else {
            return Err(unknown);
        };
        let Some(topic) = self.topics.remove(&name) else {
            return Err(unknown);
        };
        self.configs.remove(&ConfigResource {
            kind: ConfigResourceType::Topic,
            name,
        });
        if let Some(key) = collision_key(&topic.name)
            && self.collisions.get(&key) == Some(&topic.name)
        {
            self.collisions.remove(&key);
        }
        Ok(Change::TopicDeleted(topic))
    }

    fn apply_partition(&mut self, record: &PartitionRecord) -> Result<Change, ApplyError> {
        let topic_id = record.topic_id;
        let partition_id = record.partition_id;
        let code = record.leader_recovery_state;
        let partition = Partition::new(record).ok_or(ApplyError::BadRecoveryState {
            topic_id,
            partition_id,
            code,
        })?;
        self.topic_mut(topic_id)?
            .partitions
            .insert(partition_id, Arc::new(partition));
        Ok(Change::Partition {
            topic_id,
            partition_id,
        })
    }

    fn apply_partition_change(
        &mut self,
        record: &PartitionChangeRecord,
    ) -> Result<Change, ApplyError> {
        let topic_id = record.topic_id;
        let partition_id = record.partition_id;
        let code = record.leader_recovery_state;
        let partition = self
            .topic_mut(topic_id)?
            .partitions
            .get_mut(&partition_id)
            .ok_or(ApplyError::UnknownPartition {
                topic_id,
                partition_id,
            })?;
        let changed = partition
            .merge(record)
            .ok_or(ApplyError::BadRecoveryState {
                topic_id,
                partition_id,
                code,
            })?;
        *partition = Arc::new(changed);
        Ok(Change::Partition {
            topic_id,
            partition_id,
        })
    }

    /// The topic, copied first if an older image still holds it. (Its partitions are shared.)
    fn topic_mut(&mut self, topic_id: Uuid) -> Result<&mut Topic, ApplyError> {
        let unknown = ApplyError::UnknownTopic(topic_id);
        let Some(name) = self.topic_names.get(&topic_id) else {
            return Err(unknown);
        };
        let Some(topic) = self.topics.get_mut(name) else {
            return Err(unknown);
        };
        Ok(Arc::make_mut(topic))
    }

    fn apply_config(&mut self, record: &ConfigRecord) -> Result<Change, ApplyError> {
        let kind = ConfigResourceType::from_id(record.resource_type)
            .ok_or(ApplyError::UnknownResourceType(record.resource_type))?;
        let resource = ConfigResource {
            kind,
            name: record.resource_name.as_str().into(),
        };
        let mut overrides = self.configs.get(&resource).cloned().unwrap_or_default();
        match &record.value {
            Some(value) => {
                overrides.insert(record.name.as_str().into(), value.as_str().into());
            }
            None => {
                overrides.remove(record.name.as_str());
            }
        }
        if overrides.is_empty() {
            self.configs.remove(&resource);
        } else {
            self.configs.insert(resource.clone(), overrides);
        }
        Ok(Change::Config(resource))
    }

    fn apply_producer_ids(&mut self, record: &ProducerIdsRecord) -> Result<Change, ApplyError> {
        let named = record.next_producer_id;
        if named <= self.next_producer_id {
            return Err(ApplyError::ProducerIdsGoBack {
                current: self.next_producer_id,
                named,
            });
        }
        self.next_producer_id = named;
        self.producer_ids_broker = (record.broker_id, record.broker_epoch);
        Ok(Change::ProducerIds)
    }
}
