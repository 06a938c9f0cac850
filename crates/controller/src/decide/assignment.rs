//! Replica lists that a person wrote.

use uuid::Uuid;
use wire::ErrorCode;

use super::Refusal;
use crate::image::{Image, LeaderRecoveryState, Partition, directory};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidAssignment {
    #[error("The manual partition assignment includes an empty replica list.")]
    Empty,
    #[error(
        "The manual partition assignment includes broker {0}, but no such broker is registered."
    )]
    UnknownBroker(i32),
    #[error("The manual partition assignment includes the broker {0} more than once.")]
    DuplicateBroker(i32),
    #[error(
        "The manual partition assignment includes a partition with {named} replica(s), but this is not \
         consistent with previous partitions, which have {expected} replica(s)."
    )]
    OtherReplicationFactor { named: usize, expected: usize },
    #[error(
        "All brokers specified in the manual partition assignment for partition {0} are fenced or in \
         controlled shutdown."
    )]
    NoActiveBroker(i32),
}

impl Refusal for InvalidAssignment {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidReplicaAssignment
    }
}

/// Checks one partition's replicas; `expected` is how many the partitions before it had.
pub(super) fn validate_replicas(
    image: &Image,
    replicas: &[i32],
    expected: Option<usize>,
) -> Result<(), InvalidAssignment> {
    if replicas.is_empty() {
        return Err(InvalidAssignment::Empty);
    }
    let mut sorted = replicas.to_vec();
    sorted.sort_unstable();
    let mut previous = None;
    for broker_id in sorted {
        if image.broker(broker_id).is_none() {
            return Err(InvalidAssignment::UnknownBroker(broker_id));
        }
        if previous == Some(broker_id) {
            return Err(InvalidAssignment::DuplicateBroker(broker_id));
        }
        previous = Some(broker_id);
    }
    match expected {
        Some(expected) if expected != replicas.len() => {
            Err(InvalidAssignment::OtherReplicationFactor {
                named: replicas.len(),
                expected,
            })
        }
        _ => Ok(()),
    }
}

/// A new partition with these replicas, those of active brokers in sync and the first of them
/// leading; `None` if no broker is active.
pub(super) fn new_partition(image: &Image, replicas: &[i32]) -> Option<Partition> {
    let isr: Vec<i32> = replicas
        .iter()
        .copied()
        .filter(|id| image.is_active(*id))
        .collect();
    Some(Partition {
        directories: replicas
            .iter()
            .map(|id| default_directory(image, *id))
            .collect(),
        replicas: replicas.to_vec(),
        leader: *isr.first()?,
        isr,
        removing_replicas: Vec::new(),
        adding_replicas: Vec::new(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader_recovery_state: LeaderRecoveryState::Recovered,
        leader_epoch: 0,
        partition_epoch: 0,
    })
}

/// The log directory that a new replica on `broker_id` is assigned to.
pub(super) fn default_directory(image: &Image, broker_id: i32) -> Uuid {
    image
        .broker(broker_id)
        .map_or(directory::UNASSIGNED, |broker| broker.default_directory())
}
