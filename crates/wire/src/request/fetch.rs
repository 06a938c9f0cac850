//! Fetch. Since version 7 in sessions (KIP-227), since 13 by topic id (KIP-516); followers say who they are in a tag since 15.

use uuid::Uuid;

use crate::codec::message;

message! {
    /// In a session only what changed is named, and what is forgotten (KIP-227).
    pub struct FetchRequest: 4..=18, flexible 12 {
        replica_id: i32 [..=14] = -1,
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        isolation_level: i8,
        session_id: i32 [7.., ignorable],
        session_epoch: i32 [7.., ignorable] = -1,
        topics: Vec<FetchTopic>,
        forgotten_topics_data: Vec<ForgottenTopic> [7..],
        rack_id: String [11.., ignorable],
        cluster_id: Option<String> [12.., null, tag 0, ignorable],
        replica_state: ReplicaState [15.., tag 1],
    }

    pub struct FetchTopic {
        topic: String [..=12, ignorable],
        topic_id: Uuid [13.., ignorable],
        partitions: Vec<FetchPartition>,
    }

    pub struct ForgottenTopic {
        topic: String [..=12, ignorable],
        topic_id: Uuid [13.., ignorable],
        partitions: Vec<i32>,
    }

    /// Who fetches, if a follower does; before version 15 `replica_id` said it.
    pub struct ReplicaState {
        replica_id: i32 = -1,
        replica_epoch: i64 = -1,
    }

    /// `current_leader_epoch` fences (KIP-320), `last_fetched_epoch` finds where the logs diverged (KIP-595).
    pub struct FetchPartition {
        partition: i32,
        current_leader_epoch: i32 [9.., ignorable] = -1,
        fetch_offset: i64,
        last_fetched_epoch: i32 [12..] = -1,
        log_start_offset: i64 [5.., ignorable] = -1,
        partition_max_bytes: i32,
        replica_directory_id: Uuid [17.., tag 0, ignorable],
        high_watermark: i64 [18.., tag 1, ignorable] = i64::MAX,
    }
}
