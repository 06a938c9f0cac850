//! CreateTopics: versions 2 to 7. Since version 5 the answer shows the new topic's configuration
//! (KIP-525), since 7 its id.

use std::collections::{BTreeMap, BTreeSet};

use config::{BrokerConfig, Properties, ValueError};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::{CreateTopicsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::records::metadata::{ConfigRecord, MetadataRecord, TopicRecord};
use wire::request::{CreatableReplicaAssignment, CreatableTopic, CreateTopicsRequest};

use super::without_duplicates;
use crate::decide::assignment::{InvalidAssignment, new_partition, validate_replicas};
use crate::decide::placement::{PlacementError, place};
use crate::decide::topic_config::shown_configs;
use crate::decide::topic_name::{InvalidTopicName, validate_topic_name};
use crate::decide::{Decision, MAX_RECORDS_PER_REQUEST, Refusal, TOO_MANY_RECORDS_TEXT, outcome};
use crate::entropy::Entropy;
use crate::image::{ConfigResourceType, Image, Partition};

const METADATA_TOPIC: &str = "__cluster_metadata";

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Name(#[from] InvalidTopicName),
    #[error("Topic '{name}' collides with existing topic: {existing}")]
    Collision { name: String, existing: String },
    #[error("Topic '{0}' already exists.")]
    Exists(String),
    #[error("Duplicate topic name.")]
    Duplicate,
    #[error("Creation of internal topic {METADATA_TOPIC} is prohibited.")]
    MetadataTopic,
    #[error("Excessively large number of partitions per request.")]
    TooManyPartitions,
    #[error("{TOO_MANY_RECORDS_TEXT}")]
    TooManyRecords,
    #[error("Null value not supported for topic configs: {0}")]
    NullConfigs(String),
    #[error(transparent)]
    Config(#[from] ValueError),
    #[error(
        "A manual partition assignment was specified, but replication factor was not set to -1."
    )]
    AssignedWithReplicationFactor,
    #[error("A manual partition assignment was specified, but numPartitions was not set to -1.")]
    AssignedWithPartitionCount,
    #[error("Found multiple manual partition assignments for partition {0}")]
    AssignedTwice(i32),
    #[error("partitions should be a consecutive 0-based integer sequence")]
    AssignedWithGaps,
    #[error(transparent)]
    Assignment(#[from] InvalidAssignment),
    #[error("Replication factor must be larger than 0, or -1 to use the default value.")]
    BadReplicationFactor,
    #[error("Number of partitions was set to an invalid non-positive value.")]
    BadPartitionCount,
    #[error("Unable to replicate the partition {replication_factor} time(s): {reason}")]
    Placement {
        replication_factor: i32,
        reason: PlacementError,
    },
    #[error(
        "Unable to replicate the partition {0} time(s): All brokers are currently fenced or in controlled \
         shutdown."
    )]
    NoActiveBroker(i32),
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::Name(_) | Error::Collision { .. } => ErrorCode::InvalidTopicException,
            Error::Exists(_) => ErrorCode::TopicAlreadyExists,
            Error::Duplicate
            | Error::MetadataTopic
            | Error::AssignedWithReplicationFactor
            | Error::AssignedWithPartitionCount => ErrorCode::InvalidRequest,
            Error::TooManyPartitions | Error::TooManyRecords => ErrorCode::PolicyViolation,
            Error::NullConfigs(_) | Error::Config(_) => ErrorCode::InvalidConfig,
            Error::AssignedTwice(_) | Error::AssignedWithGaps => {
                ErrorCode::InvalidReplicaAssignment
            }
            Error::Assignment(invalid) => invalid.code(),
            Error::BadReplicationFactor | Error::NoActiveBroker(_) => {
                ErrorCode::InvalidReplicationFactor
            }
            Error::Placement { reason, .. } => reason.code(),
            Error::BadPartitionCount => ErrorCode::InvalidPartitions,
        }
    }
}

