//! Heartbeat: a member says that it is alive and learns whether the group rebalances.

use kafka_protocol::ResponseError;
use thiserror::Error;

use crate::group::{Group, MemberMismatch};
use crate::rebalance::Turn;
use crate::state::GroupState;

#[derive(Clone, Debug)]
pub struct HeartbeatRequest {
    pub group_id: String,
    pub generation_id: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeartbeatError {
    #[error("the group id is empty")]
    InvalidGroupId,
    #[error("the member is not in the group")]
    UnknownMemberId,
    #[error("a newer member has taken the group instance id")]
    FencedInstanceId,
    #[error("the group is in another generation")]
    IllegalGeneration,
    #[error("the group is rebalancing")]
    RebalanceInProgress,
}

impl HeartbeatError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::InvalidGroupId => ResponseError::InvalidGroupId,
            Self::UnknownMemberId => ResponseError::UnknownMemberId,
            Self::FencedInstanceId => ResponseError::FencedInstanceId,
            Self::IllegalGeneration => ResponseError::IllegalGeneration,
            Self::RebalanceInProgress => ResponseError::RebalanceInProgress,
        }
    }
}

impl From<MemberMismatch> for HeartbeatError {
    fn from(mismatch: MemberMismatch) -> Self {
        match mismatch {
            MemberMismatch::Unknown => Self::UnknownMemberId,
            MemberMismatch::Fenced => Self::FencedInstanceId,
        }
    }
}

pub(crate) fn heartbeat(
    group: &Group,
    request: &HeartbeatRequest,
    turn: &mut Turn<'_>,
) -> Result<(), HeartbeatError> {
    group.check_member(&request.member_id, request.group_instance_id.as_deref())?;
    if request.generation_id != group.generation_id {
        return Err(HeartbeatError::IllegalGeneration);
    }
    match group.state() {
        GroupState::CompletingRebalance | GroupState::Stable => {
            turn.extend_session(group, &request.member_id);
            Ok(())
        }
        GroupState::PreparingRebalance => {
            turn.extend_session(group, &request.member_id);
            Err(HeartbeatError::RebalanceInProgress)
        }
        GroupState::Empty => Err(HeartbeatError::UnknownMemberId),
    }
}
