//! One partition as it is served: leadership, high watermark, the requests that wait on it, and the disk beneath
//! its log directory with the threads that wait for it. No sockets and no request types.
//!
//! Invariant: nothing is acknowledged before it is as durable as was asked for, and nothing above the high watermark is
//! shown to a consumer.

mod disk;
mod flusher;
mod leader;
mod leadership;
mod primitives;
mod vital;
mod waiters;
mod writer;

pub use disk::Disk;
pub use leader::{AppendError, Partition};
pub use leadership::LeadershipError;
pub use vital::Vital;
pub use waiters::{Cause, Waiter};
