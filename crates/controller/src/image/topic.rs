//! A topic and its partitions as the metadata log describes them.
//!
//! Invariant: `directories` runs parallel to `replicas`, and `isr` is a subset of `replicas`.

use std::sync::Arc;

use imbl::OrdMap;
use uuid::Uuid;
use wire::records::metadata::{PartitionChangeRecord, PartitionRecord, TopicRecord};

/// The leader of a partition that has none.
pub const NO_LEADER: i32 = -1;

/// The leader in a `PartitionChangeRecord` that keeps leader and leader epoch as they are.
pub const NO_LEADER_CHANGE: i32 = -2;

const NO_RECOVERY_CHANGE: i8 = -1;

/// Directory ids that name no directory (KIP-858).
pub mod directory {
    use uuid::Uuid;

    /// The broker has not said yet where the replica lives.
    pub const UNASSIGNED: Uuid = Uuid::from_u128(0);
    /// The replica's directory is known to be offline, but not which one it was.
    pub const LOST: Uuid = Uuid::from_u128(1);
    /// The replica predates directory ids.
    pub const MIGRATING: Uuid = Uuid::from_u128(2);

    /// Kafka keeps the first hundred ids for itself.
    pub fn is_reserved(id: Uuid) -> bool {
        id.as_u128() < 100
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    pub id: Uuid,
    pub name: Arc<str>,
    pub partitions: OrdMap<i32, Arc<Partition>>,
}

impl Topic {
    pub(super) fn new(record: &TopicRecord) -> Topic {
        Topic {
            id: record.topic_id,
            name: record.name.as_str().into(),
            partitions: OrdMap::new(),
        }
    }

    pub fn partition(&self, partition_id: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(&partition_id)
    }

    pub fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.len()).unwrap_or(i32::MAX)
    }
}

/// Whether the leader was elected uncleanly and has yet to recover from it (KIP-704).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaderRecoveryState {
    Recovered,
    Recovering,
}

impl LeaderRecoveryState {
    pub fn from_code(code: i8) -> Option<LeaderRecoveryState> {
        match code {
            0 => Some(LeaderRecoveryState::Recovered),
            1 => Some(LeaderRecoveryState::Recovering),
            _ => None,
        }
    }

    pub fn code(self) -> i8 {
        match self {
            LeaderRecoveryState::Recovered => 0,
            LeaderRecoveryState::Recovering => 1,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Partition {
    pub replicas: Vec<i32>,
    /// The log directory of each replica, in the order of `replicas`.
    pub directories: Vec<Uuid>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    /// Eligible leader replicas (KIP-966).
    pub elr: Vec<i32>,
    pub last_known_elr: Vec<i32>,
    /// `NO_LEADER` when there is none.
    pub leader: i32,
    pub leader_recovery_state: LeaderRecoveryState,
    /// Raised with every change of leader, and whenever the old leader must notice.
    pub leader_epoch: i32,
    /// Raised with every change of the partition.
    pub partition_epoch: i32,
}

impl Partition {
    pub(super) fn new(record: &PartitionRecord) -> Option<Partition> {
        Some(Partition {
            directories: padded(record.directories.clone(), record.replicas.len()),
            replicas: record.replicas.clone(),
            isr: record.isr.clone(),
            removing_replicas: record.removing_replicas.clone(),
            adding_replicas: record.adding_replicas.clone(),
            elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
            last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
            leader: record.leader,
            leader_recovery_state: LeaderRecoveryState::from_code(record.leader_recovery_state)?,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
        })
    }

    /// The partition after `change`; `None` if the record's recovery state is not one.
    pub(crate) fn merge(&self, change: &PartitionChangeRecord) -> Option<Partition> {
        let replicas = change.replicas.as_ref().unwrap_or(&self.replicas).clone();
        let directories = change.directories.as_ref().unwrap_or(&self.directories);
        let or_old = |new: &Option<Vec<i32>>, old: &Vec<i32>| new.as_ref().unwrap_or(old).clone();
        let (leader, leader_epoch) = match change.leader {
            NO_LEADER_CHANGE => (self.leader, self.leader_epoch),
            leader => (leader, self.leader_epoch.saturating_add(1)),
        };
        let leader_recovery_state = match change.leader_recovery_state {
            NO_RECOVERY_CHANGE => self.leader_recovery_state,
            code => LeaderRecoveryState::from_code(code)?,
        };
        Some(Partition {
            directories: padded(directories.clone(), replicas.len()),
            replicas,
            isr: or_old(&change.isr, &self.isr),
            removing_replicas: or_old(&change.removing_replicas, &self.removing_replicas),
            adding_replicas: or_old(&change.adding_replicas, &self.adding_replicas),
            elr: or_old(&change.eligible_leader_replicas, &self.elr),
            last_known_elr: or_old(&change.last_known_elr, &self.last_known_elr),
            leader,
            leader_recovery_state,
            leader_epoch,
            partition_epoch: self.partition_epoch.saturating_add(1),
        })
    }

    pub(crate) fn to_record(&self, topic_id: Uuid, partition_id: i32) -> PartitionRecord {
        let if_any = |ids: &Vec<i32>| (!ids.is_empty()).then(|| ids.clone());
        PartitionRecord {
            partition_id,
            topic_id,
            replicas: self.replicas.clone(),
            isr: self.isr.clone(),
            removing_replicas: self.removing_replicas.clone(),
            adding_replicas: self.adding_replicas.clone(),
            leader: self.leader,
            leader_recovery_state: self.leader_recovery_state.code(),
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            directories: self.directories.clone(),
            eligible_leader_replicas: if_any(&self.elr),
            last_known_elr: if_any(&self.last_known_elr),
        }
    }

    /// The log directory of `broker_id`'s replica.
    pub fn directory_of(&self, broker_id: i32) -> Option<Uuid> {
        let mut replicas = self.replicas.iter().zip(&self.directories);
        replicas
            .find(|(replica, _)| **replica == broker_id)
            .map(|(_, directory)| *directory)
    }

    pub fn has_leader(&self) -> bool {
        self.leader != NO_LEADER
    }

    /// The first of the replicas is the one that leads when all is well.
    pub fn is_led_by_preferred(&self) -> bool {
        self.replicas.first() == Some(&self.leader)
    }

    pub fn is_reassigning(&self) -> bool {
        !self.adding_replicas.is_empty() || !self.removing_replicas.is_empty()
    }
}

/// A record older than directory ids names none, or fewer than there are replicas.
fn padded(mut directories: Vec<Uuid>, replica_count: usize) -> Vec<Uuid> {
    directories.resize(replica_count, directory::MIGRATING);
    directories
}
