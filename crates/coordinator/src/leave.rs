//! LeaveGroup: members leave of their own accord, or an administrator removes them.
//!
//! KIP-345 (several at once, and by group instance id).

use kafka_protocol::ResponseError;
use thiserror::Error;

use crate::group::{Group, MemberMismatch};
use crate::rebalance::{self, Turn};
use crate::state::GroupState;

/// Who is to leave: a member id, or a group instance id with an empty member id, or both.
#[derive(Clone, Debug)]
pub struct LeavingMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    /// For the log.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LeaveError {
    #[error("the group id is empty")]
    InvalidGroupId,
}

impl LeaveError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::InvalidGroupId => ResponseError::InvalidGroupId,
        }
    }
}

/// Why one of the members could not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LeaveMemberError {
    #[error("the member is not in the group")]
    UnknownMemberId,
    #[error("a newer member has taken the group instance id")]
    FencedInstanceId,
}

impl LeaveMemberError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::UnknownMemberId => ResponseError::UnknownMemberId,
            Self::FencedInstanceId => ResponseError::FencedInstanceId,
        }
    }
}

impl From<MemberMismatch> for LeaveMemberError {
    fn from(mismatch: MemberMismatch) -> Self {
        match mismatch {
            MemberMismatch::Unknown => Self::UnknownMemberId,
            MemberMismatch::Fenced => Self::FencedInstanceId,
        }
    }
}

/// Removes `members`; one result for each. The group rebalances once.
pub(crate) fn leave(
    group: &mut Group,
    members: &[LeavingMember],
    turn: &mut Turn<'_>,
) -> Vec<Result<(), LeaveMemberError>> {
    let results: Vec<_> = members
        .iter()
        .map(|member| remove(group, member, turn))
        .collect();
    let anyone_left = results.iter().any(Result::is_ok);
    if anyone_left && group.state() != GroupState::Empty {
        rebalance::react(group, "members left", turn);
    }
    results
}

fn remove(
    group: &mut Group,
    leaving: &LeavingMember,
    turn: &mut Turn<'_>,
) -> Result<(), LeaveMemberError> {
    let instance_id = leaving.group_instance_id.as_deref();
    let member_id = if leaving.member_id.is_empty() {
        let current = instance_id.and_then(|instance_id| group.members.static_id(instance_id));
        current
            .ok_or(LeaveMemberError::UnknownMemberId)?
            .to_string()
    } else {
        leaving.member_id.clone()
    };
    if !group.pending_joins.contains(&*member_id) {
        group.check_member(&member_id, instance_id)?;
    }
    let reason = leaving.reason.as_deref().unwrap_or("not provided");
    tracing::debug!(group = %group.id, member = member_id, reason, "member leaves");
    rebalance::remove_member(group, &member_id, turn);
    Ok(())
}
