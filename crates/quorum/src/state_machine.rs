//! What committed entries do: they move the applied position that observers follow. The records
//! themselves mean nothing here.

use std::sync::Arc;

use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, ErrorSubject, ErrorVerb, OptionalSend, RaftSnapshotBuilder};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::batch::record_count;
use crate::checkpoint::{Checkpoint, CheckpointId, Contents};
use crate::disk::{Disk, blocking};
use crate::disk_error::DiskError;
use crate::file;
use crate::log_store::storage_error;
use crate::types::{
    Applied, Entry, LogId, Snapshot, SnapshotMeta, StorageError, StoredMembership, TypeConfig,
    VoterId, epoch,
};

/// Shared by the state machine, its snapshots and the quorum.
#[derive(Clone)]
pub(crate) struct StateMachine {
    disk: Arc<Disk>,
    state: Arc<Mutex<State>>,
    /// Everything before this offset is committed.
    end_offset: watch::Sender<i64>,
}

struct State {
    last: Option<LogId>,
    end_offset: i64,
    /// The memberships since the checkpoint and the one before; the last is in force.
    memberships: Vec<StoredMembership>,
    /// Records other than Raft's own were applied since the checkpoint.
    changed: bool,
}

impl StateMachine {
    /// As the newest checkpoint says.
    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        let state = match disk.checkpoint() {
            None => State {
                last: None,
                end_offset: 0,
                memberships: vec![StoredMembership::default()],
                changed: false,
            },
            Some((id, meta)) => State::covered(id, &meta),
        };
        Self {
            disk,
            end_offset: watch::Sender::new(state.end_offset),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The end of what is committed and known here to be so.
    pub(crate) fn end_offset(&self) -> watch::Receiver<i64> {
        self.end_offset.subscribe()
    }

    /// Makes a checkpoint of the state as of `id`, which must be where an applied batch ends.
    pub(crate) async fn write_checkpoint(
        &self,
        id: CheckpointId,
        records: Vec<bytes::Bytes>,
    ) -> Result<(), DiskError> {
        let state = Arc::clone(&self.state);
        blocking(&self.disk, move |disk| {
            if disk.checkpoint().is_some_and(|(newest, _)| newest == id) {
                return Ok(());
            }
            let last = disk
                .entry_ending_at(id)
                .ok_or(DiskError::NoSuchBatch(id.end_offset))?;
            let membership = {
                let state = state.lock();
                if state.last < Some(last) {
                    return Err(DiskError::NoSuchBatch(id.end_offset));
                }
                state.membership_at(last)
            };
            let timestamp = disk.timestamp_of(last)?;
            let contents = Contents { timestamp, records };
            disk.write_checkpoint(id, last, &membership, &contents)?;
            state.lock().forget_before(last);
            Ok(())
        })
        .await
    }
}

impl State {
    fn covered(id: CheckpointId, meta: &SnapshotMeta) -> Self {
        Self {
            last: meta.last_log_id,
            end_offset: id.end_offset,
            memberships: vec![meta.last_membership.clone()],
            changed: false,
        }
    }

    fn apply(&mut self, entry: &Entry) -> Applied {
        self.last = Some(entry.log_id);
        self.end_offset += record_count(entry);
        let is_proposal = match &entry.payload {
            EntryPayload::Blank => false,
            EntryPayload::Membership(membership) => {
                let stored = StoredMembership::new(Some(entry.log_id), membership.clone());
                self.memberships.push(stored);
                false
            }
            EntryPayload::Normal(_) => true,
        };
        self.changed |= is_proposal;
        Applied {
            last_offset: self.end_offset - 1,
            is_proposal,
        }
    }

    fn membership(&self) -> StoredMembership {
        self.memberships.last().cloned().unwrap_or_default()
    }

    fn membership_at(&self, id: LogId) -> StoredMembership {
        let at = self
            .memberships
            .iter()
            .rfind(|stored| *stored.log_id() <= Some(id));
        at.cloned().unwrap_or_default()
    }

