//! ListOffsets, and OffsetForLeaderEpoch, which finds where a leader epoch ended (KIP-101, KIP-320).

use crate::codec::message;

message! {
    pub struct ListOffsetsRequest: 1..=11, flexible 6 {
        replica_id: i32,
        isolation_level: i8 [2..],
        topics: Vec<ListOffsetsTopic>,
        timeout_ms: i32 [10.., ignorable],
    }

    pub struct ListOffsetsTopic {
        name: String,
        partitions: Vec<ListOffsetsPartition>,
    }

    /// A timestamp in milliseconds, or one of the negative ones with a meaning of its own (earliest, latest, …).
    pub struct ListOffsetsPartition {
        partition_index: i32,
        current_leader_epoch: i32 [4.., ignorable] = -1,
        timestamp: i64,
    }

    pub struct OffsetForLeaderEpochRequest: 2..=4, flexible 4 {
        replica_id: i32 [3.., ignorable] = -2,
        topics: Vec<OffsetForLeaderTopic>,
    }

    pub struct OffsetForLeaderTopic {
        topic: String,
        partitions: Vec<OffsetForLeaderPartition>,
    }

    /// `leader_epoch` is the epoch whose end is asked for, `current_leader_epoch` fences.
    pub struct OffsetForLeaderPartition {
        partition: i32,
        current_leader_epoch: i32 = -1,
        leader_epoch: i32,
    }
}
