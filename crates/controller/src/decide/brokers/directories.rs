//! AssignReplicasToDirs, and log directories that fail (KIP-858).

use config::BrokerConfig;
use kafka_protocol::messages::{
    AssignReplicasToDirsResponse, assign_replicas_to_dirs_response as assigned,
};
use uuid::Uuid;
use wire::ErrorCode;
use wire::records::metadata::{BrokerRegistrationChangeRecord, MetadataRecord};
use wire::request::AssignReplicasToDirsRequest;

use super::{current_broker, leave, partition_changes, registration_change};
use crate::decide::partition_change::PartitionChange;
use crate::decide::{Decision, Refusal};
use crate::image::{Broker, Image, Topic};

/// A broker with several log directories says which of them its replicas live in.
pub fn assign_directories(
    image: &Image,
    request: &AssignReplicasToDirsRequest,
) -> Decision<AssignReplicasToDirsResponse> {
    let broker = match current_broker(image, request.broker_id, request.broker_epoch) {
        Ok(broker) => broker,
        Err(error) => {
            let code = error.code().code();
            return Decision::answer(AssignReplicasToDirsResponse::default().with_error_code(code));
        }
    };
    let mut records = Vec::new();
    let mut directories = Vec::new();
    for directory in &request.directories {
        let mut topics = Vec::new();
        for topic in &directory.topics {
            let known = image.topic_by_id(topic.topic_id);
            let mut partitions = Vec::new();
            for partition in &topic.partitions {
                let partition_id = partition.partition_index;
                let moved = match known {
                    Some(topic) => move_replica(image, topic, partition_id, broker, directory.id),
                    None => Err(ErrorCode::UnknownTopicId),
                };
                let code = moved.as_ref().err().map_or(0, ErrorCode::code);
                records.extend(moved.ok().flatten());
                partitions.push(
                    assigned::PartitionData::default()
                        .with_partition_index(partition_id)
                        .with_error_code(code),
                );
            }
            topics.push(
                assigned::TopicData::default()
                    .with_topic_id(topic.topic_id)
                    .with_partitions(partitions),
            );
        }
        directories.push(
            assigned::DirectoryData::default()
                .with_id(directory.id)
                .with_topics(topics),
        );
    }
    let response = AssignReplicasToDirsResponse::default().with_directories(directories);
    Decision { records, response }
}

fn move_replica(
    image: &Image,
    topic: &Topic,
    partition_id: i32,
    broker: &Broker,
    directory: Uuid,
) -> Result<Option<MetadataRecord>, ErrorCode> {
    let partition = topic
        .partition(partition_id)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !partition.replicas.contains(&broker.id) {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let mut change = PartitionChange::new(image, partition);
    change.moved = Some((broker.id, directory));
    if !broker.has_online_directory(directory) {
        leave(&mut change, broker.id);
    }
    Ok(change
        .record(topic.id, partition_id)
        .map(MetadataRecord::PartitionChange))
}

/// The broker says that log directories have failed: it leads nothing that lives there.
pub(super) fn lose_directories(
    image: &Image,
    config: &BrokerConfig,
    broker: &Broker,
    offline: &[Uuid],
) -> Vec<MetadataRecord> {
    let (lost, left): (Vec<Uuid>, Vec<Uuid>) =
        broker.log_dirs.iter().partition(|id| offline.contains(id));
    if lost.is_empty() {
        return Vec::new();
    }
    let mut records = partition_changes(image, config, broker.id, |change| {
        if change
            .partition()
            .directory_of(broker.id)
            .is_some_and(|id| lost.contains(&id))
        {
            leave(change, broker.id);
        }
    });
    let record = BrokerRegistrationChangeRecord {
        log_dirs: left,
        ..registration_change(broker)
    };
    records.push(MetadataRecord::BrokerRegistrationChange(record));
    records
}
