//! The golden messages, and every declared message by name.

#![allow(dead_code, reason = "each test uses a part")]

use bytes::BytesMut;
use wire::codec::{DecodeError, EncodeError, Message};
use wire::consumer_protocol::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use wire::request::*;
use wire::response::{DescribeLogDirsResponse, ListOffsetsResponse, ProduceResponse};

/// What Kafka 4.3.1 wrote.
#[derive(Debug)]
pub struct Golden {
    pub kind: &'static str,
    pub name: &'static str,
    pub version: i16,
    /// One message, or a record's key and value.
    pub parts: Vec<Vec<u8>>,
}

pub fn golden() -> Vec<Golden> {
    include_str!("../golden/kafka-4.3.1.txt")
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            Golden {
                kind: words.next().unwrap(),
                name: words.next().unwrap(),
                version: words.next().unwrap().parse().unwrap(),
                parts: words.map(unhex).collect(),
            }
        })
        .collect()
}

pub fn golden_of(kind: &str) -> impl Iterator<Item = Golden> {
    golden()
        .into_iter()
        .filter(move |golden| golden.kind == kind)
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[derive(Debug)]
pub enum Failure {
    Decode(DecodeError),
    Encode(EncodeError),
}

/// Decodes a message and encodes it again.
fn again<M: Message>(bytes: &[u8], version: i16) -> Result<Vec<u8>, Failure> {
    let message = M::decode(bytes, version).map_err(Failure::Decode)?;
    let mut buf = BytesMut::new();
    message.encode(&mut buf, version).map_err(Failure::Encode)?;
    Ok(buf.to_vec())
}

macro_rules! by_name {
    ($($message:ident)*) => {
        /// Decodes and encodes the message of this name; `None` if it is not declared with `message!`.
        pub fn round_trip(name: &str, bytes: &[u8], version: i16) -> Option<Result<Vec<u8>, Failure>> {
            match name {
                $( stringify!($message) => Some(again::<$message>(bytes, version)), )*
                _ => None,
            }
        }

        pub fn max_version(name: &str) -> Option<i16> {
            match name {
                $( stringify!($message) => Some($message::MAX_VERSION), )*
                _ => None,
            }
        }

        pub const DECLARED: &[&str] = &[$( stringify!($message), )*];
    };
}

by_name! {
    FetchRequest ListOffsetsRequest MetadataRequest OffsetCommitRequest OffsetFetchRequest FindCoordinatorRequest
    JoinGroupRequest HeartbeatRequest LeaveGroupRequest SyncGroupRequest DescribeGroupsRequest ListGroupsRequest
    ApiVersionsRequest CreateTopicsRequest DeleteTopicsRequest DeleteRecordsRequest InitProducerIdRequest
    OffsetForLeaderEpochRequest DescribeConfigsRequest AlterConfigsRequest DescribeLogDirsRequest CreatePartitionsRequest
    DeleteGroupsRequest ElectLeadersRequest IncrementalAlterConfigsRequest AlterPartitionReassignmentsRequest
    ListPartitionReassignmentsRequest OffsetDeleteRequest DescribeQuorumRequest UpdateFeaturesRequest
    DescribeClusterRequest DescribeProducersRequest UnregisterBrokerRequest ListConfigResourcesRequest
    DescribeTopicPartitionsRequest AlterPartitionRequest BrokerRegistrationRequest BrokerHeartbeatRequest
    AllocateProducerIdsRequest ControllerRegistrationRequest AssignReplicasToDirsRequest
    ProduceResponse ListOffsetsResponse DescribeLogDirsResponse
    ConsumerProtocolSubscription ConsumerProtocolAssignment
}
