//! Metadata, versions 0 to 13. Topic ids (KIP-516), authorized operations (KIP-430), automatic creation.

use std::collections::BTreeSet;

use controller::Image;
use controller::image::{self, NO_LEADER};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use wire::ErrorCode;
use wire::request::{MetadataRequest, MetadataRequestTopic};

use super::Call;
use super::topic_partitions::offline_replicas;
use crate::internal_topics;
use crate::ops::auto_create;
use crate::ops::operations;

/// Versions that can ask for topics by id.
const TOPIC_IDS_FROM: i16 = 12;

pub(crate) fn handle(call: &Call, request: MetadataRequest) -> MetadataResponse {
    let image = call.broker.image();
    let view = View {
        call,
        image: &image,
        with_operations: request.include_topic_authorized_operations,
    };
    let topics = match wanted(&request.topics, call.version()) {
        Wanted::All => image.topics().map(|topic| view.topic(topic)).collect(),
        Wanted::Named(topics)
            if topics
                .iter()
                .any(|topic| is_malformed(topic, call.version())) =>
        {
            return refused(topics);
        }
        Wanted::Named(topics) => view.named(topics, request.allow_auto_topic_creation),
    };
    let cluster_operations = match request.include_cluster_authorized_operations {
        true => operations::ON_CLUSTER,
        false => operations::NOT_ASKED,
    };
    MetadataResponse::default()
        .with_brokers(view.brokers())
        .with_cluster_id(Some(StrBytes::from_string(image.cluster_id().to_owned())))
        .with_controller_id(BrokerId(call.broker.node_id))
        .with_topics(topics)
        .with_cluster_authorized_operations(cluster_operations)
}

enum Wanted<'a> {
    All,
    Named(&'a [MetadataRequestTopic]),
}

/// No list means all topics; so does an empty one in version 0.
fn wanted(topics: &Option<Vec<MetadataRequestTopic>>, version: i16) -> Wanted<'_> {
    match topics {
        None => Wanted::All,
        Some(topics) if topics.is_empty() && version == 0 => Wanted::All,
        Some(topics) => Wanted::Named(topics),
    }
}

/// An id in a version that has none yet, or neither name nor id.
fn is_malformed(topic: &MetadataRequestTopic, version: i16) -> bool {
    match topic.name {
        None => version < TOPIC_IDS_FROM,
        Some(_) => version < TOPIC_IDS_FROM && !topic.topic_id.is_nil(),
    }
}

fn refused(topics: &[MetadataRequestTopic]) -> MetadataResponse {
    let answers = topics.iter().map(|topic| {
        let name = topic.name.clone().unwrap_or_default();
        failed(Some(&name), topic.topic_id, ErrorCode::InvalidRequest)
    });
    MetadataResponse::default().with_topics(answers.collect())
}

fn failed(name: Option<&str>, id: Uuid, error: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(error.code())
        .with_name(name.map(|name| TopicName(StrBytes::from_string(name.to_owned()))))
        .with_topic_id(id)
        .with_is_internal(name.is_some_and(internal_topics::is_internal))
        .with_topic_authorized_operations(operations::NOT_ASKED)
}

struct View<'a> {
    call: &'a Call,
    image: &'a Image,
    with_operations: bool,
}

