//! The offsets of groups: OffsetCommit 2 to 10, OffsetFetch 1 to 10, OffsetDelete 0.
//!
//! Leader epochs (KIP-320), static members (KIP-345), OffsetDelete (KIP-496), several groups (KIP-709), missing groups
//! (KIP-848), topic ids (KIP-848, version 10).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use controller::Image;
use coordinator::{FetchedOffset, OffsetCommit, OffsetCommitRequest, Shard};
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    GroupId, OffsetCommitResponse, OffsetDeleteResponse, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use wire::ErrorCode;
use wire::request;

use super::Call;
use crate::coordinator::Turn;

/// From this version on topics are named by their ids.
const TOPIC_IDS_FROM: i16 = 10;

/// Before this version the request is about one group.
const GROUPS_FROM: i16 = 8;

/// Before this version an error of the group is told of each partition.
const GROUP_ERROR_FROM: i16 = 2;

/// What the client sends for "the broker's retention".
const NO_RETENTION_MS: i64 = -1;

pub(crate) async fn commit(
    call: Arc<Call>,
    request: request::OffsetCommitRequest,
) -> OffsetCommitResponse {
    let image = call.broker.image();
    let mut answers = Answers::default();
    let mut offsets = Vec::new();
    for topic in request.topics {
        let partitions = topic.partitions;
        match resolve(&image, call.version(), topic.name, topic.topic_id) {
            Ok(known) => {
                for partition in partitions {
                    if image
                        .partition(&known.name, partition.partition_index)
                        .is_none()
                    {
                        answers.add(
                            &known,
                            partition.partition_index,
                            Some(ErrorCode::UnknownTopicOrPartition),
                        );
                        continue;
                    }
                    offsets.push(OffsetCommit {
                        topic: known.name.clone(),
                        topic_id: known.id,
                        partition: partition.partition_index,
                        offset: partition.committed_offset,
                        leader_epoch: partition.committed_leader_epoch,
                        metadata: partition.committed_metadata,
                    });
                }
            }
            Err((unknown, error)) => {
                for partition in partitions {
                    answers.add(&unknown, partition.partition_index, Some(error));
                }
            }
        }
    }
    if !offsets.is_empty() {
        let request = OffsetCommitRequest {
            group_id: request.group_id,
            generation_id: request.generation_id_or_member_epoch,
            member_id: request.member_id,
            group_instance_id: request.group_instance_id,
            retention_time_ms: Some(request.retention_time_ms)
                .filter(|retention_ms| *retention_ms != NO_RETENTION_MS),
            offsets,
        };
        commit_known(&call, Arc::new(request), &mut answers).await;
    }
    OffsetCommitResponse::default().with_topics(answers.topics)
}

async fn commit_known(call: &Call, request: Arc<OffsetCommitRequest>, answers: &mut Answers) {
    let sent = Arc::clone(&request);
    let commit = move |shard: &mut Shard, turn: &mut Turn<'_>| {
        shard.commit_offsets(&sent, turn.now, turn.effects)
    };
    let committed = match call.broker.groups.call(&request.group_id, commit).await {
        Ok(result) => result.map_err(|error| error.code(call.version())),
        Err(error) => Err(error.code()),
    };
    for (index, offset) in request.offsets.iter().enumerate() {
        let error = match &committed {
            Ok(results) => results
                .get(index)
                .and_then(|result| result.err())
                .map(|error| error.code()),
            Err(error) => Some(*error),
        };
        let topic = TopicRef {
            name: offset.topic.clone(),
            id: offset.topic_id,
        };
        answers.add(&topic, offset.partition, error);
    }
}

/// The answer to a commit, by topic.
#[derive(Default)]
struct Answers {
    topics: Vec<OffsetCommitResponseTopic>,
    /// Where in `topics` a topic is: a request may name very many.
    places: HashMap<TopicRef, usize>,
}

impl Answers {
    fn add(&mut self, topic: &TopicRef, partition: i32, error: Option<ErrorCode>) {
        let answer = OffsetCommitResponsePartition::default()
            .with_partition_index(partition)
            .with_error_code(error.map_or(0, |error| error.code()));
        let place = self.places.get(topic).copied();
        match place.and_then(|place| self.topics.get_mut(place)) {
            Some(answered) => answered.partitions.push(answer),
            None => {
                self.places.insert(topic.clone(), self.topics.len());
                self.topics.push(
                    OffsetCommitResponseTopic::default()
                        .with_name(topic_name(&topic.name))
                        .with_topic_id(topic.id)
                        .with_partitions(vec![answer]),
                );
            }
        }
    }
}

