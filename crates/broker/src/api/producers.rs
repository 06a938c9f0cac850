//! InitProducerId, versions 0 to 5 (KIP-98, KIP-360), and DescribeProducers (KIP-664).

use std::collections::HashSet;
use std::sync::Arc;

use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::{
    DescribeProducersResponse, InitProducerIdResponse, ProducerId, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use store::ActiveProducer;
use wire::ErrorCode;
use wire::request::{DescribeProducersRequest, InitProducerIdRequest};

use super::Call;
use crate::errors::leadership_code;
use crate::ops::auto_create;

pub(crate) async fn init_producer_id(
    call: Arc<Call>,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    match assign(&call, &request).await {
        Ok(producer_id) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(producer_id))
            .with_producer_epoch(0),
        Err(error) => InitProducerIdResponse::default()
            .with_error_code(error.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    }
}

/// Without a transactional id every request gets a new id, also one that names the id it has: there is no state in which
/// to bump its epoch.
async fn assign(call: &Call, request: &InitProducerIdRequest) -> Result<i64, ErrorCode> {
    // An epoch says something only together with its id.
    if (request.producer_id < 0) != (request.producer_epoch < 0) {
        return Err(ErrorCode::InvalidRequest);
    }
    match request.transactional_id.as_deref() {
        Some("") => Err(ErrorCode::InvalidRequest),
        Some(_) => Err(ErrorCode::UnsupportedVersion),
        None => {
            call.broker
                .producer_ids
                .next(&call.broker.controller, call.broker.node_id)
                .await
        }
    }
}

pub(crate) fn describe(
    call: &Call,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    // Each partition once, however often it is named.
    let mut seen = HashSet::new();
    let topics = request.topics.iter().map(|topic| {
        let indexes = topic.partition_indexes.iter();
        let once = indexes.filter(|index| seen.insert((&topic.name, **index)));
        let partitions = once.map(|index| {
            let answer = PartitionResponse::default().with_partition_index(*index);
            match active_producers(call, &topic.name, *index) {
                Ok(producers) => {
                    answer.with_active_producers(producers.iter().map(state).collect())
                }
                Err(error) => answer
                    .with_error_code(error.code())
                    .with_error_message(explanation(call, &topic.name, error)),
            }
        });
        let partitions = partitions.collect();
        TopicResponse::default()
            .with_name(TopicName(StrBytes::from_string(topic.name.clone())))
            .with_partitions(partitions)
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}

/// Kafka explains what is wrong with a topic, and leaves a partition that is not there to the code.
fn explanation(call: &Call, topic: &str, error: ErrorCode) -> Option<StrBytes> {
    let text = match error {
        ErrorCode::InvalidTopicException => "No topic can have this name.",
        ErrorCode::UnknownTopicOrPartition if call.broker.image().topic(topic).is_none() => {
            "There is no such topic."
        }
        _ => return None,
    };
    Some(StrBytes::from_static_str(text))
}

fn active_producers(
    call: &Call,
    topic: &str,
    index: i32,
) -> Result<Vec<ActiveProducer>, ErrorCode> {
    auto_create::check_name(topic)?;
    let partition = call.broker.partition(topic, index)?;
    partition.leader_epoch().map_err(leadership_code)?;
    Ok(partition.log().producers())
}

fn state(producer: &ActiveProducer) -> ProducerState {
    ProducerState::default()
        .with_producer_id(ProducerId(producer.producer_id))
        .with_producer_epoch(producer.producer_epoch.into())
        .with_last_sequence(producer.last_sequence)
        .with_last_timestamp(producer.last_timestamp)
        .with_coordinator_epoch(producer.coordinator_epoch)
        .with_current_txn_start_offset(producer.current_txn_first_offset)
}