    fn forget_before(&mut self, id: LogId) {
        let at = self
            .memberships
            .iter()
            .rposition(|stored| *stored.log_id() <= Some(id));
        self.memberships.drain(..at.unwrap_or_default());
        self.changed &= self.last != Some(id);
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        let state = self.state.lock();
        Ok((state.last, state.membership()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Applied>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut state = self.state.lock();
        let applied = entries
            .into_iter()
            .map(|entry| state.apply(&entry))
            .collect();
        self.end_offset.send_replace(state.end_offset);
        Ok(applied)
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Checkpoint>, StorageError> {
        let path = self.disk.dir().join("incoming-checkpoint.tmp");
        Ok(Box::new(Checkpoint {
            path,
            ..Checkpoint::default()
        }))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Checkpoint>,
    ) -> Result<(), StorageError> {
        let (id, installed) = (snapshot.id, meta.clone());
        blocking(&self.disk, move |disk| install(disk, &snapshot, &installed))
            .await
            .map_err(|error| snapshot_error(ErrorVerb::Write, error))?;
        *self.state.lock() = State::covered(id, meta);
        self.end_offset.send_replace(id.end_offset);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, StorageError> {
        let current = blocking(&self.disk, |disk| Ok(current_snapshot(disk))).await;
        current.map_err(|error| snapshot_error(ErrorVerb::Read, error))
    }
}

fn current_snapshot(disk: &Disk) -> Option<Snapshot> {
    let (id, meta) = disk.checkpoint()?;
    let path = id.path(&disk.dir());
    let snapshot = Box::new(Checkpoint { id, path });
    Some(Snapshot { meta, snapshot })
}

/// Copies a checkpoint that came from elsewhere to its place, and checks it on the way.
fn install(disk: &Disk, snapshot: &Checkpoint, meta: &SnapshotMeta) -> Result<(), DiskError> {
    let last = meta
        .last_log_id
        .ok_or(DiskError::NoSuchBatch(snapshot.id.end_offset))?;
    let target = snapshot.id.path(&disk.dir());
    file::replace(&target, |out| {
        let mut source = std::fs::File::open(&snapshot.path)?;
        std::io::copy(&mut source, out).map(|_| ())
    })?;
    disk.read_checkpoint(snapshot.id)?;
    disk.adopt_checkpoint(snapshot.id, last, &meta.last_membership)
}

impl RaftSnapshotBuilder<TypeConfig> for StateMachine {
    /// Answers with the newest checkpoint. Only where nothing but Raft's own entries followed it is
    /// one made here: its records are still the state, so they are written out again.
    async fn build_snapshot(&mut self) -> Result<Snapshot, StorageError> {
        let (unchanged, last, end_offset, membership) = {
            let state = self.state.lock();
            (
                !state.changed,
                state.last,
                state.end_offset,
                state.membership(),
            )
        };
        let built = blocking(&self.disk, move |disk| {
            let newest = disk.checkpoint();
            let is_behind = newest.as_ref().and_then(|(_, meta)| meta.last_log_id) < last;
            if let Some(last) = last
                && unchanged
                && is_behind
                && let Some(epoch) = epoch(last.leader_id.term)
            {
                let contents = match newest {
                    Some((id, _)) => disk.read_checkpoint(id)?,
                    None => Contents {
                        timestamp: 0,
                        records: Vec::new(),
                    },
                };
                let id = CheckpointId { end_offset, epoch };
                disk.write_checkpoint(id, last, &membership, &contents)?;
            }
            match current_snapshot(disk) {
                Some(snapshot) => Ok(snapshot),
                // Where nothing was ever applied, nothing is the state, and needs no file.
                None if last.is_none() => Ok(nothing()),
                None => Err(DiskError::NoSuchBatch(end_offset)),
            }
        });
        built
            .await
            .map_err(|error| snapshot_error(ErrorVerb::Write, error))
    }
}

fn nothing() -> Snapshot {
    Snapshot {
        meta: SnapshotMeta::default(),
        snapshot: Box::new(Checkpoint::default()),
    }
}

fn snapshot_error(verb: ErrorVerb, error: DiskError) -> StorageError {
    storage_error(ErrorSubject::<VoterId>::Snapshot(None), verb, error)
}
