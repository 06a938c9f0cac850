//! Topics and their partitions.

use uuid::Uuid;

use crate::codec::message;

message! {
    /// A topic comes into being; its partitions follow.
    pub struct TopicRecord: 0..=0, flexible 0 {
        name: String,
        topic_id: Uuid,
    }

    /// A topic and all that belongs to it goes.
    pub struct RemoveTopicRecord: 0..=0, flexible 0 {
        topic_id: Uuid,
    }

    /// A partition's whole state.
    pub struct PartitionRecord: 0..=2, flexible 0 {
        partition_id: i32 = -1,
        topic_id: Uuid,
        replicas: Vec<i32>,
        isr: Vec<i32>,
        removing_replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        leader: i32 = -1,
        leader_epoch: i32 = -1,
        partition_epoch: i32 = -1,
        directories: Vec<Uuid> [1..],
        leader_recovery_state: i8 [tag 0],
        eligible_leader_replicas: Option<Vec<i32>> [2.., null, tag 1],
        last_known_elr: Option<Vec<i32>> [2.., null, tag 2],
    }

    /// Changes part of a partition; what holds its default stays as it is. A leader of -2 means no change, -1 none.
    pub struct PartitionChangeRecord: 0..=2, flexible 0 {
        partition_id: i32 = -1,
        topic_id: Uuid,
        isr: Option<Vec<i32>> [null, tag 0],
        leader: i32 [tag 1] = -2,
        replicas: Option<Vec<i32>> [null, tag 2],
        removing_replicas: Option<Vec<i32>> [null, tag 3],
        adding_replicas: Option<Vec<i32>> [null, tag 4],
        leader_recovery_state: i8 [tag 5] = -1,
        eligible_leader_replicas: Option<Vec<i32>> [2.., null, tag 6],
        last_known_elr: Option<Vec<i32>> [2.., null, tag 7],
        directories: Option<Vec<Uuid>> [1.., null, tag 8],
    }

    /// Empties the eligible leader replicas of a topic, or of all topics if its name is empty (KIP-966).
    pub struct ClearElrRecord: 0..=0, flexible 0 {
        topic_name: String,
    }
}
