//! DeleteGroups: an administrator removes a group without members, offsets and all (KIP-229).

use kafka_protocol::ResponseError;
use thiserror::Error;

use crate::group::Group;
use crate::state::GroupState;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DeleteGroupError {
    #[error("the group does not exist")]
    GroupIdNotFound,
    #[error("the group has members")]
    NonEmptyGroup,
}

impl DeleteGroupError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::GroupIdNotFound => ResponseError::GroupIdNotFound,
            Self::NonEmptyGroup => ResponseError::NonEmptyGroup,
        }
    }
}

pub(crate) fn check(group: Option<&Group>) -> Result<(), DeleteGroupError> {
    match group.map(Group::state) {
        None => Err(DeleteGroupError::GroupIdNotFound),
        Some(GroupState::Empty) => Ok(()),
        Some(
            GroupState::PreparingRebalance | GroupState::CompletingRebalance | GroupState::Stable,
        ) => Err(DeleteGroupError::NonEmptyGroup),
    }
}
