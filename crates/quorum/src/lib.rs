//! The quorum that agrees on cluster metadata: Raft over one log in Kafka's format.
//!
//! `propose` has records agreed upon; an `Observer` follows what was agreed, and need not know by
//! whom. The metadata log, its checkpoints and `quorum-state` are Kafka's, so its tools read them.
//!
//! Invariants: what is acknowledged is fsynced; a proposal takes effect in the epoch that it was
//! decided in or not at all; no other crate names the Raft library.

mod batch;
mod checkpoint;
mod damage;
mod disk;
mod disk_error;
mod file;
mod full_disk;
mod log_store;
mod network;
mod observer;
mod positions;
mod quorum;
mod quorum_state;
#[cfg(test)]
mod room_tests;
mod sidecar;
mod state_machine;
#[cfg(test)]
mod suite_tests;
mod types;

pub use batch::room_of;
pub use disk_error::DiskError;
pub use observer::{Committed, ObserveError, Observer};
pub use quorum::{
    Leadership, METADATA_LOG_DIR, OpenError, ProposeError, Quorum, QuorumOptions, QuorumStatus,
    VoterStatus,
};
pub use types::{Endpoint, VoterId};
