//! An image as records: what a snapshot of the metadata log holds.
//!
//! Invariant: applied to an empty image, in order, they give an equal image.

use wire::records::metadata::{
    ConfigRecord, FeatureLevelRecord, MetadataRecord, ProducerIdsRecord, TopicRecord,
};

use super::{Image, Topic};
use crate::features::METADATA_VERSION;

impl Image {
    pub fn to_records(&self) -> Vec<MetadataRecord> {
        let mut records = self.feature_records();
        let brokers = self.brokers().map(|broker| broker.to_record());
        records.extend(brokers.map(MetadataRecord::RegisterBroker));
        records.extend(self.topics().flat_map(|topic| topic.to_records()));
        records.extend(self.config_records().map(MetadataRecord::Config));
        if self.next_producer_id > 0 {
            let (broker_id, broker_epoch) = self.producer_ids_broker;
            let next_producer_id = self.next_producer_id;
            records.push(MetadataRecord::ProducerIds(ProducerIdsRecord {
                broker_id,
                broker_epoch,
                next_producer_id,
            }));
        }
        records
    }

    /// The metadata version first: it says how to read the rest.
    fn feature_records(&self) -> Vec<MetadataRecord> {
        let mut features: Vec<_> = self.features.iter().collect();
        features.sort_by_key(|(name, _)| &***name != METADATA_VERSION);
        let record = |(name, level): (&std::sync::Arc<str>, &i16)| {
            MetadataRecord::FeatureLevel(FeatureLevelRecord {
                name: name.to_string(),
                feature_level: *level,
            })
        };
        features.into_iter().map(record).collect()
    }

    fn config_records(&self) -> impl Iterator<Item = ConfigRecord> {
        self.configs.iter().flat_map(|(resource, overrides)| {
            overrides.iter().map(|(name, value)| ConfigRecord {
                resource_type: resource.kind.id(),
                resource_name: resource.name.to_string(),
                name: name.to_string(),
                value: Some(value.to_string()),
            })
        })
    }
}

impl Topic {
    fn to_records(&self) -> impl Iterator<Item = MetadataRecord> {
        let topic = TopicRecord {
            name: self.name.to_string(),
            topic_id: self.id,
        };
        let partitions = self.partitions.iter().map(|(partition_id, partition)| {
            MetadataRecord::Partition(partition.to_record(self.id, *partition_id))
        });
        std::iter::once(MetadataRecord::Topic(topic)).chain(partitions)
    }
}
