//! AlterPartitionReassignments and ListPartitionReassignments: replicas move from broker to broker
//! (KIP-455). First the new ones are added; when they are in sync the old ones are dropped.

use config::BrokerConfig;
use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsResponse, BrokerId, ListPartitionReassignmentsResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::records::metadata::{MetadataRecord, PartitionChangeRecord};
use wire::request::{
    AlterPartitionReassignmentsRequest, ListPartitionReassignmentsRequest, ReassignablePartition,
};

use super::assignment::{InvalidAssignment, validate_replicas};
use super::partition_change::{Election, PartitionChange};
use super::topic_config::unclean_leader_election;
use super::{Decision, Refusal, outcome};
use crate::image::{Image, Partition, Topic};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Error {
    #[error("Unable to find a topic named {0}.")]
    UnknownTopic(String),
    #[error("Unable to find partition {topic}:{partition_id}.")]
    UnknownPartition { topic: String, partition_id: i32 },
    #[error("there is nothing to cancel")]
    NotReassigning,
    #[error(
        "Unable to revert partition assignment for {topic}:{partition_id} because it would require an unclean \
         leader election."
    )]
    UncleanRevert { topic: String, partition_id: i32 },
    #[error("Invalid replica assignment: addingReplicas contains all replicas.")]
    NothingToRevertTo,
    #[error("The replication factor is changed from {current} to {named}")]
    OtherReplicationFactor { current: usize, named: usize },
    #[error(transparent)]
    Assignment(#[from] InvalidAssignment),
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::UnknownTopic(_) | Error::UnknownPartition { .. } => {
                ErrorCode::UnknownTopicOrPartition
            }
            Error::NotReassigning => ErrorCode::NoReassignmentInProgress,
            Error::UncleanRevert { .. } | Error::NothingToRevertTo => {
                ErrorCode::InvalidReplicaAssignment
            }
            Error::OtherReplicationFactor { .. } => ErrorCode::InvalidReplicationFactor,
            Error::Assignment(invalid) => invalid.code(),
        }
    }

    fn message(&self) -> Option<StrBytes> {
        match self {
            Error::NotReassigning => None,
            error => Some(StrBytes::from_string(error.to_string())),
        }
    }
}

pub fn alter_reassignments(
    image: &Image,
    config: &BrokerConfig,
    request: &AlterPartitionReassignmentsRequest,
) -> Decision<AlterPartitionReassignmentsResponse> {
    let mut records = Vec::new();
    let mut responses = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for target in &topic.partitions {
            let altered = alter_reassignment(
                image,
                config,
                &topic.name,
                target,
                request.allow_replication_factor_change,
            );
            let (code, message) = outcome(&altered);
            partitions.push(
                ReassignablePartitionResponse::default()
                    .with_partition_index(target.partition_index)
                    .with_error_code(code)
                    .with_error_message(message),
            );
            records.extend(altered.ok().flatten().map(MetadataRecord::PartitionChange));
        }
        responses.push(
            ReassignableTopicResponse::default()
                .with_name(name(&topic.name))
                .with_partitions(partitions),
        );
    }
    let response = AlterPartitionReassignmentsResponse::default()
        .with_allow_replication_factor_change(request.allow_replication_factor_change)
        .with_error_message(request.topics.is_empty().then(StrBytes::default))
        .with_responses(responses);
    Decision { records, response }
}

