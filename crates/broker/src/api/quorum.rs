//! DescribeQuorum, versions 0 to 2 (KIP-595, KIP-836, KIP-853).

use ::quorum::{QuorumStatus, VoterStatus};
use kafka_protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use kafka_protocol::messages::{BrokerId, DescribeQuorumResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::request::{DescribeQuorumRequest, DescribeQuorumTopic};

use super::Call;
use crate::clock;

const METADATA_TOPIC: &str = "__cluster_metadata";

/// A time that is not known.
const NEVER: i64 = -1;

pub(crate) fn describe(call: &Call, request: DescribeQuorumRequest) -> DescribeQuorumResponse {
    if !asks_for_metadata(&request.topics) {
        return unknown_partitions(request.topics);
    }
    let status = call.broker.controller.quorum_status();
    if status.leader_id != Some(call.broker.node_id) {
        return DescribeQuorumResponse::default()
            .with_error_code(ErrorCode::NotLeaderOrFollower.code())
            .with_error_message(None);
    }
    let now_ms = clock::now_ms();
    let leader_id = BrokerId(call.broker.node_id);
    let voters = status
        .voters
        .iter()
        .map(|voter| replica(voter, leader_id, now_ms));
    let partition = PartitionData::default()
        .with_leader_id(leader_id)
        .with_leader_epoch(status.leader_epoch)
        .with_high_watermark(status.high_watermark)
        .with_current_voters(voters.collect());
    let topic = TopicData::default()
        .with_topic_name(TopicName(StrBytes::from_static_str(METADATA_TOPIC)))
        .with_partitions(vec![partition]);
    DescribeQuorumResponse::default()
        .with_topics(vec![topic])
        .with_nodes(nodes(&status))
}

/// There is one partition that a quorum keeps, and it is asked for alone.
fn asks_for_metadata(topics: &[DescribeQuorumTopic]) -> bool {
    let [topic] = topics else { return false };
    let [partition] = topic.partitions.as_slice() else {
        return false;
    };
    topic.topic_name == METADATA_TOPIC && partition.partition_index == 0
}

fn unknown_partitions(topics: Vec<DescribeQuorumTopic>) -> DescribeQuorumResponse {
    let error = ErrorCode::UnknownTopicOrPartition.code();
    let message = StrBytes::from_static_str("This server does not host this topic-partition.");
    let topics = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            PartitionData::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(error)
                .with_error_message(Some(message.clone()))
        });
        let partitions = partitions.collect();
        TopicData::default()
            .with_topic_name(TopicName(StrBytes::from_string(topic.topic_name)))
            .with_partitions(partitions)
    });
    DescribeQuorumResponse::default().with_topics(topics.collect())
}

/// The leader is always caught up with itself.
fn replica(voter: &VoterStatus, leader_id: BrokerId, now_ms: i64) -> ReplicaState {
    let replica_id = BrokerId(voter.id.node_id);
    let seen_ms = if replica_id == leader_id {
        now_ms
    } else {
        NEVER
    };
    ReplicaState::default()
        .with_replica_id(replica_id)
        .with_replica_directory_id(voter.id.directory_id)
        .with_log_end_offset(voter.log_end_offset)
        .with_last_fetch_timestamp(seen_ms)
        .with_last_caught_up_timestamp(seen_ms)
}

fn nodes(status: &QuorumStatus) -> Vec<Node> {
    let node = |voter: &VoterStatus| {
        let listeners = voter.endpoints.iter().map(|endpoint| {
            Listener::default()
                .with_name(StrBytes::from_string(endpoint.name.clone()))
                .with_host(StrBytes::from_string(endpoint.host.clone()))
                .with_port(endpoint.port)
        });
        Node::default()
            .with_node_id(BrokerId(voter.id.node_id))
            .with_listeners(listeners.collect())
    };
    status.voters.iter().map(node).collect()
}
