//! Metadata, DescribeTopicPartitions (KIP-966) and DescribeCluster (KIP-700).

use uuid::Uuid;

use crate::codec::message;

message! {
    /// Null topics are all topics; in version 0 an empty list is.
    pub struct MetadataRequest: 0..=13, flexible 9 {
        topics: Option<Vec<MetadataRequestTopic>> [null 1..],
        allow_auto_topic_creation: bool [4..] = true,
        include_cluster_authorized_operations: bool [8..=10],
        include_topic_authorized_operations: bool [8..],
    }

    /// By id, or by name if the id is zero.
    pub struct MetadataRequestTopic {
        topic_id: Uuid [10.., ignorable],
        name: Option<String> [null 10..],
    }

    /// A page of topics by name, from the cursor on.
    pub struct DescribeTopicPartitionsRequest: 0..=0, flexible 0 {
        topics: Vec<DescribeTopicPartitionsRequestTopic>,
        response_partition_limit: i32 = 2000,
        cursor: Option<Cursor> [null],
    }

    pub struct DescribeTopicPartitionsRequestTopic {
        name: String,
    }

    pub struct Cursor {
        topic_name: String,
        partition_index: i32,
    }

    /// Endpoint type 1 asks for brokers, 2 for controllers (KIP-919).
    pub struct DescribeClusterRequest: 0..=2, flexible 0 {
        include_cluster_authorized_operations: bool,
        endpoint_type: i8 [1..] = 1,
        include_fenced_brokers: bool [2..],
    }
}
