//! Every response to a served request. Handlers fill the newest version; [`encode_response`] writes the one asked for.
//!
//! Most are `kafka-protocol`'s types. Those that it lacks in our newest version, and Produce, are declared here; Fetch is
//! written around its records, which are sent from where they are: see [`fetch`].

mod downgrade;
pub mod fetch;
pub mod list_offsets;
pub mod log_dirs;
pub mod produce;

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages;
use kafka_protocol::protocol::Encodable;

pub use fetch::FetchResponse;
pub use list_offsets::ListOffsetsResponse;
pub use log_dirs::DescribeLogDirsResponse;
pub use produce::ProduceResponse;

use crate::api::{Api, ApiKey};
use crate::codec::{EncodeError, Message};

/// A response's body.
pub trait Response {
    const API: ApiKey;

    /// Clears or moves what `version` cannot say, and nothing else.
    fn downgrade(&mut self, version: i16);

    /// Appends the body to `buf`. What `version` lacks must have been cleared.
    fn encode_body(&self, buf: &mut BytesMut, version: i16) -> Result<(), EncodeError>;
}

/// Encodes a whole response frame: size, header, and the body in `version`, which must be one that is served.
pub fn encode_response<R: Response>(
    version: i16,
    correlation_id: i32,
    mut response: R,
) -> Result<BytesMut, EncodeError> {
    let mut buf = begin_frame(R::API, version, correlation_id)?;
    response.downgrade(version);
    response.encode_body(&mut buf, version)?;
    end_frame(&mut buf, 0)?;
    Ok(buf)
}

/// Writes a frame's size, as yet unknown, and its header.
fn begin_frame(
    api_key: ApiKey,
    version: i16,
    correlation_id: i32,
) -> Result<BytesMut, EncodeError> {
    let api = served(api_key, version).ok_or(EncodeError::UnsupportedVersion {
        message: api_key.name(),
        version,
    })?;
    let mut buf = BytesMut::with_capacity(128);
    buf.put_i32(0);
    buf.put_i32(correlation_id);
    if api.response_header_version(version) >= 1 {
        buf.put_u8(0);
    }
    Ok(buf)
}

/// Sets the size of the frame that `buf` and `payload_bytes` sent between its parts make.
fn end_frame(buf: &mut BytesMut, payload_bytes: usize) -> Result<(), EncodeError> {
    let after_size = buf.len() - size_of::<i32>() + payload_bytes;
    let size = i32::try_from(after_size).map_err(|_| EncodeError::TooLong(after_size))?;
    if let Some(head) = buf.first_chunk_mut() {
        *head = size.to_be_bytes();
    }
    Ok(())
}

fn served(api_key: ApiKey, version: i16) -> Option<&'static Api> {
    api_key.served().filter(|api| api.can_parse(version))
}

/// Responses that `kafka-protocol` encodes, each with what downgrades it, if its versions differ in more than it forgives.
macro_rules! kafka_protocol_responses {
    ($($api:ident($response:ident) $(by $downgrade:ident)?;)*) => { $(
        impl Response for messages::$response {
            const API: ApiKey = ApiKey::$api;

            #[allow(unused_variables, reason = "not every response has something to clear")]
            fn downgrade(&mut self, version: i16) {
                $( downgrade::$downgrade(self, version); )?
            }

            fn encode_body(&self, buf: &mut BytesMut, version: i16) -> Result<(), EncodeError> {
                self.encode(buf, version).map_err(|error| EncodeError::Refused(error.to_string()))
            }
        }
    )* };
}

kafka_protocol_responses! {
    Metadata(MetadataResponse) by metadata;
    OffsetCommit(OffsetCommitResponse);
    OffsetFetch(OffsetFetchResponse) by offset_fetch;
    FindCoordinator(FindCoordinatorResponse) by find_coordinator;
    JoinGroup(JoinGroupResponse) by join_group;
    Heartbeat(HeartbeatResponse);
    LeaveGroup(LeaveGroupResponse) by leave_group;
    SyncGroup(SyncGroupResponse);
    DescribeGroups(DescribeGroupsResponse) by describe_groups;
    ListGroups(ListGroupsResponse);
    ApiVersions(ApiVersionsResponse) by api_versions;
    CreateTopics(CreateTopicsResponse) by create_topics;
    DeleteTopics(DeleteTopicsResponse);
    DeleteRecords(DeleteRecordsResponse);
    InitProducerId(InitProducerIdResponse) by init_producer_id;
    OffsetForLeaderEpoch(OffsetForLeaderEpochResponse);
    DescribeConfigs(DescribeConfigsResponse);
    AlterConfigs(AlterConfigsResponse);
    CreatePartitions(CreatePartitionsResponse);
    DeleteGroups(DeleteGroupsResponse);
    ElectLeaders(ElectLeadersResponse) by elect_leaders;
    IncrementalAlterConfigs(IncrementalAlterConfigsResponse);
    AlterPartitionReassignments(AlterPartitionReassignmentsResponse);
    ListPartitionReassignments(ListPartitionReassignmentsResponse);
    OffsetDelete(OffsetDeleteResponse);
    DescribeQuorum(DescribeQuorumResponse) by describe_quorum;
    UpdateFeatures(UpdateFeaturesResponse);
    DescribeCluster(DescribeClusterResponse) by describe_cluster;
    DescribeProducers(DescribeProducersResponse);
    UnregisterBroker(UnregisterBrokerResponse);
    ListConfigResources(ListConfigResourcesResponse);
    DescribeTopicPartitions(DescribeTopicPartitionsResponse);
}

/// Responses that are declared here. What a version lacks is `ignorable` in the declaration.
macro_rules! declared_responses {
    ($($api:ident($response:ident);)*) => { $(
        impl Response for $response {
            const API: ApiKey = ApiKey::$api;

            fn downgrade(&mut self, _: i16) {}

            fn encode_body(&self, buf: &mut BytesMut, version: i16) -> Result<(), EncodeError> {
                self.encode(buf, version)
            }
        }
    )* };
}

declared_responses! {
    Produce(ProduceResponse);
    ListOffsets(ListOffsetsResponse);
    DescribeLogDirs(DescribeLogDirsResponse);
}
