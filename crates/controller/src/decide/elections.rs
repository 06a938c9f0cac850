//! ElectLeaders: versions 0 to 2. A preferred election gives a partition back to the first of its
//! replicas, an unclean one gives a leader to a partition that has none (KIP-460).

use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::records::metadata::MetadataRecord;
use wire::request::ElectLeadersRequest;

use super::partition_change::{Election, PartitionChange};
use super::{Decision, Refusal, outcome};
use crate::image::{Image, Topic};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Error {
    #[error("Unknown election type {0}")]
    UnknownType(i8),
    #[error("No such topic as {0}")]
    UnknownTopic(String),
    #[error("No such partition as {topic}-{partition_id}")]
    UnknownPartition { topic: String, partition_id: i32 },
    #[error("Leader election not needed for topic partition.")]
    NotNeeded,
    #[error("The preferred leader was not available.")]
    PreferredNotAvailable,
    #[error("Eligible topic partition leaders are not available.")]
    NobodyAvailable,
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::UnknownType(_) => ErrorCode::InvalidRequest,
            Error::UnknownTopic(_) | Error::UnknownPartition { .. } => {
                ErrorCode::UnknownTopicOrPartition
            }
            Error::NotNeeded => ErrorCode::ElectionNotNeeded,
            Error::PreferredNotAvailable => ErrorCode::PreferredLeaderNotAvailable,
            Error::NobodyAvailable => ErrorCode::EligibleLeadersNotAvailable,
        }
    }
}

pub fn elect_leaders(
    image: &Image,
    request: &ElectLeadersRequest,
) -> Decision<ElectLeadersResponse> {
    let election = match request.election_type {
        0 => Election::Preferred,
        1 => Election::Unclean,
        other => return refuse_all(request, Error::UnknownType(other)),
    };
    let mut records = Vec::new();
    let results = match &request.topic_partitions {
        None => image
            .topics()
            .map(|topic| elect_all(image, topic, election, &mut records))
            .collect(),
        Some(topics) => {
            let elect = |name: &str, id: i32, records: &mut Vec<MetadataRecord>| {
                let elected = elect_leader(image, name, id, election);
                let result = result(id, &elected);
                records.extend(elected.ok());
                result
            };
            let named = topics.iter().map(|topic| {
                let ids = topic.partitions.iter();
                let results = ids.map(|id| elect(&topic.topic, *id, &mut records));
                of_topic(&topic.topic, results.collect())
            });
            named.collect()
        }
    };
    let response = ElectLeadersResponse::default().with_replica_election_results(results);
    Decision { records, response }
}

/// When all partitions are asked for, those that need no election are not mentioned.
fn elect_all(
    image: &Image,
    topic: &Topic,
    election: Election,
    records: &mut Vec<MetadataRecord>,
) -> ReplicaElectionResult {
    let mut results = Vec::new();
    for partition_id in topic.partitions.keys() {
        let elected = elect_leader(image, &topic.name, *partition_id, election);
        if elected != Err(Error::NotNeeded) {
            results.push(result(*partition_id, &elected));
            records.extend(elected.ok());
        }
    }
    of_topic(&topic.name, results)
}

fn elect_leader(
    image: &Image,
    topic_name: &str,
    partition_id: i32,
    election: Election,
) -> Result<MetadataRecord, Error> {
    let topic = image
        .topic(topic_name)
        .ok_or_else(|| Error::UnknownTopic(topic_name.to_owned()))?;
    let partition = topic
        .partition(partition_id)
        .ok_or_else(|| Error::UnknownPartition {
            topic: topic_name.to_owned(),
            partition_id,
        })?;
    let (is_done, unavailable) = match election {
        Election::Preferred => (
            partition.is_led_by_preferred(),
            Error::PreferredNotAvailable,
        ),
        Election::Online | Election::Unclean => (partition.has_leader(), Error::NobodyAvailable),
    };
    if is_done {
        return Err(Error::NotNeeded);
    }
    let mut change = PartitionChange::new(image, partition);
    change.election = election;
    change
        .record(topic.id, partition_id)
        .map(MetadataRecord::PartitionChange)
        .ok_or(unavailable)
}

fn refuse_all(request: &ElectLeadersRequest, error: Error) -> Decision<ElectLeadersResponse> {
    let refused = Err(error);
    let topics = request.topic_partitions.iter().flatten().map(|topic| {
        let results = topic.partitions.iter().map(|id| result(*id, &refused));
        of_topic(&topic.topic, results.collect())
    });
    let (code, _) = outcome(&refused);
    let response = ElectLeadersResponse::default().with_replica_election_results(topics.collect());
    Decision::answer(response.with_error_code(code))
}

fn of_topic(name: &str, results: Vec<PartitionResult>) -> ReplicaElectionResult {
    ReplicaElectionResult::default()
        .with_topic(TopicName(StrBytes::from_string(name.to_owned())))
        .with_partition_result(results)
}

fn result(partition_id: i32, elected: &Result<MetadataRecord, Error>) -> PartitionResult {
    let (code, message) = outcome(elected);
    PartitionResult::default()
        .with_partition_id(partition_id)
        .with_error_code(code)
        .with_error_message(message)
}
