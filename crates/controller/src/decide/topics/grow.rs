//! CreatePartitions: versions 0 to 3.

use std::collections::BTreeSet;

use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::records::metadata::MetadataRecord;
use wire::request::{CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic};

use super::without_duplicates;
use crate::decide::assignment::{InvalidAssignment, new_partition, validate_replicas};
use crate::decide::placement::{PlacementError, place};
use crate::decide::{Decision, MAX_RECORDS_PER_REQUEST, Refusal, TOO_MANY_RECORDS_TEXT, outcome};
use crate::entropy::Entropy;
use crate::image::Image;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Error {
    #[error("Duplicate topic name.")]
    Duplicate,
    #[error("there is no such topic")]
    UnknownTopic,
    #[error("Topic already has {0} partition(s).")]
    SameCount(i32),
    #[error(
        "The topic {name} currently has {current} partition(s); {named} would not be an increase."
    )]
    Fewer {
        name: String,
        current: i32,
        named: i32,
    },
    #[error(
        "Attempted to add {additional} additional partition(s), but only {assigned} assignment(s) were specified."
    )]
    OtherAssignmentCount { additional: usize, assigned: usize },
    #[error("{TOO_MANY_RECORDS_TEXT}")]
    TooMany,
    #[error(transparent)]
    Assignment(#[from] InvalidAssignment),
    #[error(transparent)]
    Placement(#[from] PlacementError),
    #[error(
        "Unable to replicate the partition {0} time(s): All brokers are currently fenced or in controlled \
         shutdown."
    )]
    NoActiveBroker(usize),
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::Duplicate => ErrorCode::InvalidRequest,
            Error::UnknownTopic => ErrorCode::UnknownTopicOrPartition,
            Error::SameCount(_) | Error::Fewer { .. } => ErrorCode::InvalidPartitions,
            Error::OtherAssignmentCount { .. } => ErrorCode::InvalidReplicaAssignment,
            Error::TooMany => ErrorCode::PolicyViolation,
            Error::Assignment(invalid) => invalid.code(),
            Error::Placement(error) => error.code(),
            Error::NoActiveBroker(_) => ErrorCode::InvalidReplicationFactor,
        }
    }

    fn message(&self) -> Option<StrBytes> {
        match self {
            Error::UnknownTopic => None,
            error => Some(StrBytes::from_string(error.to_string())),
        }
    }
}

pub fn create_partitions(
    image: &Image,
    request: &CreatePartitionsRequest,
    entropy: &mut Entropy,
) -> Decision<CreatePartitionsResponse> {
    let (_, duplicates) = without_duplicates(request.topics.iter().map(|topic| &topic.name));
    let repeated: BTreeSet<_> = duplicates.iter().copied().collect();
    let mut results: Vec<_> = duplicates
        .iter()
        .map(|name| result(name, &Err(Error::Duplicate)))
        .collect();
    let mut records = Vec::new();
    for topic in request
        .topics
        .iter()
        .filter(|topic| !repeated.contains(&topic.name))
    {
        let room = MAX_RECORDS_PER_REQUEST.saturating_sub(records.len());
        let added = add_partitions(image, topic, room, entropy);
        results.push(result(&topic.name, &added));
        records.extend(added.unwrap_or_default());
    }
    if request.validate_only {
        records.clear();
    }
    Decision {
        records,
        response: CreatePartitionsResponse::default().with_results(results),
    }
}

fn result(name: &str, added: &Result<Vec<MetadataRecord>, Error>) -> CreatePartitionsTopicResult {
    let (code, message) = outcome(added);
    CreatePartitionsTopicResult::default()
        .with_name(TopicName(StrBytes::from_string(name.to_owned())))
        .with_error_code(code)
        .with_error_message(message)
}

fn add_partitions(
    image: &Image,
    request: &CreatePartitionsTopic,
    room: usize,
    entropy: &mut Entropy,
) -> Result<Vec<MetadataRecord>, Error> {
    let topic = image.topic(&request.name).ok_or(Error::UnknownTopic)?;
    let current = topic.partition_count();
    if request.count == current {
        return Err(Error::SameCount(current));
    }
    let additional = usize::try_from(i64::from(request.count) - i64::from(current));
    let Ok(additional) = additional else {
        let (name, named) = (request.name.clone(), request.count);
        return Err(Error::Fewer {
            name,
            current,
            named,
        });
    };
    if let Some(assignments) = &request.assignments
        && assignments.len() != additional
    {
        return Err(Error::OtherAssignmentCount {
            additional,
            assigned: assignments.len(),
        });
    }
    if additional > room {
        return Err(Error::TooMany);
    }
    let any = topic.partitions.values().next();
    let replication_factor = any.map_or(0, |partition| partition.replicas.len());
    let replicas = match &request.assignments {
        Some(assignments) => assigned(image, assignments, current, replication_factor)?,
        None => place(image, additional, replication_factor, entropy)?,
    };
    let new = (current..).zip(&replicas).map(|(partition_id, replicas)| {
        let partition =
            new_partition(image, replicas).ok_or(Error::NoActiveBroker(replication_factor))?;
        Ok(MetadataRecord::Partition(
            partition.to_record(topic.id, partition_id),
        ))
    });
    new.collect()
}

fn assigned(
    image: &Image,
    assignments: &[CreatePartitionsAssignment],
    first: i32,
    replication_factor: usize,
) -> Result<Vec<Vec<i32>>, InvalidAssignment> {
    for (partition_id, CreatePartitionsAssignment { broker_ids }) in (first..).zip(assignments) {
        validate_replicas(image, broker_ids, Some(replication_factor))?;
        if !broker_ids.iter().any(|id| image.is_active(*id)) {
            return Err(InvalidAssignment::NoActiveBroker(partition_id));
        }
    }
    Ok(assignments
        .iter()
        .map(|assignment| assignment.broker_ids.clone())
        .collect())
}
