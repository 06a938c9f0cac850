//! ElectLeaders, versions 0 to 2 (KIP-460).

use std::sync::Arc;

use controller::decide;
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::request::{ElectLeadersRequest, ElectLeadersTopicPartitions};

use super::Call;
use super::mutations::within;

pub(crate) async fn handle(call: Arc<Call>, request: ElectLeadersRequest) -> ElectLeadersResponse {
    let asked = request.topic_partitions.clone();
    let timeout_ms = request.timeout_ms;
    if asked.as_ref().is_some_and(Vec::is_empty) {
        return ElectLeadersResponse::default();
    }
    let answer = call
        .broker
        .controller
        .decide(move |image, _| decide::elect_leaders(image, &request));
    let elected = within(timeout_ms, answer).await;
    elected.unwrap_or_else(|error| refused(asked.unwrap_or_default(), error))
}

fn refused(topics: Vec<ElectLeadersTopicPartitions>, error: ErrorCode) -> ElectLeadersResponse {
    let results = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition_id| {
            PartitionResult::default()
                .with_partition_id(partition_id)
                .with_error_code(error.code())
                .with_error_message(None)
        });
        ReplicaElectionResult::default()
            .with_topic(TopicName(StrBytes::from_string(topic.topic)))
            .with_partition_result(partitions.collect())
    });
    ElectLeadersResponse::default()
        .with_error_code(error.code())
        .with_replica_election_results(results.collect())
}