pub fn create_topics(
    image: &Image,
    config: &BrokerConfig,
    request: &CreateTopicsRequest,
    entropy: &mut Entropy,
) -> Decision<CreateTopicsResponse> {
    let names = request.topics.iter().map(|topic| &topic.name);
    let (once, duplicates) = without_duplicates(names);
    let repeated: BTreeSet<_> = duplicates.iter().copied().collect();
    let is_refused = |name: &String| repeated.contains(name) || name == METADATA_TOPIC;
    let topics: Vec<_> = request
        .topics
        .iter()
        .filter(|topic| !is_refused(&topic.name))
        .collect();

    if total_partitions(&topics, config) > MAX_RECORDS_PER_REQUEST as i64 {
        return refuse_all(request, &Error::TooManyPartitions);
    }
    let mut records = Vec::new();
    let mut results = Vec::new();
    for topic in topics {
        let created = create_topic(image, config, topic, entropy);
        let (result, of_topic) =
            created.unwrap_or_else(|error| (refusal(&topic.name, error), vec![]));
        records.extend(of_topic);
        results.push(result);
    }
    if records.len() > MAX_RECORDS_PER_REQUEST {
        return refuse_all(request, &Error::TooManyRecords);
    }
    if request.validate_only {
        records.clear();
    }
    results.extend(
        duplicates
            .into_iter()
            .map(|name| refusal(name, Error::Duplicate)),
    );
    if once.into_iter().any(|name| name == METADATA_TOPIC) {
        results.push(refusal(METADATA_TOPIC, Error::MetadataTopic));
    }
    Decision {
        records,
        response: CreateTopicsResponse::default().with_topics(results),
    }
}

fn refuse_all(request: &CreateTopicsRequest, error: &Error) -> Decision<CreateTopicsResponse> {
    let refused = request
        .topics
        .iter()
        .map(|topic| refusal(&topic.name, error.clone()));
    Decision::answer(CreateTopicsResponse::default().with_topics(refused.collect()))
}

fn refusal(name: &str, error: Error) -> CreatableTopicResult {
    let (code, message) = outcome::<(), _>(&Err(error));
    named(name)
        .with_error_code(code)
        .with_error_message(message)
}

fn named(name: &str) -> CreatableTopicResult {
    CreatableTopicResult::default().with_name(TopicName(StrBytes::from_string(name.to_owned())))
}

fn total_partitions(topics: &[&CreatableTopic], config: &BrokerConfig) -> i64 {
    let count = |topic: &&CreatableTopic| match (topic.assignments.len(), topic.num_partitions) {
        (0, -1) => i64::from(config.topic_creation.num_partitions),
        (0, count) => i64::from(count.max(0)),
        (assigned, _) => i64::try_from(assigned).unwrap_or(i64::MAX),
    };
    topics.iter().map(count).fold(0, i64::saturating_add)
}

fn create_topic(
    image: &Image,
    config: &BrokerConfig,
    topic: &CreatableTopic,
    entropy: &mut Entropy,
) -> Result<(CreatableTopicResult, Vec<MetadataRecord>), Error> {
    check_name(image, &topic.name)?;
    let overrides = overrides(topic)?;
    config.validate_topic(&overrides)?;
    let partitions = if topic.assignments.is_empty() {
        placed(image, config, topic, entropy)?
    } else {
        assigned(image, topic)?
    };

    let topic_id = entropy.topic_id();
    let replication_factor = partitions
        .first()
        .map_or(0, |partition| partition.replicas.len());
    let result = named(&topic.name)
        .with_error_message(None)
        .with_topic_id(topic_id)
        .with_num_partitions(i32::try_from(partitions.len()).unwrap_or(i32::MAX))
        .with_replication_factor(i16::try_from(replication_factor).unwrap_or(i16::MAX))
        .with_configs(Some(shown_configs(config, &overrides)?));

    let name = topic.name.clone();
    let mut records = vec![MetadataRecord::Topic(TopicRecord { name, topic_id })];
    records.extend(overrides.into_iter().map(|(key, value)| {
        MetadataRecord::Config(ConfigRecord {
            resource_type: ConfigResourceType::Topic.id(),
            resource_name: topic.name.clone(),
            name: key,
            value: Some(value),
        })
    }));
    records.extend((0..).zip(&partitions).map(|(partition_id, partition)| {
        MetadataRecord::Partition(partition.to_record(topic_id, partition_id))
    }));
    Ok((result, records))
}

