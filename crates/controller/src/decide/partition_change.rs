//! One change of a partition: what is wanted of it, and the record that brings it about.
//!
//! Invariant: the leader is an acceptable member of the in-sync replicas, or there is none, unless
//! an unclean election was allowed; a change that changes nothing gives no record.

use uuid::Uuid;
use wire::records::metadata::PartitionChangeRecord;

use super::assignment::default_directory;
use crate::image::{Image, LeaderRecoveryState, NO_LEADER, NO_LEADER_CHANGE, Partition};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Election {
    /// The preferred replica if it can lead.
    Preferred,
    /// Whoever leads now if it can, else any that is in sync.
    Online,
    /// As `Online`, and if nobody in sync can lead, somebody else: records are lost.
    Unclean,
}

/// The partition as it is to be. Begin with `new`, change fields, end with `record`.
pub(super) struct PartitionChange<'a> {
    image: &'a Image,
    partition: &'a Partition,
    pub(super) election: Election,
    /// A broker that must not lead although the image says that it could.
    pub(super) leaving: Option<i32>,
    /// A broker that may lead although the image says that it could not.
    pub(super) joining: Option<i32>,
    pub(super) isr: Vec<i32>,
    pub(super) replicas: Vec<i32>,
    pub(super) removing: Vec<i32>,
    pub(super) adding: Vec<i32>,
    pub(super) recovery_state: LeaderRecoveryState,
    /// A replica that moves to another of its broker's log directories.
    pub(super) moved: Option<(i32, Uuid)>,
    /// Gives the leader a new epoch even if it stays.
    pub(super) raise_leader_epoch: bool,
}

impl<'a> PartitionChange<'a> {
    pub(super) fn new(image: &'a Image, partition: &'a Partition) -> PartitionChange<'a> {
        PartitionChange {
            image,
            partition,
            election: Election::Online,
            leaving: None,
            joining: None,
            isr: partition.isr.clone(),
            replicas: partition.replicas.clone(),
            removing: partition.removing_replicas.clone(),
            adding: partition.adding_replicas.clone(),
            recovery_state: partition.leader_recovery_state,
            moved: None,
            raise_leader_epoch: false,
        }
    }

    pub(super) fn partition(&self) -> &'a Partition {
        self.partition
    }

    pub(super) fn record(
        mut self,
        topic_id: Uuid,
        partition_id: i32,
    ) -> Option<PartitionChangeRecord> {
        let partition = self.partition;
        let mut record = unchanged(topic_id, partition_id);
        self.complete_reassignment();
        self.elect(&mut record);
        let drops_replica = !partition
            .replicas
            .iter()
            .all(|id| self.replicas.contains(id));
        if record.leader == NO_LEADER_CHANGE && (drops_replica || self.raise_leader_epoch) {
            record.leader = partition.leader;
        }
        // The last member stays in the ISR even when its broker is gone: it has all the records.
        if record.isr.is_none() && !self.isr.is_empty() && self.isr != partition.isr {
            record.isr = Some(std::mem::take(&mut self.isr));
        }
        let directories = self.directories();
        let if_changed = |new: Vec<i32>, old: &Vec<i32>| (new != *old).then_some(new);
        record.directories = (directories != partition.directories).then_some(directories);
        record.replicas = if_changed(self.replicas, &partition.replicas);
        record.removing_replicas = if_changed(self.removing, &partition.removing_replicas);
        record.adding_replicas = if_changed(self.adding, &partition.adding_replicas);
        if self.recovery_state != partition.leader_recovery_state {
            record.leader_recovery_state = self.recovery_state.code();
        }
        (record != unchanged(topic_id, partition_id)).then_some(record)
    }

    fn elect(&self, record: &mut PartitionChangeRecord) {
        let clean = self.clean_leader();
        let unclean = || {
            let mut candidates = self.replicas.iter().copied();
            candidates.find(|id| self.election == Election::Unclean && self.is_acceptable(*id))
        };
        let leader = clean.or_else(unclean).unwrap_or(NO_LEADER);
        if leader == self.partition.leader {
            return;
        }
        record.leader = leader;
        if clean.is_none() && leader != NO_LEADER {
            record.isr = Some(vec![leader]);
            if self.partition.leader_recovery_state != LeaderRecoveryState::Recovering {
                record.leader_recovery_state = LeaderRecoveryState::Recovering.code();
            }
        }
    }

    fn clean_leader(&self) -> Option<i32> {
        let preferred = self
            .replicas
            .first()
            .copied()
            .filter(|_| self.election == Election::Preferred);
        let candidates = preferred.into_iter().chain([self.partition.leader]);
        let mut candidates = candidates.chain(self.replicas.iter().copied());
        candidates.find(|id| self.isr.contains(id) && self.is_acceptable(*id))
    }

    /// Whether the broker is there to lead and has the replica's directory.
    fn is_acceptable(&self, broker_id: i32) -> bool {
        let Some(broker) = self.image.broker(broker_id) else {
            return false;
        };
        let is_there = self.leaving != Some(broker_id)
            && (self.joining == Some(broker_id) || broker.is_active());
        let directory = self.partition.directory_of(broker_id);
        is_there && directory.is_none_or(|id| broker.has_online_directory(id))
    }

    /// A reassignment is over when all that is added is in sync, and without what is removed there
    /// are as many in sync as there were to be.
    fn complete_reassignment(&mut self) {
        if self.adding.is_empty() && self.removing.is_empty() {
            return;
        }
        let staying = |ids: &[i32]| -> Vec<i32> {
            ids.iter()
                .copied()
                .filter(|id| !self.removing.contains(id))
                .collect()
        };
        let (isr, replicas) = (staying(&self.isr), staying(&self.replicas));
        let in_sync = |ids: &[i32]| ids.iter().all(|id| isr.contains(id));
        let shrinks = self.adding.len() < self.removing.len();
        if isr.is_empty() || !in_sync(&self.adding) || (shrinks && !in_sync(&replicas)) {
            return;
        }
        self.isr = isr;
        self.replicas = replicas;
        self.removing.clear();
        self.adding.clear();
    }

    fn directories(&self) -> Vec<Uuid> {
        let directory_of = |id: &i32| match self.moved {
            Some((moved, directory)) if moved == *id => directory,
            _ => {
                let current = self.partition.directory_of(*id);
                current.unwrap_or_else(|| default_directory(self.image, *id))
            }
        };
        self.replicas.iter().map(directory_of).collect()
    }
}

fn unchanged(topic_id: Uuid, partition_id: i32) -> PartitionChangeRecord {
    PartitionChangeRecord {
        partition_id,
        topic_id,
        isr: None,
        leader: NO_LEADER_CHANGE,
        replicas: None,
        removing_replicas: None,
        adding_replicas: None,
        leader_recovery_state: -1,
        directories: None,
        eligible_leader_replicas: None,
        last_known_elr: None,
    }
}
