//! What administers brokers and replicas: DescribeLogDirs, DescribeQuorum, UpdateFeatures, UnregisterBroker, ElectLeaders and the
//! reassignment of partitions (KIP-455).

use crate::codec::message;

message! {
    /// Null topics are all topics.
    pub struct DescribeLogDirsRequest: 1..=5, flexible 2 {
        topics: Option<Vec<DescribableLogDirTopic>> [null],
    }

    pub struct DescribableLogDirTopic {
        topic: String,
        partitions: Vec<i32>,
    }

    pub struct DescribeQuorumRequest: 0..=2, flexible 0 {
        topics: Vec<DescribeQuorumTopic>,
    }

    pub struct DescribeQuorumTopic {
        topic_name: String,
        partitions: Vec<DescribeQuorumPartition>,
    }

    pub struct DescribeQuorumPartition {
        partition_index: i32,
    }

    pub struct UpdateFeaturesRequest: 0..=2, flexible 0 {
        timeout_ms: i32 = 60000,
        feature_updates: Vec<FeatureUpdateKey>,
        validate_only: bool [1..],
    }

    /// Upgrade types are 1 upgrade, 2 safe downgrade, 3 unsafe downgrade. Level 0 or less removes the feature.
    pub struct FeatureUpdateKey {
        feature: String,
        max_version_level: i16,
        allow_downgrade: bool [..=0],
        upgrade_type: i8 [1..] = 1,
    }

    pub struct UnregisterBrokerRequest: 0..=0, flexible 0 {
        broker_id: i32,
    }

    /// Election type 0 is preferred, 1 unclean. Null partitions are all.
    pub struct ElectLeadersRequest: 0..=2, flexible 2 {
        election_type: i8 [1..],
        topic_partitions: Option<Vec<ElectLeadersTopicPartitions>> [null],
        timeout_ms: i32 = 60000,
    }

    pub struct ElectLeadersTopicPartitions {
        topic: String,
        partitions: Vec<i32>,
    }

    pub struct AlterPartitionReassignmentsRequest: 0..=1, flexible 0 {
        timeout_ms: i32 = 60000,
        allow_replication_factor_change: bool [1..] = true,
        topics: Vec<ReassignableTopic>,
    }

    pub struct ReassignableTopic {
        name: String,
        partitions: Vec<ReassignablePartition>,
    }

    /// Null replicas cancel a reassignment.
    pub struct ReassignablePartition {
        partition_index: i32,
        replicas: Option<Vec<i32>> [null],
    }

    /// Null topics are all topics.
    pub struct ListPartitionReassignmentsRequest: 0..=0, flexible 0 {
        timeout_ms: i32 = 60000,
        topics: Option<Vec<ListPartitionReassignmentsTopics>> [null],
    }

    pub struct ListPartitionReassignmentsTopics {
        name: String,
        partition_indexes: Vec<i32>,
    }
}
