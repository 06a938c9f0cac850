//! AlterPartition: versions 2 and 3. A leader asks for a change of its partition's in-sync replicas
//! (KIP-497, KIP-903).

use config::BrokerConfig;
use kafka_protocol::messages::alter_partition_response::{PartitionData, TopicData};
use kafka_protocol::messages::{AlterPartitionResponse, BrokerId};
use wire::ErrorCode;
use wire::records::metadata::MetadataRecord;
use wire::request::{AlterPartitionPartition, AlterPartitionRequest, BrokerState};

use super::brokers::current_broker;
use super::partition_change::{Election, PartitionChange};
use super::topic_config::unclean_leader_election;
use super::{Decision, Refusal};
use crate::image::{Image, LeaderRecoveryState, NO_LEADER_CHANGE, Partition, Topic};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Error {
    #[error("unknown topic id")]
    UnknownTopic,
    #[error("unknown partition")]
    UnknownPartition,
    #[error("the leader knows of a newer epoch than this controller")]
    NotController,
    #[error("the leader epoch is older than the current one")]
    FencedLeader,
    #[error("the request is not from the leader, or its ISR is not one")]
    Invalid,
    #[error("the partition epoch is older than the current one")]
    StalePartition,
    #[error("the ISR names a broker that is fenced, shutting down or restarted")]
    IneligibleReplica,
    #[error("the change made another broker the leader")]
    NewLeader,
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::UnknownTopic => ErrorCode::UnknownTopicId,
            Error::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
            Error::NotController => ErrorCode::NotController,
            Error::FencedLeader => ErrorCode::FencedLeaderEpoch,
            Error::Invalid => ErrorCode::InvalidRequest,
            Error::StalePartition => ErrorCode::InvalidUpdateVersion,
            Error::IneligibleReplica => ErrorCode::IneligibleReplica,
            Error::NewLeader => ErrorCode::NewLeaderElected,
        }
    }
}

pub fn alter_partition(
    image: &Image,
    config: &BrokerConfig,
    request: &AlterPartitionRequest,
) -> Decision<AlterPartitionResponse> {
    if let Err(error) = current_broker(image, request.broker_id, request.broker_epoch) {
        let code = error.code().code();
        return Decision::answer(AlterPartitionResponse::default().with_error_code(code));
    }
    let mut records = Vec::new();
    let mut topics = Vec::new();
    for requested in &request.topics {
        let topic = image
            .topic_by_id(requested.topic_id)
            .ok_or(Error::UnknownTopic);
        let partitions = requested.partitions.iter().map(|partition| {
            let altered = topic.and_then(|topic| {
                alter(
                    image,
                    config,
                    topic,
                    partition,
                    request.broker_id,
                    &mut records,
                )
            });
            altered.unwrap_or_else(|error| {
                PartitionData::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(error.code().code())
            })
        });
        let partitions = partitions.collect();
        topics.push(
            TopicData::default()
                .with_topic_id(requested.topic_id)
                .with_partitions(partitions),
        );
    }
    Decision {
        records,
        response: AlterPartitionResponse::default().with_topics(topics),
    }
}

fn alter(
    image: &Image,
    config: &BrokerConfig,
    topic: &Topic,
    request: &AlterPartitionPartition,
    broker_id: i32,
    records: &mut Vec<MetadataRecord>,
) -> Result<PartitionData, Error> {
    let partition_id = request.partition_index;
    let partition = topic
        .partition(partition_id)
        .ok_or(Error::UnknownPartition)?;
    let isr = requested_isr(request);
    check(image, partition, request, &isr, broker_id)?;
    let mut change = PartitionChange::new(image, partition);
    if unclean_leader_election(image, config, &topic.name) {
        change.election = Election::Unclean;
    }
    change.isr = isr.iter().map(|state| state.broker_id).collect();
    change.recovery_state =
        LeaderRecoveryState::from_code(request.leader_recovery_state).ok_or(Error::Invalid)?;
    let Some(record) = change.record(topic.id, partition_id) else {
        return Ok(shown(partition, partition_id));
    };
    let changed = partition.merge(&record).ok_or(Error::Invalid)?;
    let leader = record.leader;
    records.push(MetadataRecord::PartitionChange(record));
    // The change may have ended a reassignment that takes the leader away. Then it is made, and yet
    // answered with an error, so that the old leader looks at the metadata before it asks again.
    if leader != NO_LEADER_CHANGE && leader != broker_id {
        return Err(Error::NewLeader);
    }
    Ok(shown(&changed, partition_id))
}

/// Before version 3 the replicas come without their broker epochs, which are then not checked.
fn requested_isr(request: &AlterPartitionPartition) -> Vec<BrokerState> {
    let without_epoch = |id: &i32| BrokerState {
        broker_id: *id,
        broker_epoch: -1,
    };
    let old = request.new_isr.iter().map(without_epoch);
    old.chain(request.new_isr_with_epochs.iter().cloned())
        .collect()
}

fn check(
    image: &Image,
    partition: &Partition,
    request: &AlterPartitionPartition,
    isr: &[BrokerState],
    broker_id: i32,
) -> Result<(), Error> {
    if request.leader_epoch > partition.leader_epoch
        || request.partition_epoch > partition.partition_epoch
    {
        return Err(Error::NotController);
    }
    if request.leader_epoch < partition.leader_epoch {
        return Err(Error::FencedLeader);
    }
    if broker_id != partition.leader {
        return Err(Error::Invalid);
    }
    if request.partition_epoch < partition.partition_epoch {
        return Err(Error::StalePartition);
    }
    let is_member = |id: i32| isr.iter().filter(|state| state.broker_id == id).count() == 1;
    let are_replicas = isr
        .iter()
        .all(|state| partition.replicas.contains(&state.broker_id));
    let are_distinct = isr.iter().all(|state| is_member(state.broker_id));
    if !are_replicas || !are_distinct || !is_member(partition.leader) {
        return Err(Error::Invalid);
    }
    let recovering = LeaderRecoveryState::Recovering.code();
    let begins_recovery = partition.leader_recovery_state == LeaderRecoveryState::Recovered;
    if request.leader_recovery_state == recovering && (begins_recovery || isr.len() > 1) {
        return Err(Error::Invalid);
    }
    if isr.iter().all(|state| is_eligible(image, state)) {
        Ok(())
    } else {
        Err(Error::IneligibleReplica)
    }
}

fn is_eligible(image: &Image, state: &BrokerState) -> bool {
    image.broker(state.broker_id).is_some_and(|broker| {
        broker.is_active() && (state.broker_epoch == -1 || state.broker_epoch == broker.epoch)
    })
}

fn shown(partition: &Partition, partition_id: i32) -> PartitionData {
    PartitionData::default()
        .with_partition_index(partition_id)
        .with_leader_id(BrokerId(partition.leader))
        .with_leader_epoch(partition.leader_epoch)
        .with_isr(partition.isr.iter().copied().map(BrokerId).collect())
        .with_leader_recovery_state(partition.leader_recovery_state.code())
        .with_partition_epoch(partition.partition_epoch)
}
