//! CreateTopics, versions 2 to 7 (KIP-195, KIP-525), and DeleteTopics, versions 1 to 6 (by id: KIP-516).

use std::sync::Arc;

use controller::decide;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{CreateTopicsResponse, DeleteTopicsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use wire::ErrorCode;
use wire::request::{CreateTopicsRequest, DeleteTopicsRequest};

use super::Call;
use super::mutations::within;

pub(crate) async fn create(call: Arc<Call>, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let names: Vec<_> = request
        .topics
        .iter()
        .map(|topic| topic.name.clone())
        .collect();
    let timeout_ms = request.timeout_ms;
    if names.is_empty() {
        return CreateTopicsResponse::default();
    }
    let config = call.broker.config();
    let answer = call
        .broker
        .controller
        .decide(move |image, entropy| decide::create_topics(image, &config, &request, entropy));
    let created = within(timeout_ms, answer).await;
    created.unwrap_or_else(|error| {
        let refused = names.into_iter().map(|name| {
            CreatableTopicResult::default()
                .with_name(topic_name(name))
                .with_error_code(error.code())
                .with_error_message(None)
        });
        CreateTopicsResponse::default().with_topics(refused.collect())
    })
}

pub(crate) async fn delete(call: Arc<Call>, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let by_name = request
        .topic_names
        .iter()
        .map(|name| (Some(name.clone()), Uuid::nil()));
    let both = request
        .topics
        .iter()
        .map(|topic| (topic.name.clone(), topic.topic_id));
    let asked: Vec<_> = by_name.chain(both).collect();
    let timeout_ms = request.timeout_ms;
    if asked.is_empty() {
        return DeleteTopicsResponse::default();
    }
    let (config, version) = (call.broker.config(), call.version());
    let answer = call
        .broker
        .controller
        .decide(move |image, _| decide::delete_topics(image, &config, &request, version));
    within(timeout_ms, answer)
        .await
        .unwrap_or_else(|error| refuse_deletion(asked, error))
}

fn refuse_deletion(asked: Vec<(Option<String>, Uuid)>, error: ErrorCode) -> DeleteTopicsResponse {
    let refused = asked.into_iter().map(|(name, id)| {
        DeletableTopicResult::default()
            .with_name(name.map(topic_name))
            .with_topic_id(id)
            .with_error_code(error.code())
            .with_error_message(None)
    });
    DeleteTopicsResponse::default().with_responses(refused.collect())
}

fn topic_name(name: String) -> TopicName {
    TopicName(StrBytes::from_string(name))
}
