//! The client side of the Kafka protocol: one connection, and a cluster of them.
//!
//! [`Connection`] is one socket to one broker: version negotiation, correlation, pipelining, a
//! timeout per request and a bound on every answer. [`Cluster`] finds brokers, leaders and
//! coordinators from a few bootstrap addresses. [`GroupMember`] is a member of a classic consumer
//! group. Requests and responses are `kafka-protocol`'s types; what a server says inside them is
//! turned into a [`Refusal`] by [`check`].
//!
//! Invariant: no answer makes a client hold more than [`ConnectOptions::max_response_bytes`], and
//! a request that has been given up never shifts the answers of those behind it.

mod cluster;
mod connection;
mod error;
mod frame;
mod group;
mod metadata;
mod offsets;

pub use cluster::Cluster;
pub use connection::{ConnectOptions, Connection};
pub use error::{ClientError, Refusal, check, kafka_name};
pub use group::{Assignment, GroupMember, GroupOptions, ends_generation};
pub use metadata::{Broker, Metadata, Partition, Topic, TopicFilter};
pub use offsets::{
    EARLIEST, Isolation, LATEST, TopicPartition, commit_offsets, committed_offsets, list_offsets,
};
