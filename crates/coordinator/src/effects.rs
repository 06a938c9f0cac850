//! What a decision leads to outside of the shard.

use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use wire::records::coordinator::GroupRecord;

/// The caller's name for a JoinGroup or SyncGroup request whose reply may come later. Each is answered exactly once.
pub type Token = u64;

/// The consequences of one call: first append `records` as one unit, then, once they are committed, send the replies.
#[derive(Debug, Default)]
pub struct Effects {
    pub records: Vec<GroupRecord>,
    pub joins: Vec<(Token, JoinGroupResponse)>,
    pub syncs: Vec<(Token, SyncGroupResponse)>,
}

impl Effects {
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.joins.is_empty() && self.syncs.is_empty()
    }
}
