//! CreatePartitions, versions 0 to 3 (KIP-195).

use std::sync::Arc;

use controller::decide;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use wire::request::CreatePartitionsRequest;

use super::Call;
use super::mutations::within;

pub(crate) async fn create(
    call: Arc<Call>,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let names: Vec<_> = request
        .topics
        .iter()
        .map(|topic| topic.name.clone())
        .collect();
    let timeout_ms = request.timeout_ms;
    if names.is_empty() {
        return CreatePartitionsResponse::default();
    }
    let answer = call
        .broker
        .controller
        .decide(move |image, entropy| decide::create_partitions(image, &request, entropy));
    let created = within(timeout_ms, answer).await;
    created.unwrap_or_else(|error| {
        let refused = names.into_iter().map(|name| {
            CreatePartitionsTopicResult::default()
                .with_name(TopicName(StrBytes::from_string(name)))
                .with_error_code(error.code())
                .with_error_message(None)
        });
        CreatePartitionsResponse::default().with_results(refused.collect())
    })
}
