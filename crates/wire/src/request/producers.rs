//! InitProducerId and DescribeProducers (KIP-664).

use crate::codec::message;

message! {
    /// A null transactional id asks for an idempotent producer's id. With an id and epoch of its own it asks for the next epoch (KIP-360).
    pub struct InitProducerIdRequest: 0..=5, flexible 2 {
        transactional_id: Option<String> [null],
        transaction_timeout_ms: i32,
        producer_id: i64 [3..] = -1,
        producer_epoch: i16 [3..] = -1,
    }

    pub struct DescribeProducersRequest: 0..=0, flexible 0 {
        topics: Vec<DescribeProducersTopic>,
    }

    pub struct DescribeProducersTopic {
        name: String,
        partition_indexes: Vec<i32>,
    }
}
