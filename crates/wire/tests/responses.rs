//! A response with every field set is encoded in every served version, as `kafka-protocol` and Kafka would.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "the support module")]

mod support;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable};
use support::golden_of;
use wire::api::SERVED;
use wire::codec::Message;
use wire::{Response, encode_response};

const CORRELATION_ID: i32 = 0x0102_0304;

/// Encodes a response in every served version, and hands each body to `check`.
fn in_every_version<R: Response + Clone>(response: &R, check: impl Fn(i16, Bytes)) {
    let api = R::API.served().unwrap();
    for version in api.versions() {
        let frame = encode_response(version, CORRELATION_ID, response.clone())
            .unwrap_or_else(|error| panic!("{} {version}: {error}", R::API));
        let mut frame = frame.freeze();
        assert_eq!(
            frame.get_i32() as usize,
            frame.len(),
            "{} {version}",
            R::API
        );
        assert_eq!(frame.get_i32(), CORRELATION_ID);
        if api.response_header_version(version) == 1 {
            assert_eq!(frame.get_u8(), 0, "no tagged fields in the header");
        }
        check(version, frame);
    }
    for version in [api.min_version - 1, api.max_version + 1] {
        assert!(encode_response(version, CORRELATION_ID, response.clone()).is_err());
    }
}

/// The newest golden response of this name, which has every field of its version set.
fn newest(name: &str, max_version: i16) -> Bytes {
    let newest =
        golden_of("response").find(|golden| golden.name == name && golden.version == max_version);
    newest.unwrap().parts.swap_remove(0).into()
}

/// `kafka-protocol` writes what Kafka 4.3.1 writes.
fn agrees_with_kafka<R: Encodable + Decodable>(
    name: &str,
    versions: std::ops::RangeInclusive<i16>,
) {
    for golden in golden_of("response")
        .filter(|golden| golden.name == name && versions.contains(&golden.version))
    {
        let mut body = Bytes::from(golden.parts[0].clone());
        let response = R::decode(&mut body, golden.version).unwrap();
        assert!(body.is_empty(), "{name} {}", golden.version);
        let mut again = Vec::new();
        response.encode(&mut again, golden.version).unwrap();
        assert_eq!(again, golden.parts[0], "{name} {}", golden.version);
    }
}

macro_rules! by_kafka_protocol {
    ($($response:ident)*) => {
        #[test]
        fn every_response_of_kafka_protocol_is_encoded_in_every_version() {
            let mut checked = vec!["Produce", "Fetch", "ListOffsets", "DescribeLogDirs"];
            $({
                let api = $response::API.served().unwrap();
                let mut body = newest(stringify!($response), api.max_version);
                let response = $response::decode(&mut body, api.max_version).unwrap();
                in_every_version(&response, |version, mut body| {
                    $response::decode(&mut body, version).unwrap();
                    assert!(body.is_empty(), "{} {version}", $response::API);
                });
                agrees_with_kafka::<$response>(stringify!($response), api.versions());
                checked.push($response::API.name());
            })*
            for api in SERVED {
                assert!(checked.contains(&api.key.name()), "{}", api.key);
            }
        }
    };
}

by_kafka_protocol! {
    MetadataResponse OffsetCommitResponse OffsetFetchResponse FindCoordinatorResponse JoinGroupResponse HeartbeatResponse
    LeaveGroupResponse SyncGroupResponse DescribeGroupsResponse ListGroupsResponse ApiVersionsResponse
    CreateTopicsResponse DeleteTopicsResponse DeleteRecordsResponse InitProducerIdResponse
    OffsetForLeaderEpochResponse DescribeConfigsResponse AlterConfigsResponse CreatePartitionsResponse
    DeleteGroupsResponse ElectLeadersResponse IncrementalAlterConfigsResponse AlterPartitionReassignmentsResponse
    ListPartitionReassignmentsResponse OffsetDeleteResponse DescribeQuorumResponse UpdateFeaturesResponse
    DescribeClusterResponse DescribeProducersResponse UnregisterBrokerResponse ListConfigResourcesResponse
    DescribeTopicPartitionsResponse
}

/// The oracle of our own Fetch and Produce answers is itself right.
#[test]
fn kafka_protocol_writes_fetch_and_produce_as_kafka_does() {
    agrees_with_kafka::<FetchResponse>("FetchResponse", 4..=18);
    agrees_with_kafka::<ProduceResponse>("ProduceResponse", 3..=13);
}

#[test]
fn every_declared_response_is_encoded_in_every_version() {
    fn check<R: Response + Message + Clone>() {
        let api = R::API.served().unwrap();
        let response = R::decode(&newest(R::NAME, api.max_version), api.max_version).unwrap();
        in_every_version(&response, |version, body| {
            let mut reader = wire::codec::Reader::new(&body);
            R::decode_from(&mut reader, version).unwrap();
            assert_eq!(reader.remaining(), 0, "{} {version}", R::NAME);
        });
    }
    check::<wire::response::ProduceResponse>();
    check::<wire::response::ListOffsetsResponse>();
    check::<wire::response::DescribeLogDirsResponse>();
}

/// Old versions of FindCoordinator and OffsetFetch answer about one key or group, in the response itself.
#[test]
fn single_answers_of_old_versions_are_taken_from_the_list() {
    let coordinator = find_coordinator_response::Coordinator::default()
        .with_node_id(3.into())
        .with_host("h".to_owned().into())
        .with_port(9092);
    let response = FindCoordinatorResponse::default().with_coordinators(vec![coordinator]);
    in_every_version(&response, |version, mut body| {
        let found = FindCoordinatorResponse::decode(&mut body, version).unwrap();
        let node_id = found
            .coordinators
            .first()
            .map_or(found.node_id, |found| found.node_id);
        assert_eq!(node_id, 3, "{version}");
    });

    let partition =
        offset_fetch_response::OffsetFetchResponsePartitions::default().with_committed_offset(42);
    let topic = offset_fetch_response::OffsetFetchResponseTopics::default()
        .with_partitions(vec![partition]);
    let group = offset_fetch_response::OffsetFetchResponseGroup::default()
        .with_topics(vec![topic])
        .with_error_code(15);
    let response = OffsetFetchResponse::default().with_groups(vec![group]);
    in_every_version(&response, |version, mut body| {
        let found = OffsetFetchResponse::decode(&mut body, version).unwrap();
        let (offset, error_code) = match (found.groups.first(), found.topics.first()) {
            (Some(group), None) => (
                group.topics[0].partitions[0].committed_offset,
                group.error_code,
            ),
            (None, Some(topic)) if version == 1 => (
                topic.partitions[0].committed_offset,
                topic.partitions[0].error_code,
            ),
            (None, Some(topic)) => (topic.partitions[0].committed_offset, found.error_code),
            other => panic!("{version}: {other:?}"),
        };
        assert_eq!((offset, error_code), (42, 15), "{version}");
    });
}

/// One member leaves in old versions; its error is the response's.
#[test]
fn the_error_of_a_leaving_member_is_the_response_in_old_versions() {
    let member = leave_group_response::MemberResponse::default().with_error_code(25);
    let response = LeaveGroupResponse::default().with_members(vec![member]);
    in_every_version(&response, |version, mut body| {
        let found = LeaveGroupResponse::decode(&mut body, version).unwrap();
        assert_eq!(
            found.error_code,
            if version < 3 { 25 } else { 0 },
            "{version}"
        );
    });
}