/// In the order of Kafka, which reports the last of these that applies.
fn check_name(image: &Image, name: &str) -> Result<(), Error> {
    if image.topic(name).is_some() {
        return Err(Error::Exists(name.to_owned()));
    }
    if let Some(existing) = image.colliding_topic(name) {
        let existing = existing.to_string();
        return Err(Error::Collision {
            name: name.to_owned(),
            existing,
        });
    }
    Ok(validate_topic_name(name)?)
}

fn overrides(topic: &CreatableTopic) -> Result<Properties, Error> {
    let nulls: Vec<&str> = topic
        .configs
        .iter()
        .filter(|c| c.value.is_none())
        .map(|c| c.name.as_str())
        .collect();
    if !nulls.is_empty() {
        return Err(Error::NullConfigs(nulls.join(",")));
    }
    let set = |c: &wire::request::CreatableTopicConfig| Some((c.name.clone(), c.value.clone()?));
    Ok(topic.configs.iter().filter_map(set).collect())
}

fn assigned(image: &Image, topic: &CreatableTopic) -> Result<Vec<Partition>, Error> {
    if topic.replication_factor != -1 {
        return Err(Error::AssignedWithReplicationFactor);
    }
    if topic.num_partitions != -1 {
        return Err(Error::AssignedWithPartitionCount);
    }
    let mut partitions = BTreeMap::new();
    let mut replication_factor = None;
    for CreatableReplicaAssignment {
        partition_index,
        broker_ids,
    } in &topic.assignments
    {
        if partitions.contains_key(partition_index) {
            return Err(Error::AssignedTwice(*partition_index));
        }
        validate_replicas(image, broker_ids, replication_factor)?;
        replication_factor = Some(broker_ids.len());
        let partition = new_partition(image, broker_ids);
        let partition = partition.ok_or(InvalidAssignment::NoActiveBroker(*partition_index))?;
        partitions.insert(*partition_index, partition);
    }
    if (0..)
        .zip(partitions.keys())
        .any(|(expected, index)| expected != *index)
    {
        return Err(Error::AssignedWithGaps);
    }
    Ok(partitions.into_values().collect())
}

fn placed(
    image: &Image,
    config: &BrokerConfig,
    topic: &CreatableTopic,
    entropy: &mut Entropy,
) -> Result<Vec<Partition>, Error> {
    let replication_factor = match topic.replication_factor {
        -1 => config.topic_creation.default_replication_factor,
        factor => i32::from(factor),
    };
    let replicas = match usize::try_from(replication_factor) {
        Ok(replicas) if replicas > 0 => replicas,
        _ => return Err(Error::BadReplicationFactor),
    };
    let partition_count = match topic.num_partitions {
        -1 => config.topic_creation.num_partitions,
        count => count,
    };
    let partition_count = match usize::try_from(partition_count) {
        Ok(count) if count > 0 => count,
        _ => return Err(Error::BadPartitionCount),
    };
    let placed =
        place(image, partition_count, replicas, entropy).map_err(|reason| Error::Placement {
            replication_factor,
            reason,
        })?;
    let partitions = placed.iter().map(|replicas| new_partition(image, replicas));
    partitions
        .map(|partition| partition.ok_or(Error::NoActiveBroker(replication_factor)))
        .collect()
}
