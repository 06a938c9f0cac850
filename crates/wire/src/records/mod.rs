//! The records that Kafka stores about itself, with its schemas and framing: keys and values of log records as bytes.

pub mod control;
pub mod coordinator;
pub mod metadata;
