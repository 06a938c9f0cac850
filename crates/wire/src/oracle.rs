//! `kafka-protocol` as an oracle: in every version that both know, it and we agree byte for byte.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::messages::fetch_response as their_fetch;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::protocol::{Decodable, Encodable, Message as TheirMessage, StrBytes};
use proptest::prelude::*;
use uuid::Uuid;

use crate::codec::{At, Message};
use crate::random::{Dice, Random};
use crate::request;
use crate::request::produce::TopicRef;
use crate::response;
use crate::response::fetch::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData, Segment, SnapshotId,
};
use crate::response::produce::{LeaderIdAndEpoch, NodeEndpoint};

/// What we write they read and write again as the same bytes, and reading those gives what we began with.
fn agree<
    O: Message + Random + PartialEq + std::fmt::Debug,
    T: Encodable + Decodable + TheirMessage,
>(
    seed: u64,
) {
    let versions = O::MIN_VERSION.max(T::VERSIONS.min)..=O::MAX_VERSION.min(T::VERSIONS.max);
    assert!(!versions.is_empty());
    for version in versions {
        let at = O::at(version).unwrap();
        let ours = O::random(&mut Dice(seed ^ version as u64), at);
        let mut written = BytesMut::new();
        ours.encode(&mut written, version).unwrap();
        let written = written.freeze();
        let mut rest = written.clone();
        let theirs = T::decode(&mut rest, version)
            .unwrap_or_else(|error| panic!("{} {version}: {error}", O::NAME));
        assert!(
            rest.is_empty(),
            "{} {version}: {} bytes left",
            O::NAME,
            rest.len()
        );
        let mut again = BytesMut::new();
        theirs.encode(&mut again, version).unwrap();
        assert_eq!(again, written, "{} {version}", O::NAME);
        assert_eq!(
            O::decode(&again, version).unwrap(),
            ours,
            "{} {version}",
            O::NAME
        );
    }
}

