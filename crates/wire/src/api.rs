//! Every API key of Kafka, and the one table of those that are served: versions and headers.

use std::fmt;
use std::ops::RangeInclusive;

macro_rules! api_keys {
    ($($name:ident = $key:literal;)*) => {
        /// What a request asks for. The names are Kafka's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        pub enum ApiKey {
            $( $name = $key, )*
        }

        impl ApiKey {
            pub const ALL: &[ApiKey] = &[$( ApiKey::$name, )*];

            pub fn from_code(code: i16) -> Option<ApiKey> {
                match code {
                    $( $key => Some(ApiKey::$name), )*
                    _ => None,
                }
            }

            pub const fn name(self) -> &'static str {
                match self {
                    $( ApiKey::$name => stringify!($name), )*
                }
            }
        }
    };
}

api_keys! {
    Produce = 0;
    Fetch = 1;
    ListOffsets = 2;
    Metadata = 3;
    LeaderAndIsr = 4;
    StopReplica = 5;
    UpdateMetadata = 6;
    ControlledShutdown = 7;
    OffsetCommit = 8;
    OffsetFetch = 9;
    FindCoordinator = 10;
    JoinGroup = 11;
    Heartbeat = 12;
    LeaveGroup = 13;
    SyncGroup = 14;
    DescribeGroups = 15;
    ListGroups = 16;
    SaslHandshake = 17;
    ApiVersions = 18;
    CreateTopics = 19;
    DeleteTopics = 20;
    DeleteRecords = 21;
    InitProducerId = 22;
    OffsetForLeaderEpoch = 23;
    AddPartitionsToTxn = 24;
    AddOffsetsToTxn = 25;
    EndTxn = 26;
    WriteTxnMarkers = 27;
    TxnOffsetCommit = 28;
    DescribeAcls = 29;
    CreateAcls = 30;
    DeleteAcls = 31;
    DescribeConfigs = 32;
    AlterConfigs = 33;
    AlterReplicaLogDirs = 34;
    DescribeLogDirs = 35;
    SaslAuthenticate = 36;
    CreatePartitions = 37;
    CreateDelegationToken = 38;
    RenewDelegationToken = 39;
    ExpireDelegationToken = 40;
    DescribeDelegationToken = 41;
    DeleteGroups = 42;
    ElectLeaders = 43;
    IncrementalAlterConfigs = 44;
    AlterPartitionReassignments = 45;
    ListPartitionReassignments = 46;
    OffsetDelete = 47;
    DescribeClientQuotas = 48;
    AlterClientQuotas = 49;
    DescribeUserScramCredentials = 50;
    AlterUserScramCredentials = 51;
    Vote = 52;
    BeginQuorumEpoch = 53;
    EndQuorumEpoch = 54;
    DescribeQuorum = 55;
    AlterPartition = 56;
    UpdateFeatures = 57;
    Envelope = 58;
    FetchSnapshot = 59;
    DescribeCluster = 60;
    DescribeProducers = 61;
    BrokerRegistration = 62;
    BrokerHeartbeat = 63;
    UnregisterBroker = 64;
    DescribeTransactions = 65;
    ListTransactions = 66;
    AllocateProducerIds = 67;
    ConsumerGroupHeartbeat = 68;
    ConsumerGroupDescribe = 69;
    ControllerRegistration = 70;
    GetTelemetrySubscriptions = 71;
    PushTelemetry = 72;
    AssignReplicasToDirs = 73;
    ListConfigResources = 74;
    DescribeTopicPartitions = 75;
    ShareGroupHeartbeat = 76;
    ShareGroupDescribe = 77;
    ShareFetch = 78;
    ShareAcknowledge = 79;
    AddRaftVoter = 80;
    RemoveRaftVoter = 81;
    UpdateRaftVoter = 82;
    InitializeShareGroupState = 83;
    ReadShareGroupState = 84;
    WriteShareGroupState = 85;
    DeleteShareGroupState = 86;
    ReadShareGroupStateSummary = 87;
    StreamsGroupHeartbeat = 88;
    StreamsGroupDescribe = 89;
    DescribeShareGroupOffsets = 90;
    AlterShareGroupOffsets = 91;
    DeleteShareGroupOffsets = 92;
}

impl ApiKey {
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The API's row in the table, if it is served.
    pub fn served(self) -> Option<&'static Api> {
        SERVED
            .binary_search_by_key(&self, |api| api.key)
            .ok()
            .and_then(|row| SERVED.get(row))
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One served API.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    pub key: ApiKey,
    /// The oldest version that ApiVersions tells of; it may be older than what can be parsed (Produce).
    pub advertised_from: i16,
    /// The oldest version that can be parsed.
    pub min_version: i16,
    pub max_version: i16,
    /// The first version with compact lengths and tagged fields; `i16::MAX` if there is none.
    pub flexible_from: i16,
}

