//! A partition's log on disk, in Kafka's directory layout and file formats, byte for byte.
//!
//! Synchronous: every call that can touch the disk may block. Knows batches and offsets, not
//! topics or requests.
//!
//! Invariants: a byte once published is never overwritten in place; nothing at or beyond the
//! published log end is shown; the durable end never passes what an fsync covered.

mod config;
mod limits;
mod types;

pub use config::{Durability, LogConfig};
pub use types::{
    ActiveProducer, AppendArgs, AppendError, Appended, Origin, Payload, ReadError,
    TimestampedOffset,
};