macro_rules! all_agree {
    ($seed:expr, $($family:ident $message:ident)*) => {
        $( agree::<$family::$message, theirs::$message>($seed); )*
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn requests_agree(seed: u64) {
        all_agree! { seed,
            request FetchRequest request ListOffsetsRequest request MetadataRequest request OffsetCommitRequest
            request OffsetFetchRequest request FindCoordinatorRequest request JoinGroupRequest
            request HeartbeatRequest request LeaveGroupRequest request SyncGroupRequest
            request DescribeGroupsRequest request ListGroupsRequest request ApiVersionsRequest
            request CreateTopicsRequest request DeleteTopicsRequest request DeleteRecordsRequest
            request InitProducerIdRequest request OffsetForLeaderEpochRequest request DescribeConfigsRequest
            request AlterConfigsRequest request DescribeLogDirsRequest request CreatePartitionsRequest
            request DeleteGroupsRequest request ElectLeadersRequest request IncrementalAlterConfigsRequest
            request AlterPartitionReassignmentsRequest request ListPartitionReassignmentsRequest
            request OffsetDeleteRequest request DescribeQuorumRequest request UpdateFeaturesRequest
            request DescribeClusterRequest request DescribeProducersRequest request UnregisterBrokerRequest
            request ListConfigResourcesRequest request DescribeTopicPartitionsRequest
            request AlterPartitionRequest request BrokerRegistrationRequest request BrokerHeartbeatRequest
            request AllocateProducerIdsRequest request ControllerRegistrationRequest
            request AssignReplicasToDirsRequest
        }
    }

    #[test]
    fn declared_responses_agree(seed: u64) {
        all_agree! { seed,
            response ProduceResponse response ListOffsetsResponse response DescribeLogDirsResponse
        }
    }

    #[test]
    fn a_produce_is_walked_as_it_was_sent(seed: u64) {
        for version in 3..=13 {
            produce_is_walked_as_it_was_sent(&mut Dice(seed), version);
        }
    }

    #[test]
    fn fetch_responses_agree(seed: u64) {
        for version in 4..=18 {
            fetch_response_agrees(&mut Dice(seed), version);
        }
    }
}

fn produce_is_walked_as_it_was_sent(dice: &mut Dice, version: i16) {
    let at = At {
        version,
        flexible: version >= 9,
        nullable: true,
    };
    let topics: Vec<_> = (0..dice.below(4))
        .map(|_| {
            let partitions = (0..dice.below(4)).map(|_| {
                PartitionProduceData::default()
                    .with_index(i32::random(dice, at))
                    .with_records(Option::random(dice, at))
            });
            let topic = TopicProduceData::default().with_partition_data(partitions.collect());
            if version >= request::produce::TOPIC_ID_VERSION {
                topic.with_topic_id(Uuid::random(dice, at))
            } else {
                topic.with_name(StrBytes::from_string(String::random(dice, at)).into())
            }
        })
        .collect();
    let sent = theirs::ProduceRequest::default()
        .with_transactional_id(
            Option::<String>::random(dice, at).map(|id| StrBytes::from_string(id).into()),
        )
        .with_acks(i16::random(dice, at))
        .with_timeout_ms(i32::random(dice, at))
        .with_topic_data(topics);
    let mut body = BytesMut::new();
    sent.encode(&mut body, version).unwrap();

    let whole = body.clone();
    let ours = request::ProduceRequest::decode(&body, version).unwrap();
    assert_eq!((ours.acks, ours.timeout_ms), (sent.acks, sent.timeout_ms));
    assert_eq!(
        ours.transactional_id.as_deref(),
        sent.transactional_id.as_ref().map(|id| id.as_str())
    );
    let mut walk = ours.partitions(&mut body);
    for (position, topic) in sent.topic_data.iter().enumerate() {
        for partition in &topic.partition_data {
            let walked = walk.next().unwrap().unwrap();
            assert_eq!(walked.topic_position, position);
            match walked.topic {
                TopicRef::Name(name) => assert_eq!(name, topic.name.as_str()),
                TopicRef::Id(id) => assert_eq!(id, topic.topic_id),
            }
            assert_eq!(walked.partition_index, partition.index);
            assert_eq!(walked.records.as_deref(), partition.records.as_deref());
            let length = walked.records.map_or(0, |records| records.len());
            let in_place = &whole[walked.records_offset..][..length];
            assert_eq!(in_place, partition.records.as_deref().unwrap_or_default());
        }
    }
    assert!(walk.next().is_none());
}

fn fetch_response_agrees(dice: &mut Dice, version: i16) {
    let at = At {
        version,
        flexible: version >= 12,
        nullable: true,
    };
    let ours = random_fetch_response(dice, at);
    let mut expected = BytesMut::new();
    as_theirs(&ours, version)
        .encode(&mut expected, version)
        .unwrap();

    let segments = ours
        .encode(version, 7, |records: &Bytes| records.len())
        .unwrap();
    let mut sent = Vec::new();
    for segment in segments {
        match segment {
            Segment::Framing(bytes) | Segment::Records(bytes) => {
                assert!(!bytes.is_empty());
                sent.extend_from_slice(&bytes);
            }
        }
    }
    let header = if at.flexible { 9 } else { 8 };
    let size = i32::from_be_bytes(sent[..4].try_into().unwrap());
    assert_eq!(size as usize, sent.len() - 4);
    assert_eq!(sent[header..], expected, "{version}");
}

fn random_fetch_response(dice: &mut Dice, at: At) -> response::FetchResponse<Bytes> {
    let mut topics = Vec::new();
    for _ in 0..dice.below(4) {
        let mut partitions = Vec::new();
        for _ in 0..dice.below(4) {
            partitions.push(PartitionData {
                partition_index: i32::random(dice, at),
                error_code: i16::random(dice, at),
                high_watermark: i64::random(dice, at),
                last_stable_offset: i64::random(dice, at),
                log_start_offset: i64::random(dice, at),
                aborted_transactions: Option::<Vec<AbortedTransaction>>::random(dice, at),
                preferred_read_replica: i32::random(dice, at),
                diverging_epoch: Option::<EpochEndOffset>::random(dice, at),
                current_leader: Option::<LeaderIdAndEpoch>::random(dice, at),
                snapshot_id: Option::<SnapshotId>::random(dice, at),
                records: Option::<Bytes>::random(dice, at),
            });
        }
        topics.push(FetchableTopicResponse {
            topic: String::random(dice, at),
            topic_id: Uuid::random(dice, at),
            partitions,
        });
    }
    response::FetchResponse {
        throttle_time_ms: i32::random(dice, at),
        error_code: i16::random(dice, at),
        session_id: i32::random(dice, at),
        responses: topics,
        node_endpoints: Vec::<NodeEndpoint>::random(dice, at),
    }
}

/// The same response as theirs, without what the version lacks; theirs refuses to encode that.
fn as_theirs(ours: &response::FetchResponse<Bytes>, version: i16) -> theirs::FetchResponse {
    let text = |text: &String| StrBytes::from_string(text.clone());
    let topics = ours.responses.iter().map(|topic| {
        their_fetch::FetchableTopicResponse::default()
            .with_topic(text(&topic.topic).into())
            .with_topic_id(topic.topic_id)
            .with_partitions(
                topic
                    .partitions
                    .iter()
                    .map(|partition| partition_as_theirs(partition, version))
                    .collect(),
            )
    });
    let mut theirs = theirs::FetchResponse::default()
        .with_throttle_time_ms(ours.throttle_time_ms)
        .with_error_code(ours.error_code)
        .with_responses(topics.collect());
    if version >= 7 {
        theirs.session_id = ours.session_id;
    }
    if version >= 16 {
        let endpoints = ours.node_endpoints.iter().map(|endpoint| {
            their_fetch::NodeEndpoint::default()
                .with_node_id(endpoint.node_id.into())
                .with_host(text(&endpoint.host))
                .with_port(endpoint.port)
                .with_rack(endpoint.rack.as_ref().map(text))
        });
        theirs.node_endpoints = endpoints.collect();
    }
    theirs
}

fn partition_as_theirs(ours: &PartitionData<Bytes>, version: i16) -> their_fetch::PartitionData {
    let aborted = ours.aborted_transactions.as_ref().map(|aborted| {
        let aborted = aborted.iter().map(|aborted| {
            their_fetch::AbortedTransaction::default()
                .with_producer_id(aborted.producer_id.into())
                .with_first_offset(aborted.first_offset)
        });
        aborted.collect()
    });
    let mut theirs = their_fetch::PartitionData::default()
        .with_partition_index(ours.partition_index)
        .with_error_code(ours.error_code)
        .with_high_watermark(ours.high_watermark)
        .with_last_stable_offset(ours.last_stable_offset)
        .with_log_start_offset(ours.log_start_offset)
        .with_aborted_transactions(aborted)
        .with_records(Some(ours.records.clone().unwrap_or_default()));
    if version >= 11 {
        theirs.preferred_read_replica = ours.preferred_read_replica.into();
    }
    if version < 12 {
        return theirs;
    }
    if let Some(diverging) = &ours.diverging_epoch {
        theirs.diverging_epoch = their_fetch::EpochEndOffset::default()
            .with_epoch(diverging.epoch)
            .with_end_offset(diverging.end_offset);
    }
    if let Some(leader) = &ours.current_leader {
        theirs.current_leader = their_fetch::LeaderIdAndEpoch::default()
            .with_leader_id(leader.leader_id.into())
            .with_leader_epoch(leader.leader_epoch);
    }
    if let Some(snapshot) = &ours.snapshot_id {
        theirs.snapshot_id = their_fetch::SnapshotId::default()
            .with_end_offset(snapshot.end_offset)
            .with_epoch(snapshot.epoch);
    }
    theirs
}
