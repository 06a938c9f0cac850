//! AlterPartitionReassignments, versions 0 and 1 (KIP-455, KIP-860), and ListPartitionReassignments, version 0.

use std::sync::Arc;

use controller::decide;
use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsResponse, ListPartitionReassignmentsResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::request::{
    AlterPartitionReassignmentsRequest, ListPartitionReassignmentsRequest, ReassignableTopic,
};

use super::Call;
use super::mutations::within;

pub(crate) async fn alter(
    call: Arc<Call>,
    request: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    let asked = request.topics.clone();
    let timeout_ms = request.timeout_ms;
    if asked.is_empty() {
        return AlterPartitionReassignmentsResponse::default();
    }
    let config = call.broker.config();
    let answer = call
        .broker
        .controller
        .decide(move |image, _| decide::alter_reassignments(image, &config, &request));
    within(timeout_ms, answer)
        .await
        .unwrap_or_else(|error| refused(asked, error))
}

fn refused(
    topics: Vec<ReassignableTopic>,
    error: ErrorCode,
) -> AlterPartitionReassignmentsResponse {
    let responses = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            ReassignablePartitionResponse::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(error.code())
                .with_error_message(None)
        });
        let partitions = partitions.collect();
        ReassignableTopicResponse::default()
            .with_name(TopicName(StrBytes::from_string(topic.name)))
            .with_partitions(partitions)
    });
    AlterPartitionReassignmentsResponse::default()
        .with_error_code(error.code())
        .with_error_message(None)
        .with_responses(responses.collect())
}

pub(crate) fn list(
    call: &Call,
    request: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    decide::list_reassignments(&call.broker.image(), &request)
}
