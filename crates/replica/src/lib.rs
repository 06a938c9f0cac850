//! One partition as it is served: leadership, high watermark, the requests that wait on it, and the flusher that makes
//! its log durable. No sockets and no request types.
//!
//! Invariant: nothing is acknowledged before it is as durable as was asked for, and nothing above the high watermark is
//! shown to a consumer.

mod flusher;
mod leader;
mod vital;
mod waiters;

pub use flusher::Flusher;
pub use leader::{AppendError, LeadershipError, Partition, Read, ReadError};
pub use vital::Vital;
pub use waiters::{Cause, Waiter};
