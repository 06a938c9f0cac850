//! Group coordination: who is in a group, which generation it is in, who consumes what, and how far.
//!
//! One [`Shard`] is the state of one partition of `__consumer_offsets`. A request is decided against the shard and
//! yields [`Effects`]: the records that make the decision durable and the parked replies that became due. The caller
//! appends the records and lets nothing out before they are committed; recovery [replays](Shard::replay) them.
//!
//! *Invariant: no I/O, no clock, no lock. Time and randomness are arguments.*

mod config;
mod delete;
mod describe;
mod effects;
mod expiry;
mod group;
mod heartbeat;
mod join;
mod leave;
mod member;
mod members;
mod now;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offsets;
mod placement;
mod rebalance;
mod records;
mod shard;
mod state;
mod sync;
mod timers;

pub use config::GroupConfig;
pub use delete::DeleteGroupError;
pub use describe::{DescribeGroupError, GroupFilter, GroupType};
pub use effects::{Effects, Token};
pub use heartbeat::{HeartbeatError, HeartbeatRequest};
pub use join::{JoinError, JoinRequest};
pub use leave::{LeaveError, LeaveMemberError, LeavingMember};
pub use member::Protocol;
pub use now::Now;
pub use offset_commit::{
    OffsetCommit, OffsetCommitError, OffsetCommitPartitionError, OffsetCommitRequest,
};
pub use offset_delete::{OffsetDeleteError, OffsetDeletePartitionError};
pub use offset_fetch::FetchedOffset;
pub use placement::partition_of_group;
pub use records::encode_record;
pub use shard::Shard;
pub use state::GroupState;
pub use sync::{SyncError, SyncRequest};
pub use wire::records::coordinator::GroupRecord;
