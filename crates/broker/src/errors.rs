//! Faults that every API answers alike, as Kafka's error codes.

use replica::LeadershipError;
use wire::ErrorCode;

pub(crate) fn leadership_code(error: LeadershipError) -> ErrorCode {
    match error {
        LeadershipError::NotLeader => ErrorCode::NotLeaderOrFollower,
        LeadershipError::FencedEpoch => ErrorCode::FencedLeaderEpoch,
        LeadershipError::UnknownEpoch => ErrorCode::UnknownLeaderEpoch,
        LeadershipError::Offline => ErrorCode::KafkaStorageError,
    }
}
