//! Share groups (KIP-932): membership, in `__consumer_offsets`.

use uuid::Uuid;

use crate::codec::message;

message! {
    pub struct ShareGroupMetadataKey: 0..=0 {
        group_id: String,
    }

    pub struct ShareGroupMetadataValue: 0..=0, flexible 0 {
        epoch: i32,
        metadata_hash: i64,
    }

    pub struct ShareGroupMemberMetadataKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct ShareGroupMemberMetadataValue: 0..=0, flexible 0 {
        rack_id: Option<String> [null],
        client_id: String,
        client_host: String,
        subscribed_topic_names: Vec<String>,
    }

    pub struct ShareGroupTargetAssignmentMetadataKey: 0..=0 {
        group_id: String,
    }

    pub struct ShareGroupTargetAssignmentMetadataValue: 0..=0, flexible 0 {
        assignment_epoch: i32,
        assignment_timestamp: i64 [tag 0],
    }

    pub struct ShareGroupTargetAssignmentMemberKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct ShareGroupTargetAssignmentMemberValue: 0..=0, flexible 0 {
        topic_partitions: Vec<ShareTargetTopicPartitions>,
    }

    pub struct ShareTargetTopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    pub struct ShareGroupCurrentMemberAssignmentKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct ShareGroupCurrentMemberAssignmentValue: 0..=0, flexible 0 {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        assigned_partitions: Vec<ShareAssignedTopicPartitions>,
    }

    pub struct ShareAssignedTopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    pub struct ShareGroupStatePartitionMetadataKey: 0..=0 {
        group_id: String,
    }

    pub struct ShareGroupStatePartitionMetadataValue: 0..=0, flexible 0 {
        initializing_topics: Vec<ShareTopicPartitionsInfo>,
        initialized_topics: Vec<ShareTopicPartitionsInfo>,
        deleting_topics: Vec<ShareTopicInfo>,
    }

    pub struct ShareTopicPartitionsInfo {
        topic_id: Uuid,
        topic_name: String,
        partitions: Vec<i32>,
    }

    pub struct ShareTopicInfo {
        topic_id: Uuid,
        topic_name: String,
    }
}
