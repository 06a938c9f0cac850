//! The delivery state of share partitions, in `__share_group_state`.

use uuid::Uuid;

use crate::codec::message;

message! {
    pub struct ShareSnapshotKey: 0..=0 {
        group_id: String,
        topic_id: Uuid,
        partition: i32,
    }

    pub struct ShareSnapshotValue: 0..=0, flexible 0 {
        snapshot_epoch: i32,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        create_timestamp: i64,
        write_timestamp: i64,
        state_batches: Vec<StateBatch>,
        delivery_complete_count: i32 [tag 0] = -1,
    }

    pub struct StateBatch {
        first_offset: i64,
        last_offset: i64,
        delivery_state: i8,
        delivery_count: i16,
    }

    pub struct ShareUpdateKey: 0..=0 {
        group_id: String,
        topic_id: Uuid,
        partition: i32,
    }

    pub struct ShareUpdateValue: 0..=0, flexible 0 {
        snapshot_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        state_batches: Vec<UpdatedStateBatch>,
        delivery_complete_count: i32 [tag 0] = -1,
    }

    pub struct UpdatedStateBatch {
        first_offset: i64,
        last_offset: i64,
        delivery_state: i8,
        delivery_count: i16,
    }
}