/// A topic by both of its names; one that is not known has only what the request called it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TopicRef {
    name: String,
    id: Uuid,
}

fn resolve(
    image: &Image,
    version: i16,
    name: String,
    id: Uuid,
) -> Result<TopicRef, (TopicRef, ErrorCode)> {
    if version >= TOPIC_IDS_FROM {
        return match image.topic_by_id(id) {
            Some(topic) => Ok(TopicRef {
                name: topic.name.to_string(),
                id,
            }),
            None => Err((
                TopicRef {
                    name: String::new(),
                    id,
                },
                ErrorCode::UnknownTopicId,
            )),
        };
    }
    match image.topic(&name) {
        Some(topic) => Ok(TopicRef { name, id: topic.id }),
        None => Err((
            TopicRef {
                name,
                id: Uuid::nil(),
            },
            ErrorCode::UnknownTopicOrPartition,
        )),
    }
}

pub(crate) async fn fetch(
    call: Arc<Call>,
    request: request::OffsetFetchRequest,
) -> OffsetFetchResponse {
    let wanted = if call.version() >= GROUPS_FROM {
        request.groups
    } else {
        let topics = request
            .topics
            .map(|topics| topics.into_iter().map(by_name).collect());
        vec![request::OffsetFetchRequestGroup {
            group_id: request.group_id,
            topics,
            ..Default::default()
        }]
    };
    let mut groups = Vec::with_capacity(wanted.len());
    let mut seen = HashSet::new();
    for group in wanted {
        // Once each: a short request must not ask for a group's offsets a hundred thousand times.
        if seen.insert(group.group_id.clone()) {
            groups.push(fetch_group(&call, group).await);
        }
    }
    OffsetFetchResponse::default().with_groups(groups)
}

fn by_name(topic: request::OffsetFetchRequestTopic) -> request::OffsetFetchRequestTopics {
    request::OffsetFetchRequestTopics {
        name: topic.name,
        partition_indexes: topic.partition_indexes,
        ..Default::default()
    }
}

async fn fetch_group(
    call: &Call,
    group: request::OffsetFetchRequestGroup,
) -> OffsetFetchResponseGroup {
    let answer = OffsetFetchResponseGroup::default()
        .with_group_id(GroupId(StrBytes::from_string(group.group_id.clone())));
    let fetched = match &group.topics {
        Some(topics) => fetch_topics(call, &group.group_id, topics).await,
        None => fetch_all(call, &group.group_id).await,
    };
    match fetched {
        Ok(topics) => answer.with_topics(topics),
        Err(error) if call.version() >= GROUP_ERROR_FROM => answer.with_error_code(error.code()),
        Err(error) => {
            let unknown = group.topics.unwrap_or_default().into_iter().map(|topic| {
                let partitions = topic
                    .partition_indexes
                    .into_iter()
                    .map(|partition| failed(partition, error));
                answered_topic(&topic.name, topic.topic_id, partitions.collect())
            });
            answer.with_topics(unknown.collect())
        }
    }
}

async fn fetch_topics(
    call: &Call,
    group_id: &str,
    topics: &[request::OffsetFetchRequestTopics],
) -> Result<Vec<OffsetFetchResponseTopics>, ErrorCode> {
    let image = call.broker.image();
    let mut unknown = Vec::new();
    let mut wanted = Vec::new();
    let mut seen = HashSet::new();
    for topic in topics {
        let id = topic.topic_id;
        let indexes = topic.partition_indexes.iter().copied();
        let partitions: Vec<_> = indexes
            .filter(|index| seen.insert((&topic.name, id, *index)))
            .collect();
        if call.version() < TOPIC_IDS_FROM {
            wanted.push((topic.name.clone(), Uuid::nil(), partitions));
        } else if let Some(known) = image.topic_by_id(id) {
            wanted.push((known.name.to_string(), id, partitions));
        } else {
            let errors = partitions
                .into_iter()
                .map(|partition| failed(partition, ErrorCode::UnknownTopicId));
            unknown.push(answered_topic("", id, errors.collect()));
        }
    }
    let group = group_id.to_owned();
    let fetch = move |shard: &mut Shard, _: &mut Turn<'_>| -> Vec<_> {
        let fetched = wanted.into_iter().map(|(topic, id, partitions)| {
            let offsets = shard.fetch_offsets(&group, &topic, id, &partitions);
            answered_topic(
                &topic,
                id,
                offsets.into_iter().map(answered_offset).collect(),
            )
        });
        fetched.collect()
    };
    let mut answered = call
        .broker
        .groups
        .call(group_id, fetch)
        .await
        .map_err(|error| error.code())?;
    answered.extend(unknown);
    Ok(answered)
}

