//! Groups of the consumer protocol (KIP-848).

use bytes::Bytes;
use uuid::Uuid;

use crate::codec::message;

message! {
    /// A group and its epoch.
    pub struct ConsumerGroupMetadataKey: 0..=0 {
        group_id: String,
    }

    pub struct ConsumerGroupMetadataValue: 0..=0, flexible 0 {
        epoch: i32,
        metadata_hash: i64 [tag 0],
    }

    pub struct ConsumerGroupPartitionMetadataKey: 0..=0 {
        group_id: String,
    }

    /// Only read: Kafka 4 no longer writes it.
    pub struct ConsumerGroupPartitionMetadataValue: 0..=0, flexible 0 {
        topics: Vec<TopicMetadata>,
    }

    pub struct TopicMetadata {
        topic_id: Uuid,
        topic_name: String,
        num_partitions: i32,
        partition_metadata: Vec<PartitionMetadata>,
    }

    pub struct PartitionMetadata {
        partition: i32,
        racks: Vec<String>,
    }

    /// A member and what it subscribes to.
    pub struct ConsumerGroupMemberMetadataKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct ConsumerGroupMemberMetadataValue: 0..=0, flexible 0 {
        instance_id: Option<String> [null],
        rack_id: Option<String> [null],
        client_id: String,
        client_host: String,
        subscribed_topic_names: Vec<String>,
        subscribed_topic_regex: Option<String> [null],
        rebalance_timeout_ms: i32 = -1,
        server_assignor: Option<String> [null],
        classic_member_metadata: Option<ClassicMemberMetadata> [null, tag 0] = Some(Default::default()),
    }

    pub struct ClassicMemberMetadata {
        session_timeout_ms: i32,
        supported_protocols: Vec<ClassicProtocol>,
    }

    pub struct ClassicProtocol {
        name: String,
        metadata: Bytes,
    }

    /// The epoch of the target assignment.
    pub struct ConsumerGroupTargetAssignmentMetadataKey: 0..=0 {
        group_id: String,
    }

    pub struct ConsumerGroupTargetAssignmentMetadataValue: 0..=0, flexible 0 {
        assignment_epoch: i32,
        assignment_timestamp: i64 [tag 0],
    }

    /// What a member shall have.
    pub struct ConsumerGroupTargetAssignmentMemberKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct ConsumerGroupTargetAssignmentMemberValue: 0..=0, flexible 0 {
        topic_partitions: Vec<TargetTopicPartitions>,
    }

    pub struct TargetTopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    /// What a member has.
    pub struct ConsumerGroupCurrentMemberAssignmentKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct ConsumerGroupCurrentMemberAssignmentValue: 0..=0, flexible 0 {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        assigned_partitions: Vec<AssignedTopicPartitions>,
        partitions_pending_revocation: Vec<AssignedTopicPartitions>,
    }

    pub struct AssignedTopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
        assignment_epochs: Option<Vec<i32>> [null, tag 0] = Some(Default::default()),
    }

    /// What a regular expression resolved to.
    pub struct ConsumerGroupRegularExpressionKey: 0..=0 {
        group_id: String,
        regular_expression: String,
    }

    pub struct ConsumerGroupRegularExpressionValue: 0..=0, flexible 0 {
        topics: Vec<String>,
        version: i64,
        timestamp: i64,
    }
}
