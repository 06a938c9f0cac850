//! OffsetDelete: an administrator removes offsets that are not in use (KIP-496).

use kafka_protocol::ResponseError;
use thiserror::Error;

use crate::group::Group;
use crate::state::GroupState;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OffsetDeleteError {
    #[error("the group id is empty")]
    InvalidGroupId,
    #[error("the group does not exist")]
    GroupIdNotFound,
    #[error("the group has members, and what they consume cannot be known")]
    NonEmptyGroup,
}

impl OffsetDeleteError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::InvalidGroupId => ResponseError::InvalidGroupId,
            Self::GroupIdNotFound => ResponseError::GroupIdNotFound,
            Self::NonEmptyGroup => ResponseError::NonEmptyGroup,
        }
    }
}

/// Why one of the offsets was not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OffsetDeletePartitionError {
    #[error("a member of the group is subscribed to the topic")]
    GroupSubscribedToTopic,
}

impl OffsetDeletePartitionError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::GroupSubscribedToTopic => ResponseError::GroupSubscribedToTopic,
        }
    }
}

pub(crate) fn check(group: &Group) -> Result<(), OffsetDeleteError> {
    match group.state() {
        GroupState::Empty => Ok(()),
        GroupState::PreparingRebalance | GroupState::CompletingRebalance | GroupState::Stable => {
            if group.uses_consumer_protocol() {
                Ok(())
            } else {
                Err(OffsetDeleteError::NonEmptyGroup)
            }
        }
    }
}
