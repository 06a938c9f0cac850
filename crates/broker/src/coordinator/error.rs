//! Why this broker does not answer for a group, whatever the request.

use thiserror::Error;
use wire::ErrorCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum CoordinatorError {
    #[error("the group is coordinated elsewhere")]
    NotCoordinator,
    #[error("the group is being loaded")]
    LoadInProgress,
    #[error("what was decided was not committed in time")]
    NotAvailable,
}

impl CoordinatorError {
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::NotCoordinator => ErrorCode::NotCoordinator,
            Self::LoadInProgress => ErrorCode::CoordinatorLoadInProgress,
            Self::NotAvailable => ErrorCode::CoordinatorNotAvailable,
        }
    }
}
