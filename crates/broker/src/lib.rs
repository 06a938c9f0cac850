//! The broker: sockets, request handlers, and what ties logs, controller and coordinators together.
//!
//! Invariant: nothing asynchronous waits for a disk; what must, runs on a thread of its own.

mod api;
mod applier;
mod broker;
mod clock;
mod controller;
mod coordinator;
mod errors;
mod internal_topics;
mod limits;
mod log_levels;
mod log_limit;
mod logs;
mod maintenance;
mod net;
mod ops;
mod parked;
mod runtime;
mod scrubber;
mod start;
mod topics;

pub use log_levels::{LogLevels, SetFilter};
#[doc(hidden)]
pub use net::read_frames;
pub use start::{Ready, RunError, run};
