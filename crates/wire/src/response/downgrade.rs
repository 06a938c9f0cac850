//! What each response loses in an older version. Only what the encoder would refuse is touched; what it leaves out by
//! itself is left to it.

use std::mem;

use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};
use kafka_protocol::messages::{
    ApiVersionsResponse, CreateTopicsResponse, DescribeClusterResponse, DescribeGroupsResponse,
    DescribeQuorumResponse, ElectLeadersResponse, FindCoordinatorResponse, InitProducerIdResponse,
    JoinGroupResponse, LeaveGroupResponse, MetadataResponse, OffsetFetchResponse,
};
use uuid::Uuid;

/// Authorized operations that were not asked for, or that the version cannot say.
const NO_OPERATIONS: i32 = i32::MIN;

pub(super) fn api_versions(response: &mut ApiVersionsResponse, version: i16) {
    if version < 3 {
        response.supported_features.clear();
        response.finalized_features.clear();
        response.finalized_features_epoch = -1;
        response.zk_migration_ready = false;
    }
}

/// A topic asked for by an id that does not exist has no name; it is an empty one until version 12 allows a null.
pub(super) fn metadata(response: &mut MetadataResponse, version: i16) {
    for topic in &mut response.topics {
        if version < 8 {
            topic.topic_authorized_operations = NO_OPERATIONS;
        }
        if version < 12 {
            topic.name.get_or_insert_default();
        }
    }
    if !(8..=10).contains(&version) {
        response.cluster_authorized_operations = NO_OPERATIONS;
    }
}

/// Until version 3 the answer is about one key, and stands in the response itself.
pub(super) fn find_coordinator(response: &mut FindCoordinatorResponse, version: i16) {
    if version >= 4 {
        return;
    }
    if let Some(found) = mem::take(&mut response.coordinators).into_iter().next() {
        response.error_code = found.error_code;
        response.error_message = found.error_message;
        response.node_id = found.node_id;
        response.host = found.host;
        response.port = found.port;
    }
}

/// A null protocol name means that there is none; before version 7 an empty one does.
pub(super) fn join_group(response: &mut JoinGroupResponse, version: i16) {
    if version < 7 {
        response.protocol_name.get_or_insert_default();
    }
    if version < 9 {
        response.skip_assignment = false;
    }
}

/// Until version 2 one member leaves, and its error is the response's.
pub(super) fn leave_group(response: &mut LeaveGroupResponse, version: i16) {
    if version >= 3 {
        return;
    }
    let failed = mem::take(&mut response.members)
        .into_iter()
        .map(|member| member.error_code)
        .find(|code| *code != NONE);
    if let (NONE, Some(code)) = (response.error_code, failed) {
        response.error_code = code;
    }
}

const NONE: i16 = 0;

pub(super) fn describe_groups(response: &mut DescribeGroupsResponse, version: i16) {
    for group in &mut response.groups {
        if version < 3 {
            group.authorized_operations = NO_OPERATIONS;
        }
        if version < 6 {
            group.error_message = None;
        }
    }
}

/// Until version 7 the answer is about one group, and stands in the response itself. Version 1 has no error for the group:
/// each of its partitions carries it.
pub(super) fn offset_fetch(response: &mut OffsetFetchResponse, version: i16) {
    if version >= 8 {
        return;
    }
    let Some(group) = mem::take(&mut response.groups).into_iter().next() else {
        return;
    };
    response.error_code = group.error_code;
    response.topics = group
        .topics
        .into_iter()
        .map(|topic| {
            let partitions = topic.partitions.into_iter().map(|partition| {
                let error_code = match partition.error_code {
                    NONE if version < 2 => group.error_code,
                    code => code,
                };
                OffsetFetchResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_committed_offset(partition.committed_offset)
                    .with_committed_leader_epoch(partition.committed_leader_epoch)
                    .with_metadata(partition.metadata)
                    .with_error_code(error_code)
            });
            OffsetFetchResponseTopic::default()
                .with_name(topic.name)
                .with_partitions(partitions.collect())
        })
        .collect();
}

pub(super) fn create_topics(response: &mut CreateTopicsResponse, version: i16) {
    if version < 5 {
        for topic in &mut response.topics {
            topic.topic_config_error_code = NONE;
        }
    }
}

/// The ongoing transaction belongs to version 6, which Kafka 4.3 does not serve either.
pub(super) fn init_producer_id(response: &mut InitProducerIdResponse, version: i16) {
    if version < 6 {
        response.ongoing_txn_producer_id = (-1).into();
        response.ongoing_txn_producer_epoch = -1;
    }
}

pub(super) fn elect_leaders(response: &mut ElectLeadersResponse, version: i16) {
    if version < 1 {
        response.error_code = NONE;
    }
}

pub(super) fn describe_cluster(response: &mut DescribeClusterResponse, version: i16) {
    const BROKERS: i8 = 1;
    if version < 1 {
        response.endpoint_type = BROKERS;
    }
    if version < 2 {
        for broker in &mut response.brokers {
            broker.is_fenced = false;
        }
    }
}

pub(super) fn describe_quorum(response: &mut DescribeQuorumResponse, version: i16) {
    if version >= 2 {
        return;
    }
    response.nodes.clear();
    for partition in response
        .topics
        .iter_mut()
        .flat_map(|topic| &mut topic.partitions)
    {
        let replicas = partition
            .current_voters
            .iter_mut()
            .chain(&mut partition.observers);
        for replica in replicas {
            replica.replica_directory_id = Uuid::nil();
        }
    }
}
