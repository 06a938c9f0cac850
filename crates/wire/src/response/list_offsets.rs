//! The answer to a ListOffsets.

use crate::codec::message;

message! {
    pub struct ListOffsetsResponse: 1..=11, flexible 6 {
        throttle_time_ms: i32 [2.., ignorable],
        topics: Vec<ListOffsetsTopicResponse>,
    }

    pub struct ListOffsetsTopicResponse {
        name: String,
        partitions: Vec<ListOffsetsPartitionResponse>,
    }

    pub struct ListOffsetsPartitionResponse {
        partition_index: i32,
        error_code: i16,
        timestamp: i64 = -1,
        offset: i64 = -1,
        leader_epoch: i32 [4.., ignorable] = -1,
    }
}
