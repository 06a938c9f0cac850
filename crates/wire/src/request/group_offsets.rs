//! The offsets of groups: OffsetCommit, OffsetFetch and OffsetDelete.

use uuid::Uuid;

use crate::codec::message;

message! {
    /// A generation of -1 and no member commits for a consumer without a group's protocol. Topics by id since version 10.
    pub struct OffsetCommitRequest: 2..=10, flexible 8 {
        group_id: String,
        generation_id_or_member_epoch: i32 = -1,
        member_id: String,
        group_instance_id: Option<String> [7.., null],
        retention_time_ms: i64 [..=4, ignorable] = -1,
        topics: Vec<OffsetCommitRequestTopic>,
    }

    pub struct OffsetCommitRequestTopic {
        name: String [..=9, ignorable],
        topic_id: Uuid [10.., ignorable],
        partitions: Vec<OffsetCommitRequestPartition>,
    }

    pub struct OffsetCommitRequestPartition {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 [6.., ignorable] = -1,
        committed_metadata: Option<String> [null],
    }

    /// One group until version 7, many since version 8 (KIP-709). Null topics are all topics.
    pub struct OffsetFetchRequest: 1..=10, flexible 6 {
        group_id: String [..=7],
        topics: Option<Vec<OffsetFetchRequestTopic>> [..=7, null 2..] = Some(Default::default()),
        groups: Vec<OffsetFetchRequestGroup> [8..],
        require_stable: bool [7..],
    }

    pub struct OffsetFetchRequestTopic {
        name: String,
        partition_indexes: Vec<i32>,
    }

    pub struct OffsetFetchRequestGroup {
        group_id: String,
        member_id: Option<String> [9.., null, ignorable],
        member_epoch: i32 [9.., ignorable] = -1,
        topics: Option<Vec<OffsetFetchRequestTopics>> [null],
    }

    pub struct OffsetFetchRequestTopics {
        name: String [..=9, ignorable],
        topic_id: Uuid [10.., ignorable],
        partition_indexes: Vec<i32>,
    }

    pub struct OffsetDeleteRequest: 0..=0 {
        group_id: String,
        topics: Vec<OffsetDeleteRequestTopic>,
    }

    pub struct OffsetDeleteRequestTopic {
        name: String,
        partitions: Vec<OffsetDeleteRequestPartition>,
    }

    pub struct OffsetDeleteRequestPartition {
        partition_index: i32,
    }
}