async fn fetch_all(
    call: &Call,
    group_id: &str,
) -> Result<Vec<OffsetFetchResponseTopics>, ErrorCode> {
    let group = group_id.to_owned();
    let fetch = move |shard: &mut Shard, _: &mut Turn<'_>| shard.fetch_all_offsets(&group);
    let fetched = call
        .broker
        .groups
        .call(group_id, fetch)
        .await
        .map_err(|error| error.code())?;
    let image = call.broker.image();
    let topics = fetched.into_iter().filter_map(|(topic, offsets)| {
        let id = image.topic(&topic).map(|known| known.id);
        // A topic that is gone has no id by which it could be told.
        let id = if call.version() >= TOPIC_IDS_FROM {
            id?
        } else {
            Uuid::nil()
        };
        Some(answered_topic(
            &topic,
            id,
            offsets.into_iter().map(answered_offset).collect(),
        ))
    });
    Ok(topics.collect())
}

fn answered_topic(
    name: &str,
    id: Uuid,
    partitions: Vec<OffsetFetchResponsePartitions>,
) -> OffsetFetchResponseTopics {
    OffsetFetchResponseTopics::default()
        .with_name(topic_name(name))
        .with_topic_id(id)
        .with_partitions(partitions)
}

fn answered_offset(fetched: FetchedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(fetched.partition)
        .with_committed_offset(fetched.offset)
        .with_committed_leader_epoch(fetched.leader_epoch)
        .with_metadata(Some(StrBytes::from_string(fetched.metadata)))
}

fn failed(partition: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(partition)
        .with_committed_offset(-1)
        .with_metadata(Some(StrBytes::default()))
        .with_error_code(error.code())
}

pub(crate) async fn delete(
    call: Arc<Call>,
    request: request::OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let image = call.broker.image();
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut known = Vec::new();
    let mut places = Vec::new();
    for topic in &request.topics {
        let mut unknown = Vec::new();
        for partition in &topic.partitions {
            let index = partition.partition_index;
            if image.partition(&topic.name, index).is_some() {
                known.push((topic.name.clone(), index));
                places.push((topics.len(), index));
            } else {
                unknown.push(deleted(index, Some(ErrorCode::UnknownTopicOrPartition)));
            }
        }
        topics.push((topic.name.clone(), unknown));
    }
    let (group_id, wanted) = (request.group_id.clone(), known);
    let delete = move |shard: &mut Shard, turn: &mut Turn<'_>| {
        shard.delete_offsets(&group_id, &wanted, turn.now, turn.effects)
    };
    let results = match call.broker.groups.call(&request.group_id, delete).await {
        Ok(Ok(results)) => results,
        Ok(Err(error)) => {
            return OffsetDeleteResponse::default().with_error_code(error.code().code());
        }
        Err(error) => return OffsetDeleteResponse::default().with_error_code(error.code().code()),
    };
    for ((place, index), result) in places.into_iter().zip(results) {
        if let Some((_, answered)) = topics.get_mut(place) {
            answered.push(deleted(index, result.err().map(|error| error.code())));
        }
    }
    let topics = topics
        .into_iter()
        .filter(|(_, partitions)| !partitions.is_empty())
        .map(|(name, partitions)| {
            OffsetDeleteResponseTopic::default()
                .with_name(topic_name(&name))
                .with_partitions(partitions)
        });
    OffsetDeleteResponse::default().with_topics(topics.collect())
}

fn deleted(partition: i32, error: Option<ErrorCode>) -> OffsetDeleteResponsePartition {
    OffsetDeleteResponsePartition::default()
        .with_partition_index(partition)
        .with_error_code(error.map_or(0, |error| error.code()))
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}