impl View<'_> {
    fn brokers(&self) -> Vec<MetadataResponseBroker> {
        let active = self.image.brokers().filter(|broker| broker.is_active());
        let listener = &self.call.peer.listener;
        active
            .filter_map(|broker| {
                let endpoint = broker
                    .listeners
                    .iter()
                    .find(|endpoint| *endpoint.name == **listener)?;
                Some(
                    MetadataResponseBroker::default()
                        .with_node_id(BrokerId(broker.id))
                        .with_host(StrBytes::from_string(endpoint.host.clone()))
                        .with_port(endpoint.port.into())
                        .with_rack(broker.rack.clone().map(StrBytes::from_string)),
                )
            })
            .collect()
    }

    fn named(
        &self,
        topics: &[MetadataRequestTopic],
        may_create: bool,
    ) -> Vec<MetadataResponseTopic> {
        let ids: BTreeSet<_> = topics
            .iter()
            .filter(|topic| topic.name.is_none() || !topic.topic_id.is_nil())
            .map(|topic| topic.topic_id)
            .collect();
        // As in Kafka, one id makes it a request by id, and names are not looked at.
        if !ids.is_empty() {
            let answers = ids.into_iter().map(|id| match self.image.topic_by_id(id) {
                Some(topic) => self.topic(topic),
                None => failed(None, id, ErrorCode::UnknownTopicId),
            });
            return answers.collect();
        }
        let names: BTreeSet<_> = topics
            .iter()
            .filter_map(|topic| topic.name.as_deref())
            .collect();
        let mut answers = Vec::with_capacity(names.len());
        let mut missing = Vec::new();
        for name in names {
            match self.image.topic(name) {
                Some(topic) => answers.push(self.topic(topic)),
                None => missing.push(name),
            }
        }
        let may_create = may_create
            && self
                .call
                .broker
                .config()
                .topic_creation
                .auto_create_topics_enable;
        for name in missing {
            let error = match may_create {
                true => auto_create::request(&self.call.broker, name),
                false => auto_create::check_name(name)
                    .err()
                    .unwrap_or(ErrorCode::UnknownTopicOrPartition),
            };
            answers.push(failed(Some(name), Uuid::nil(), error));
        }
        answers
    }

    fn topic(&self, topic: &image::Topic) -> MetadataResponseTopic {
        let partitions = topic
            .partitions
            .iter()
            .map(|(index, partition)| describe(self.image, *index, partition));
        MetadataResponseTopic::default()
            .with_name(Some(TopicName(StrBytes::from_string(
                topic.name.to_string(),
            ))))
            .with_topic_id(topic.id)
            .with_is_internal(internal_topics::is_internal(&topic.name))
            .with_partitions(partitions.collect())
            .with_topic_authorized_operations(match self.with_operations {
                true => operations::ON_TOPIC,
                false => operations::NOT_ASKED,
            })
    }
}

fn describe(image: &Image, index: i32, partition: &image::Partition) -> MetadataResponsePartition {
    let ids = |nodes: &[i32]| nodes.iter().copied().map(BrokerId).collect::<Vec<_>>();
    let error = match partition.leader {
        NO_LEADER => ErrorCode::LeaderNotAvailable.code(),
        _ => 0,
    };
    MetadataResponsePartition::default()
        .with_error_code(error)
        .with_partition_index(index)
        .with_leader_id(BrokerId(partition.leader))
        .with_leader_epoch(partition.leader_epoch)
        .with_replica_nodes(ids(&partition.replicas))
        .with_isr_nodes(ids(&partition.isr))
        .with_offline_replicas(ids(&offline_replicas(image, partition)))
}

#[cfg(test)]
mod tests {
    use wire::records::metadata::{PartitionRecord, RegisterBrokerRecord, TopicRecord};

    use super::*;

    #[test]
    fn a_replica_is_offline_without_its_broker_or_its_directory() {
        let [topic_id, kept, lost] = [1, 77, 78].map(Uuid::from_u128);
        let broker = RegisterBrokerRecord {
            broker_id: 1,
            fenced: false,
            log_dirs: vec![kept],
            ..RegisterBrokerRecord::default()
        };
        let mut image = Image::empty("cluster");
        image.apply(&broker.into()).unwrap();
        let topic = TopicRecord {
            name: "t".into(),
            topic_id,
        };
        image.apply(&topic.into()).unwrap();
        for (partition_id, broker_id, directory) in [(0, 1, kept), (1, 1, lost), (2, 9, kept)] {
            let partition = PartitionRecord {
                partition_id,
                topic_id,
                replicas: vec![broker_id],
                isr: vec![broker_id],
                leader: broker_id,
                directories: vec![directory],
                ..PartitionRecord::default()
            };
            image.apply(&partition.into()).unwrap();
        }
        let offline = |index| {
            let partition = image.partition("t", index).unwrap();
            describe(&image, index, partition).offline_replicas
        };
        assert_eq!(offline(0), Vec::<BrokerId>::new());
        // The other directory has failed, and the broker has another.
        assert_eq!(offline(1), vec![BrokerId(1)]);
        assert_eq!(offline(2), vec![BrokerId(9)]);
    }
}
