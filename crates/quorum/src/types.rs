//! What Raft is told about this quorum: who votes, what an entry carries, what applying one answers.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::checkpoint::Checkpoint;

openraft::declare_raft_types!(
    pub(crate) TypeConfig:
        D = Proposal,
        R = Applied,
        NodeId = VoterId,
        Node = Voter,
        SnapshotData = Checkpoint,
);

pub(crate) type Entry = openraft::Entry<TypeConfig>;
pub(crate) type LogId = openraft::LogId<VoterId>;
pub(crate) type Vote = openraft::Vote<VoterId>;
pub(crate) type Membership = openraft::Membership<VoterId, Voter>;
pub(crate) type StoredMembership = openraft::StoredMembership<VoterId, Voter>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<VoterId, Voter>;
pub(crate) type Snapshot = openraft::Snapshot<TypeConfig>;
pub(crate) type StorageError = openraft::StorageError<VoterId>;
pub(crate) type Raft = openraft::Raft<TypeConfig>;

/// A voter is a node with a particular disk: one that lost its disk is another voter (KIP-853).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct VoterId {
    pub node_id: i32,
    pub directory_id: Uuid,
}

impl fmt::Display for VoterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.node_id, self.directory_id)
    }
}

/// Where a voter's controller listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Voter {
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The listener's name.
    pub name: String,
    pub host: String,
    pub port: u16,
}

/// Metadata records to be agreed upon as one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) records: Vec<Bytes>,
    /// The epoch in which they were decided. In any other they must not take effect.
    pub(crate) epoch: i32,
}

/// What became of an entry once it was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) last_offset: i64,
    /// Whether it is a proposal's records, rather than an entry of Raft's own.
    pub(crate) is_proposal: bool,
}

/// Kafka's epochs have 31 bits, Raft's terms 64.
pub(crate) fn epoch(term: u64) -> Option<i32> {
    i32::try_from(term).ok()
}