fn alter_reassignment(
    image: &Image,
    config: &BrokerConfig,
    topic_name: &str,
    target: &ReassignablePartition,
    may_change_replication_factor: bool,
) -> Result<Option<PartitionChangeRecord>, Error> {
    let topic = image
        .topic(topic_name)
        .ok_or_else(|| Error::UnknownTopic(topic_name.to_owned()))?;
    let partition_id = target.partition_index;
    let partition = topic
        .partition(partition_id)
        .ok_or_else(|| Error::UnknownPartition {
            topic: topic_name.to_owned(),
            partition_id,
        })?;
    let Some(replicas) = &target.replicas else {
        return cancel(image, config, topic, partition_id, partition);
    };
    validate_replicas(image, replicas, None)?;
    let current = replication_factor_after(partition);
    if !may_change_replication_factor && replicas.len() != current {
        return Err(Error::OtherReplicationFactor {
            current,
            named: replicas.len(),
        });
    }
    let mut change = PartitionChange::new(image, partition);
    let removing = difference(&partition.replicas, replicas);
    let adding = difference(replicas, &partition.replicas);
    change.replicas = replicas.iter().chain(&removing).copied().collect();
    // As in Kafka an empty list leaves a reassignment under way as it is.
    if !removing.is_empty() {
        change.removing = removing;
    }
    if !adding.is_empty() {
        change.adding = adding;
    }
    Ok(change.record(topic.id, partition_id))
}

/// How many replicas there are when the reassignment under way, if any, is over.
fn replication_factor_after(partition: &Partition) -> usize {
    partition.replicas.len()
        - partition
            .removing_replicas
            .len()
            .min(partition.replicas.len())
}

fn cancel(
    image: &Image,
    config: &BrokerConfig,
    topic: &Topic,
    partition_id: i32,
    partition: &Partition,
) -> Result<Option<PartitionChangeRecord>, Error> {
    if !partition.is_reassigning() {
        return Err(Error::NotReassigning);
    }
    let original = |ids: &[i32]| -> Vec<i32> {
        ids.iter()
            .copied()
            .filter(|id| !partition.adding_replicas.contains(id))
            .collect()
    };
    let may_be_unclean = unclean_leader_election(image, config, &topic.name);
    let mut change = PartitionChange::new(image, partition);
    change.replicas = original(&partition.replicas);
    change.isr = original(&partition.isr);
    change.removing.clear();
    change.adding.clear();
    if change.isr.is_empty() {
        if !may_be_unclean {
            let topic = topic.name.to_string();
            return Err(Error::UncleanRevert {
                topic,
                partition_id,
            });
        }
        change
            .isr
            .push(*change.replicas.first().ok_or(Error::NothingToRevertTo)?);
    }
    if may_be_unclean {
        change.election = Election::Unclean;
    }
    Ok(change.record(topic.id, partition_id))
}

/// Those of `ids` that are not among `others`, in ascending order.
fn difference(ids: &[i32], others: &[i32]) -> Vec<i32> {
    let mut left: Vec<i32> = ids
        .iter()
        .copied()
        .filter(|id| !others.contains(id))
        .collect();
    left.sort_unstable();
    left
}

pub fn list_reassignments(
    image: &Image,
    request: &ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    let topics: Vec<_> = match &request.topics {
        None => image
            .topics()
            .filter_map(|topic| ongoing(topic, topic.partitions.keys()))
            .collect(),
        Some(topics) => {
            let named = topics.iter().filter_map(|named| {
                ongoing(image.topic(&named.name)?, named.partition_indexes.iter())
            });
            named.collect()
        }
    };
    ListPartitionReassignmentsResponse::default()
        .with_error_message(None)
        .with_topics(topics)
}

fn ongoing<'a>(
    topic: &Topic,
    partition_ids: impl Iterator<Item = &'a i32>,
) -> Option<OngoingTopicReassignment> {
    let partitions = partition_ids.filter_map(|partition_id| {
        let partition = topic
            .partition(*partition_id)
            .filter(|partition| partition.is_reassigning())?;
        Some(
            OngoingPartitionReassignment::default()
                .with_partition_index(*partition_id)
                .with_replicas(broker_ids(&partition.replicas))
                .with_adding_replicas(broker_ids(&partition.adding_replicas))
                .with_removing_replicas(broker_ids(&partition.removing_replicas)),
        )
    });
    let partitions: Vec<_> = partitions.collect();
    let topic = OngoingTopicReassignment::default().with_name(name(&topic.name));
    (!partitions.is_empty()).then(|| topic.with_partitions(partitions))
}

fn broker_ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

fn name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}
