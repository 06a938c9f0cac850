//! OffsetCommit: a member, or a consumer without a group membership, says how far it has come.
//!
//! KIP-211 (a retention of the client's own, versions 2 to 4), KIP-848 (group not found from version 9),
//! KIP-320 (leader epochs).

use kafka_protocol::ResponseError;
use thiserror::Error;
use uuid::Uuid;

use crate::group::{Group, MemberMismatch};
use crate::offsets::CommittedOffset;
use crate::records::RecordTooLarge;
use crate::state::GroupState;

#[derive(Clone, Debug)]
pub struct OffsetCommitRequest {
    pub group_id: String,
    /// Negative for a consumer that is not a member.
    pub generation_id: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub retention_time_ms: Option<i64>,
    pub offsets: Vec<OffsetCommit>,
}

#[derive(Clone, Debug)]
pub struct OffsetCommit {
    pub topic: String,
    /// Nil if the request named the topic only.
    pub topic_id: Uuid,
    pub partition: i32,
    pub offset: i64,
    /// The leader epoch of the last record consumed, or -1.
    pub leader_epoch: i32,
    pub metadata: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OffsetCommitError {
    #[error("the group does not exist")]
    GroupIdNotFound,
    #[error("the member is not in the group")]
    UnknownMemberId,
    #[error("a newer member has taken the group instance id")]
    FencedInstanceId,
    #[error("the group is in another generation")]
    IllegalGeneration,
    #[error("the group is rebalancing")]
    RebalanceInProgress,
}

impl OffsetCommitError {
    /// The code for a request of `version`: clients before version 9 do not know that a group may be missing.
    pub fn code(self, version: i16) -> ResponseError {
        match self {
            Self::GroupIdNotFound if version >= 9 => ResponseError::GroupIdNotFound,
            Self::GroupIdNotFound | Self::IllegalGeneration => ResponseError::IllegalGeneration,
            Self::UnknownMemberId => ResponseError::UnknownMemberId,
            Self::FencedInstanceId => ResponseError::FencedInstanceId,
            Self::RebalanceInProgress => ResponseError::RebalanceInProgress,
        }
    }
}

impl From<MemberMismatch> for OffsetCommitError {
    fn from(mismatch: MemberMismatch) -> Self {
        match mismatch {
            MemberMismatch::Unknown => Self::UnknownMemberId,
            MemberMismatch::Fenced => Self::FencedInstanceId,
        }
    }
}

/// Why one of the offsets was not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OffsetCommitPartitionError {
    #[error("the metadata is too long")]
    OffsetMetadataTooLarge,
    #[error("the offset's record does not fit into a batch of the offsets topic")]
    RecordTooLarge,
}

impl From<RecordTooLarge> for OffsetCommitPartitionError {
    fn from(_: RecordTooLarge) -> Self {
        Self::RecordTooLarge
    }
}

impl OffsetCommitPartitionError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::OffsetMetadataTooLarge => ResponseError::OffsetMetadataTooLarge,
            Self::RecordTooLarge => ResponseError::InvalidCommitOffsetSize,
        }
    }
}

/// Whether `request` may commit for `group`: a member of the present generation may, and anyone while it is empty.
pub(crate) fn check(group: &Group, request: &OffsetCommitRequest) -> Result<(), OffsetCommitError> {
    let is_empty = group.state() == GroupState::Empty;
    if is_empty && request.generation_id < 0 {
        return Ok(());
    }
    let claims_membership = request.generation_id >= 0
        || !request.member_id.is_empty()
        || request.group_instance_id.is_some();
    if !claims_membership {
        return Err(OffsetCommitError::UnknownMemberId);
    }
    group.check_member(&request.member_id, request.group_instance_id.as_deref())?;
    if request.generation_id != group.generation_id {
        return Err(OffsetCommitError::IllegalGeneration);
    }
    // The new generation's assignment is not known yet, so this may no longer be the member's to commit.
    if group.state() == GroupState::CompletingRebalance {
        return Err(OffsetCommitError::RebalanceInProgress);
    }
    Ok(())
}

impl OffsetCommit {
    pub(crate) fn check(&self, metadata_max_size: usize) -> Result<(), OffsetCommitPartitionError> {
        let size = self
            .metadata
            .as_deref()
            .map_or(0, |metadata| metadata.encode_utf16().count());
        if size > metadata_max_size {
            Err(OffsetCommitPartitionError::OffsetMetadataTooLarge)
        } else {
            Ok(())
        }
    }

    pub(crate) fn committed(&self, retention_time_ms: Option<i64>, now_ms: i64) -> CommittedOffset {
        CommittedOffset {
            offset: self.offset,
            leader_epoch: self.leader_epoch.max(-1),
            metadata: self.metadata.clone().unwrap_or_default(),
            commit_timestamp_ms: now_ms,
            expire_timestamp_ms: retention_time_ms
                .map(|retention_ms| now_ms.saturating_add(retention_ms)),
            topic_id: self.topic_id,
        }
    }
}
