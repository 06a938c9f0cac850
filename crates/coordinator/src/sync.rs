//! SyncGroup: members ask for their assignment; the leader brings it along.

use std::collections::HashMap;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::SyncGroupResponse;
use thiserror::Error;

use crate::effects::Token;
use crate::group::{Group, MemberMismatch, str_bytes};
use crate::rebalance::{self, Turn};
use crate::state::GroupState;

#[derive(Clone, Debug)]
pub struct SyncRequest {
    pub group_id: String,
    pub generation_id: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    /// What the client takes the group's protocol to be; before version 5 it does not say.
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    /// By member id; only the leader's count.
    pub assignments: HashMap<String, Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SyncError {
    #[error("the group id is empty")]
    InvalidGroupId,
    #[error("the member is not in the group")]
    UnknownMemberId,
    #[error("a newer member has taken the group instance id")]
    FencedInstanceId,
    #[error("the group is in another generation")]
    IllegalGeneration,
    #[error("the group uses another protocol")]
    InconsistentGroupProtocol,
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    #[error("another request of the member has taken the place of this one")]
    Superseded,
    #[error("the generation's record does not fit into a batch of the offsets topic")]
    RecordTooLarge,
}

impl SyncError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::InvalidGroupId => ResponseError::InvalidGroupId,
            Self::UnknownMemberId => ResponseError::UnknownMemberId,
            Self::FencedInstanceId => ResponseError::FencedInstanceId,
            Self::IllegalGeneration => ResponseError::IllegalGeneration,
            Self::InconsistentGroupProtocol => ResponseError::InconsistentGroupProtocol,
            Self::RebalanceInProgress | Self::Superseded => ResponseError::RebalanceInProgress,
            // Kafka has no name for it and answers UNKNOWN_SERVER_ERROR.
            Self::RecordTooLarge => ResponseError::MessageTooLarge,
        }
    }
}

impl From<MemberMismatch> for SyncError {
    fn from(mismatch: MemberMismatch) -> Self {
        match mismatch {
            MemberMismatch::Unknown => Self::UnknownMemberId,
            MemberMismatch::Fenced => Self::FencedInstanceId,
        }
    }
}

/// The answer to a sync that failed.
pub(crate) fn refused(error: SyncError) -> SyncGroupResponse {
    SyncGroupResponse::default().with_error_code(error.code().code())
}

/// The answer to a member of a stable group.
pub(crate) fn assignment(group: &Group, member_id: &str) -> SyncGroupResponse {
    let assignment = group
        .members
        .get(member_id)
        .map(|member| member.assignment.clone())
        .unwrap_or_default();
    SyncGroupResponse::default()
        .with_protocol_type(group.protocol_type.as_deref().map(str_bytes))
        .with_protocol_name(group.protocol_name.as_deref().map(str_bytes))
        .with_assignment(assignment)
}

/// Answers `request` now, or keeps `token` until the leader's assignment is there.
pub(crate) fn sync(group: &mut Group, request: SyncRequest, token: Token, turn: &mut Turn<'_>) {
    if let Err(error) = check(group, &request) {
        turn.effects.syncs.push((token, refused(error)));
        return;
    }
    let member_id = request.member_id;
    group.pending_syncs.remove(&*member_id);
    if group.pending_syncs.is_empty() {
        turn.timers.cancel(&rebalance::sync_timer(group));
    }
    if group.state() == GroupState::Stable {
        turn.effects
            .syncs
            .push((token, assignment(group, &member_id)));
        return;
    }
    turn.answer_sync(group, &member_id, refused(SyncError::Superseded));
    group
        .members
        .update(&member_id, |member| member.awaiting_sync = Some(token));
    if group.is_leader(&member_id) {
        rebalance::assign(group, request.assignments, turn);
    }
}

fn check(group: &Group, request: &SyncRequest) -> Result<(), SyncError> {
    if group.state() == GroupState::Empty {
        return Err(SyncError::UnknownMemberId);
    }
    group.check_member(&request.member_id, request.group_instance_id.as_deref())?;
    if request.generation_id != group.generation_id {
        return Err(SyncError::IllegalGeneration);
    }
    if differ(
        request.protocol_type.as_deref(),
        group.protocol_type.as_deref(),
    ) || differ(
        request.protocol_name.as_deref(),
        group.protocol_name.as_deref(),
    ) {
        return Err(SyncError::InconsistentGroupProtocol);
    }
    match group.state() {
        GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
        GroupState::PreparingRebalance => Err(SyncError::RebalanceInProgress),
        GroupState::Empty => Err(SyncError::UnknownMemberId),
    }
}

/// Who does not say agrees.
fn differ(theirs: Option<&str>, ours: Option<&str>) -> bool {
    matches!((theirs, ours), (Some(theirs), Some(ours)) if theirs != ours)
}
