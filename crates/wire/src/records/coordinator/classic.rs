//! Committed offsets and classic groups.

use bytes::Bytes;
use uuid::Uuid;

use crate::codec::message;

message! {
    /// Whose offset it is.
    pub struct OffsetCommitKey: 0..=0 {
        group: String,
        topic: String,
        partition: i32,
    }

    /// A committed offset. Kafka writes version 1 if it expires at a time of its own, else the newest.
    pub struct OffsetCommitValue: 0..=4, flexible 4 {
        offset: i64,
        leader_epoch: i32 [3.., ignorable] = -1,
        metadata: String,
        commit_timestamp: i64,
        expire_timestamp: i64 [1..=1, ignorable] = -1,
        topic_id: Uuid [4.., tag 0, ignorable],
    }

    /// The key of version 0, before Kafka 0.9.
    pub struct LegacyOffsetCommitKey: 0..=0 {
        group: String,
        topic: String,
        partition: i32,
    }

    /// The value of version 0.
    pub struct LegacyOffsetCommitValue: 0..=0 {
        offset: i64,
        metadata: String,
        commit_timestamp: i64,
    }

    /// Which classic group it is.
    pub struct GroupMetadataKey: 0..=0 {
        group: String,
    }

    /// A classic group's generation and members.
    pub struct GroupMetadataValue: 0..=4, flexible 4 {
        protocol_type: String,
        generation: i32,
        protocol: Option<String> [null],
        leader: Option<String> [null],
        current_state_timestamp: i64 [2.., ignorable] = -1,
        members: Vec<MemberMetadata>,
    }

    pub struct MemberMetadata {
        member_id: String,
        group_instance_id: Option<String> [3.., null, ignorable],
        client_id: String,
        client_host: String,
        rebalance_timeout: i32 [1.., ignorable] = -1,
        session_timeout: i32,
        subscription: Bytes,
        assignment: Bytes,
    }
}
