//! CreateTopics, DeleteTopics, CreatePartitions and DeleteRecords.

use uuid::Uuid;

use crate::codec::message;

message! {
    pub struct CreateTopicsRequest: 2..=7, flexible 5 {
        topics: Vec<CreatableTopic>,
        timeout_ms: i32 = 60000,
        validate_only: bool,
    }

    /// -1 for partitions or replication factor takes the broker's default (KIP-464); both are -1 with assignments.
    pub struct CreatableTopic {
        name: String,
        num_partitions: i32,
        replication_factor: i16,
        assignments: Vec<CreatableReplicaAssignment>,
        configs: Vec<CreatableTopicConfig>,
    }

    pub struct CreatableReplicaAssignment {
        partition_index: i32,
        broker_ids: Vec<i32>,
    }

    pub struct CreatableTopicConfig {
        name: String,
        value: Option<String> [null],
    }

    /// By name, and since version 6 by name or id.
    pub struct DeleteTopicsRequest: 1..=6, flexible 4 {
        topics: Vec<DeleteTopicState> [6..],
        topic_names: Vec<String> [..=5, ignorable],
        timeout_ms: i32,
    }

    pub struct DeleteTopicState {
        name: Option<String> [null],
        topic_id: Uuid,
    }

    pub struct CreatePartitionsRequest: 0..=3, flexible 2 {
        topics: Vec<CreatePartitionsTopic>,
        timeout_ms: i32,
        validate_only: bool,
    }

    /// `count` is the number of partitions to have, not to add.
    pub struct CreatePartitionsTopic {
        name: String,
        count: i32,
        assignments: Option<Vec<CreatePartitionsAssignment>> [null],
    }

    pub struct CreatePartitionsAssignment {
        broker_ids: Vec<i32>,
    }

    pub struct DeleteRecordsRequest: 0..=2, flexible 2 {
        topics: Vec<DeleteRecordsTopic>,
        timeout_ms: i32,
    }

    pub struct DeleteRecordsTopic {
        name: String,
        partitions: Vec<DeleteRecordsPartition>,
    }

    /// What lies before `offset` goes; -1 is the high watermark.
    pub struct DeleteRecordsPartition {
        partition_index: i32,
        offset: i64,
    }
}
