//! Every request that comes from the network, one file per API family.
//!
//! A request is decoded from its frame's body in the version that its header names. Produce alone is not collected but
//! walked: see [`produce`].

mod api_versions;
mod cluster;
mod configs;
mod controller;
mod fetch;
mod group_offsets;
mod groups;
mod metadata;
mod offsets;
pub mod produce;
mod producers;
mod topics;

pub use api_versions::*;
pub use cluster::*;
pub use configs::*;
pub use controller::*;
pub use fetch::*;
pub use group_offsets::*;
pub use groups::*;
pub use metadata::*;
pub use offsets::*;
pub use produce::{ProducePartition, ProduceRequest, TopicRef};
pub use producers::*;
pub use topics::*;

use crate::api::ApiKey;
use crate::codec::Message;

/// A request that is declared in full.
pub trait Request: Message {
    const API: ApiKey;
}

/// Hands the list of all declared requests, `Api(Type);` each, to the macro that is named.
#[macro_export]
macro_rules! for_each_request {
    ($then:ident) => {
        $then! {
            Fetch(FetchRequest);
            ListOffsets(ListOffsetsRequest);
            Metadata(MetadataRequest);
            OffsetCommit(OffsetCommitRequest);
            OffsetFetch(OffsetFetchRequest);
            FindCoordinator(FindCoordinatorRequest);
            JoinGroup(JoinGroupRequest);
            Heartbeat(HeartbeatRequest);
            LeaveGroup(LeaveGroupRequest);
            SyncGroup(SyncGroupRequest);
            DescribeGroups(DescribeGroupsRequest);
            ListGroups(ListGroupsRequest);
            ApiVersions(ApiVersionsRequest);
            CreateTopics(CreateTopicsRequest);
            DeleteTopics(DeleteTopicsRequest);
            DeleteRecords(DeleteRecordsRequest);
            InitProducerId(InitProducerIdRequest);
            OffsetForLeaderEpoch(OffsetForLeaderEpochRequest);
            DescribeConfigs(DescribeConfigsRequest);
            AlterConfigs(AlterConfigsRequest);
            DescribeLogDirs(DescribeLogDirsRequest);
            CreatePartitions(CreatePartitionsRequest);
            DeleteGroups(DeleteGroupsRequest);
            ElectLeaders(ElectLeadersRequest);
            IncrementalAlterConfigs(IncrementalAlterConfigsRequest);
            AlterPartitionReassignments(AlterPartitionReassignmentsRequest);
            ListPartitionReassignments(ListPartitionReassignmentsRequest);
            OffsetDelete(OffsetDeleteRequest);
            DescribeQuorum(DescribeQuorumRequest);
            UpdateFeatures(UpdateFeaturesRequest);
            DescribeCluster(DescribeClusterRequest);
            DescribeProducers(DescribeProducersRequest);
            UnregisterBroker(UnregisterBrokerRequest);
            ListConfigResources(ListConfigResourcesRequest);
            DescribeTopicPartitions(DescribeTopicPartitionsRequest);
            AlterPartition(AlterPartitionRequest);
            BrokerRegistration(BrokerRegistrationRequest);
            BrokerHeartbeat(BrokerHeartbeatRequest);
            AllocateProducerIds(AllocateProducerIdsRequest);
            ControllerRegistration(ControllerRegistrationRequest);
            AssignReplicasToDirs(AssignReplicasToDirsRequest);
        }
    };
}

macro_rules! requests {
    ($($api:ident($request:ident);)*) => {
        $( impl Request for $request {
            const API: ApiKey = ApiKey::$api;
        } )*

        /// Name, oldest, newest and first flexible version of every declared request.
        #[cfg(test)]
        const DECLARED: &[(ApiKey, i16, i16, i16)] = &[
            $( (ApiKey::$api, $request::MIN_VERSION, $request::MAX_VERSION, $request::FLEXIBLE_FROM), )*
        ];
    };
}

for_each_request!(requests);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::SERVED;

    #[test]
    fn every_served_request_is_declared_as_the_table_says() {
        for api in SERVED {
            if api.key == ApiKey::Produce {
                continue;
            }
            let declared = DECLARED.iter().find(|declared| declared.0 == api.key);
            let expected = (api.key, api.min_version, api.max_version, api.flexible_from);
            assert_eq!(declared, Some(&expected));
        }
    }
}
