//! Transactions, in `__transaction_state`.

use crate::codec::message;

message! {
    pub struct TransactionLogKey: 0..=0 {
        transactional_id: String,
    }

    pub struct TransactionLogValue: 0..=1, flexible 1 {
        producer_id: i64,
        producer_epoch: i16,
        transaction_timeout_ms: i32,
        transaction_status: i8,
        transaction_partitions: Option<Vec<TransactionPartitions>> [null],
        transaction_last_update_timestamp_ms: i64,
        transaction_start_timestamp_ms: i64,
        previous_producer_id: i64 [1.., tag 0] = -1,
        next_producer_id: i64 [1.., tag 1] = -1,
        client_transaction_version: i16 [1.., tag 2],
        next_producer_epoch: i16 [1.., tag 3] = -1,
    }

    pub struct TransactionPartitions {
        topic: String,
        partition_ids: Vec<i32>,
    }
}