impl Api {
    pub fn versions(&self) -> RangeInclusive<i16> {
        self.min_version..=self.max_version
    }

    pub fn can_parse(&self, version: i16) -> bool {
        self.versions().contains(&version)
    }

    pub const fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_from
    }

    pub const fn request_header_version(&self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// ApiVersions is answered with header v0 in every version: its client does not yet know what we speak (KIP-511).
    pub const fn response_header_version(&self, version: i16) -> i16 {
        match self.key {
            ApiKey::ApiVersions => 0,
            _ if self.is_flexible(version) => 1,
            _ => 0,
        }
    }
}

const fn served(
    key: ApiKey,
    advertised_from: i16,
    min_version: i16,
    max_version: i16,
    flexible_from: i16,
) -> Api {
    Api {
        key,
        advertised_from,
        min_version,
        max_version,
        flexible_from,
    }
}

/// The served APIs by key, as Apache Kafka 4.3.1 has them: advertised from, parsed from, to, flexible from.
///
/// Produce is advertised from version 0, which is refused, because older librdkafka takes its absence for a broker that
/// cannot compress.
pub const SERVED: &[Api] = &[
    served(ApiKey::Produce, 0, 3, 13, 9),
    served(ApiKey::Fetch, 4, 4, 18, 12),
    served(ApiKey::ListOffsets, 1, 1, 11, 6),
    served(ApiKey::Metadata, 0, 0, 13, 9),
    served(ApiKey::OffsetCommit, 2, 2, 10, 8),
    served(ApiKey::OffsetFetch, 1, 1, 10, 6),
    served(ApiKey::FindCoordinator, 0, 0, 6, 3),
    served(ApiKey::JoinGroup, 0, 0, 9, 6),
    served(ApiKey::Heartbeat, 0, 0, 4, 4),
    served(ApiKey::LeaveGroup, 0, 0, 5, 4),
    served(ApiKey::SyncGroup, 0, 0, 5, 4),
    served(ApiKey::DescribeGroups, 0, 0, 6, 5),
    served(ApiKey::ListGroups, 0, 0, 5, 3),
    served(ApiKey::ApiVersions, 0, 0, 4, 3),
    served(ApiKey::CreateTopics, 2, 2, 7, 5),
    served(ApiKey::DeleteTopics, 1, 1, 6, 4),
    served(ApiKey::DeleteRecords, 0, 0, 2, 2),
    served(ApiKey::InitProducerId, 0, 0, 5, 2),
    served(ApiKey::OffsetForLeaderEpoch, 2, 2, 4, 4),
    served(ApiKey::DescribeConfigs, 1, 1, 4, 4),
    served(ApiKey::AlterConfigs, 0, 0, 2, 2),
    served(ApiKey::DescribeLogDirs, 1, 1, 5, 2),
    served(ApiKey::CreatePartitions, 0, 0, 3, 2),
    served(ApiKey::DeleteGroups, 0, 0, 2, 2),
    served(ApiKey::ElectLeaders, 0, 0, 2, 2),
    served(ApiKey::IncrementalAlterConfigs, 0, 0, 1, 1),
    served(ApiKey::AlterPartitionReassignments, 0, 0, 1, 0),
    served(ApiKey::ListPartitionReassignments, 0, 0, 0, 0),
    served(ApiKey::OffsetDelete, 0, 0, 0, i16::MAX),
    served(ApiKey::DescribeQuorum, 0, 0, 2, 0),
    served(ApiKey::UpdateFeatures, 0, 0, 2, 0),
    served(ApiKey::DescribeCluster, 0, 0, 2, 0),
    served(ApiKey::DescribeProducers, 0, 0, 0, 0),
    served(ApiKey::UnregisterBroker, 0, 0, 0, 0),
    served(ApiKey::ListConfigResources, 0, 0, 1, 0),
    served(ApiKey::DescribeTopicPartitions, 0, 0, 0, 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_consistent() {
        assert!(SERVED.is_sorted_by(|a, b| a.key < b.key));
        for api in SERVED {
            assert_eq!(ApiKey::from_code(api.key.code()), Some(api.key));
            assert_eq!(api.key.served().map(|found| found.key), Some(api.key));
            assert!(api.advertised_from <= api.min_version && api.min_version <= api.max_version);
        }
        assert!(ApiKey::Vote.served().is_none());
        assert_eq!(ApiKey::from_code(-1), None);
    }

    #[test]
    fn api_versions_is_answered_with_header_zero() {
        let api = ApiKey::ApiVersions.served().unwrap();
        assert_eq!(api.request_header_version(4), 2);
        assert!(
            api.versions()
                .all(|version| api.response_header_version(version) == 0)
        );
    }
}
