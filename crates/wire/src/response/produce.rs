//! The answer to a Produce, declared here because it is written for every batch.

use uuid::Uuid;

use crate::codec::message;

message! {
    pub struct ProduceResponse: 3..=13, flexible 9 {
        responses: Vec<TopicProduceResponse>,
        throttle_time_ms: i32,
        /// Where the leaders named in `current_leader` are (KIP-951).
        node_endpoints: Vec<NodeEndpoint> [10.., tag 0, ignorable],
    }

    pub struct TopicProduceResponse {
        name: String [..=12, ignorable],
        topic_id: Uuid [13.., ignorable],
        partition_responses: Vec<PartitionProduceResponse>,
    }

    pub struct PartitionProduceResponse {
        index: i32,
        error_code: i16,
        base_offset: i64,
        /// -1 unless the topic has LogAppendTime.
        log_append_time_ms: i64 = -1,
        log_start_offset: i64 [5.., ignorable] = -1,
        /// Which records of the batch were refused (KIP-467).
        record_errors: Vec<BatchIndexAndErrorMessage> [8.., ignorable],
        error_message: Option<String> [8.., null, ignorable],
        /// Set with NOT_LEADER_OR_FOLLOWER (KIP-951).
        current_leader: LeaderIdAndEpoch [10.., tag 0, ignorable],
    }

    pub struct BatchIndexAndErrorMessage {
        batch_index: i32,
        batch_index_error_message: Option<String> [null],
    }

    pub struct LeaderIdAndEpoch {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }

    pub struct NodeEndpoint {
        node_id: i32,
        host: String,
        port: i32,
        rack: Option<String> [null],
    }
}
