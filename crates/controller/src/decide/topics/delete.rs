//! DeleteTopics: versions 1 to 6, since 6 by name or by id (KIP-516).

use std::collections::BTreeMap;

use config::BrokerConfig;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use wire::ErrorCode;
use wire::records::metadata::{MetadataRecord, RemoveTopicRecord};
use wire::request::DeleteTopicsRequest;

use super::without_duplicates;
use crate::decide::{Decision, Refusal, UNKNOWN_PARTITION_TEXT, UNKNOWN_TOPIC_ID_TEXT, outcome};
use crate::image::Image;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Error {
    #[error("Neither topic name nor id were specified.")]
    Unnamed,
    #[error("You may not specify both topic name and topic id.")]
    NamedTwice,
    #[error("Duplicate topic name.")]
    DuplicateName,
    #[error("Duplicate topic id.")]
    DuplicateId,
    #[error("The provided topic name maps to an ID that was already supplied.")]
    SameTopic,
    #[error("{UNKNOWN_PARTITION_TEXT}")]
    UnknownName,
    #[error("{UNKNOWN_TOPIC_ID_TEXT}")]
    UnknownId,
    #[error("Topic deletion is disabled.")]
    Disabled,
    #[error("Topic deletion is disabled.")]
    DisabledBeforeItHadACode,
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::Unnamed
            | Error::NamedTwice
            | Error::DuplicateName
            | Error::DuplicateId
            | Error::SameTopic
            | Error::DisabledBeforeItHadACode => ErrorCode::InvalidRequest,
            Error::UnknownName => ErrorCode::UnknownTopicOrPartition,
            Error::UnknownId => ErrorCode::UnknownTopicId,
            Error::Disabled => ErrorCode::TopicDeletionDisabled,
        }
    }

    fn message(&self) -> Option<StrBytes> {
        match self {
            Error::Disabled | Error::DisabledBeforeItHadACode => None,
            error => Some(StrBytes::from_string(error.to_string())),
        }
    }
}

pub fn delete_topics(
    image: &Image,
    config: &BrokerConfig,
    request: &DeleteTopicsRequest,
    version: i16,
) -> Decision<DeleteTopicsResponse> {
    if !config.topic_creation.delete_topic_enable {
        return refuse_all(request, version);
    }
    let mut results = Vec::new();
    for topic in &request.topics {
        match (&topic.name, topic.topic_id.is_nil()) {
            (None, true) => results.push(result(None, topic.topic_id, Err(Error::Unnamed))),
            (Some(name), false) => {
                results.push(result(Some(name), topic.topic_id, Err(Error::NamedTwice)));
            }
            _ => {}
        }
    }
    let by_name = request
        .topics
        .iter()
        .filter(|topic| topic.topic_id.is_nil());
    let names = request
        .topic_names
        .iter()
        .chain(by_name.filter_map(|topic| topic.name.as_ref()));
    let (names, duplicate_names) = without_duplicates(names);
    let by_id = request
        .topics
        .iter()
        .filter(|topic| topic.name.is_none() && !topic.topic_id.is_nil());
    let (ids, duplicate_ids) = without_duplicates(by_id.map(|topic| &topic.topic_id));
    results.extend(
        duplicate_names
            .into_iter()
            .map(|name| result(Some(name), Uuid::nil(), Err(Error::DuplicateName))),
    );
    results.extend(
        duplicate_ids
            .iter()
            .map(|id| result(None, **id, Err(Error::DuplicateId))),
    );

    let found = find(image, names, ids, &duplicate_ids, &mut results);
    let removed = |topic_id: &Uuid| {
        MetadataRecord::RemoveTopic(RemoveTopicRecord {
            topic_id: *topic_id,
        })
    };
    let records = found.keys().map(removed).collect();
    results.extend(
        found
            .into_iter()
            .map(|(id, name)| result(Some(name), id, Ok(()))),
    );
    Decision {
        records,
        response: DeleteTopicsResponse::default().with_responses(results),
    }
}

/// The topics to be deleted, by id; what cannot be found goes to `results`. A topic may come by its id and by its name:
/// then it is not deleted, and that is said once.
fn find<'a>(
    image: &'a Image,
    names: Vec<&String>,
    ids: Vec<&Uuid>,
    duplicate_ids: &[&Uuid],
    results: &mut Vec<DeletableTopicResult>,
) -> BTreeMap<Uuid, &'a str> {
    let mut found = BTreeMap::new();
    for id in ids {
        match image.topic_by_id(*id) {
            Some(topic) => {
                found.insert(*id, topic.name.as_ref());
            }
            None => results.push(result(None, *id, Err(Error::UnknownId))),
        }
    }
    for name in names {
        match image.topic(name) {
            None => results.push(result(Some(name), Uuid::nil(), Err(Error::UnknownName))),
            Some(topic) if found.contains_key(&topic.id) || duplicate_ids.contains(&&topic.id) => {
                found.remove(&topic.id);
                results.push(result(Some(name), topic.id, Err(Error::SameTopic)));
            }
            Some(topic) => {
                found.insert(topic.id, topic.name.as_ref());
            }
        }
    }
    found
}

fn refuse_all(request: &DeleteTopicsRequest, version: i16) -> Decision<DeleteTopicsResponse> {
    let error = if version < 3 {
        Error::DisabledBeforeItHadACode
    } else {
        Error::Disabled
    };
    let by_name = request
        .topic_names
        .iter()
        .map(|name| result(Some(name), Uuid::nil(), Err(error)));
    let states = request.topics.iter();
    let both = states.map(|topic| result(topic.name.as_deref(), topic.topic_id, Err(error)));
    Decision::answer(DeleteTopicsResponse::default().with_responses(by_name.chain(both).collect()))
}

fn result(
    name: Option<&str>,
    topic_id: Uuid,
    outcome_of: Result<(), Error>,
) -> DeletableTopicResult {
    let (code, message) = outcome(&outcome_of);
    let name = name.map(|name| TopicName(StrBytes::from_string(name.to_owned())));
    DeletableTopicResult::default()
        .with_name(name)
        .with_topic_id(topic_id)
        .with_error_code(code)
        .with_error_message(message)
}
