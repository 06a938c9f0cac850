//! One append and one read beneath every protocol front, and what handlers share beside them. Speaks partitions, batches
//! and acks, never a Kafka request.

pub(crate) mod append;
pub(crate) mod auto_create;
pub(crate) mod operations;
pub(crate) mod producer_ids;
pub(crate) mod read;
