//! A voter of the metadata quorum: proposing, following who leads, making checkpoints.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use openraft::error::{ClientWriteError, RaftError};
use openraft::{Config, SnapshotPolicy};
use store::{Damage, Durability, FileCache, LogConfig, LogOptions};
use tokio::sync::watch;
use uuid::Uuid;

use crate::batch::room_of;
use crate::checkpoint::CheckpointId;
use crate::disk::{Disk, blocking};
use crate::disk_error::DiskError;
use crate::log_store::LogStore;
use crate::network::Alone;
use crate::observer::Observer;
use crate::quorum_state;
use crate::state_machine::StateMachine;
use crate::types::{Endpoint, Proposal, Raft, Voter, VoterId, epoch};

/// The directory of the metadata log inside its log directory.
pub const METADATA_LOG_DIR: &str = "__cluster_metadata-0";

const HEARTBEAT_INTERVAL_MS: u64 = 500;
const ELECTION_TIMEOUT_MIN_MS: u64 = 1_000;
const ELECTION_TIMEOUT_MAX_MS: u64 = 2_000;
/// The largest batch of a metadata log. (Kafka's bound.)
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Entries kept behind a checkpoint, for followers that lag.
const ENTRIES_KEPT: u64 = 1_000;

/// Who this node is in the quorum, and where its log is.
#[derive(Debug, Clone)]
pub struct QuorumOptions {
    /// `metadata.log.dir`: the log directory that holds the metadata log.
    pub log_dir: PathBuf,
    pub directory_id: Uuid,
    pub node_id: i32,
    /// Where this node's controller listens.
    pub endpoints: Vec<Endpoint>,
    /// `metadata.log.segment.bytes`
    pub segment_bytes: u32,
    /// `metadata.log.segment.ms`
    pub segment_ms: i64,
    pub files: Arc<FileCache>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("the metadata log is that of {voters}, and this node is {me}")]
    NotAVoter { me: VoterId, voters: String },
    #[error("the quorum does not start: {0}")]
    Raft(String),
}

/// Why a proposal is not known to be committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// It has no effect and never will.
    #[error("this node does not lead in epoch {0}")]
    NotLeader(i32),
    #[error("a batch of no records")]
    Empty,
    #[error("records of {0} bytes, which are too many for one batch")]
    TooLarge(usize),
    /// The quorum is gone; whether the proposal took effect shows at the next start.
    #[error("the quorum failed: {0}")]
    Failed(String),
}

/// Who leads, as far as this node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leadership {
    pub leader_id: Option<i32>,
    pub epoch: i32,
    /// This node leads, and an entry of its own epoch is applied: it knows all that was decided.
    pub ready: bool,
}

/// What DescribeQuorum tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumStatus {
    pub leader_id: Option<i32>,
    pub leader_epoch: i32,
    pub high_watermark: i64,
    pub log_end_offset: i64,
    pub voters: Vec<VoterStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoterStatus {
    pub id: VoterId,
    pub endpoints: Vec<Endpoint>,
    /// -1: unknown here.
    pub log_end_offset: i64,
}

/// See the module. Clones share one voter.
#[derive(Clone)]
pub struct Quorum {
    me: VoterId,
    raft: Raft,
    disk: Arc<Disk>,
    state_machine: StateMachine,
    leadership: watch::Receiver<Leadership>,
    max_batch_bytes: usize,
}

impl Quorum {
    /// Starts a voter. A pristine log becomes that of a quorum of this node alone. When this returns
    /// the log is read; leadership follows.
    pub async fn open(options: QuorumOptions) -> Result<Self, OpenError> {
        let me = VoterId {
            node_id: options.node_id,
            directory_id: options.directory_id,
        };
        let endpoints = options.endpoints.clone();
        let segment_bytes = usize::try_from(options.segment_bytes).unwrap_or(usize::MAX);
        let opened = tokio::task::spawn_blocking(move || {
            let dir = options.log_dir.join(METADATA_LOG_DIR);
            Disk::open(me, &dir, log_options(options))
        })
        .await;
        let disk = Arc::new(opened.map_err(|error| DiskError::Io(io::Error::other(error)))??);
        let state_machine = StateMachine::new(Arc::clone(&disk));
        let log_store = LogStore::new(Arc::clone(&disk));
        let config = Arc::new(config());
        let raft = Raft::new(me, config, Alone, log_store, state_machine.clone())
            .await
            .map_err(open_error)?;
        campaign(&raft, me, endpoints).await?;
        let leadership = follow_leadership(&raft, Arc::clone(&disk));
        Ok(Self {
            me,
            raft,
            disk,
            state_machine,
            leadership,
            max_batch_bytes: segment_bytes.min(MAX_BATCH_BYTES),
        })
    }

    /// How much room one batch has for records, each counted as [`room_of`] says.
    pub fn batch_room(&self) -> usize {
        self.max_batch_bytes
            .saturating_sub(format::HEADER_SIZE_BYTES)
    }

    /// Has `records` agreed upon as one batch, and answers with the last one's offset. It is fsynced
    /// and applied then. In another epoch than `epoch` the records do not take effect. More of them than a batch has room
    /// for are refused.
    pub async fn propose(&self, records: Vec<Bytes>, epoch: i32) -> Result<i64, ProposeError> {
        if records.is_empty() {
            return Err(ProposeError::Empty);
        }
        let size_bytes = records.iter().map(room_of).sum();
        if size_bytes > self.batch_room() {
            return Err(ProposeError::TooLarge(size_bytes));
        }
        let leadership = *self.leadership.borrow();
        if leadership.epoch != epoch || !leadership.ready {
            return Err(ProposeError::NotLeader(epoch));
        }
        match self.raft.client_write(Proposal { records, epoch }).await {
            Ok(written) if written.data.is_proposal => Ok(written.data.last_offset),
            Ok(_) => Err(ProposeError::NotLeader(epoch)),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                Err(ProposeError::NotLeader(epoch))
            }
            Err(error) => Err(ProposeError::Failed(error.to_string())),
        }
    }

    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// Follows the committed log: the newest checkpoint if there is one, then every batch.
    pub fn committed(&self) -> Observer {
        Observer::new(Arc::clone(&self.disk), self.state_machine.end_offset())
    }

    /// Makes a checkpoint of the state before `end_offset`, where a committed batch of `epoch` ends.
    /// Once it is fsynced, the log that it covers may go.
    pub async fn write_snapshot(
        &self,
        end_offset: i64,
        epoch: i32,
        records: Vec<Bytes>,
    ) -> Result<(), DiskError> {
        let id = CheckpointId { end_offset, epoch };
        self.state_machine.write_checkpoint(id, records).await?;
        let triggered = self.raft.trigger().snapshot().await;
        triggered.map_err(|error| DiskError::Io(io::Error::other(error)))
    }

    /// Looks for damage in the log and its newest checkpoint, with `pace` as in [`store::Log::scrub`]. Waits for the disk.
    pub fn scrub(&self, pace: &mut dyn FnMut(u64) -> bool) -> Result<Vec<Damage>, DiskError> {
        self.disk.scrub(pace)
    }

    pub fn status(&self) -> QuorumStatus {
        let metrics = self.raft.metrics().borrow().clone();
        let leadership = *self.leadership.borrow();
        let replicated = metrics.replication.unwrap_or_default();
        let log_end_offset = self.disk.log_end();
        let log_end_of = |id: &VoterId| {
            if *id == self.me {
                return log_end_offset;
            }
            let matched = replicated.get(id).copied().flatten();
            matched
                .and_then(|matched| self.disk.end_of(matched))
                .unwrap_or(-1)
        };
        let membership = metrics.membership_config.membership();
        let voter = |id: VoterId| VoterStatus {
            id,
            endpoints: membership
                .get_node(&id)
                .map_or_else(Vec::new, |voter| voter.endpoints.clone()),
            log_end_offset: log_end_of(&id),
        };
        QuorumStatus {
            leader_id: leadership.leader_id,
            leader_epoch: leadership.epoch,
            high_watermark: *self.state_machine.end_offset().borrow(),
            log_end_offset,
            voters: membership.voter_ids().map(voter).collect(),
        }
    }

    /// Waits until the quorum has failed for good, and says why. Its disk is the usual reason.
    pub async fn failure(&self) -> String {
        let mut metrics = self.raft.metrics();
        let failed = metrics
            .wait_for(|metrics| metrics.running_state.is_err())
            .await;
        match failed {
            Ok(metrics) => match &metrics.running_state {
                Err(error) => error.to_string(),
                Ok(()) => String::new(),
            },
            Err(_) => "the quorum has stopped".to_owned(),
        }
    }

    /// Stops voting and closes the log. What still waits for a full disk fails.
    pub async fn shut_down(&self) -> Result<(), DiskError> {
        self.disk.stop_waiting();
        let stopped = self.raft.shutdown().await;
        stopped.map_err(|error| DiskError::Io(io::Error::other(error)))?;
        blocking(&self.disk, Disk::close).await
    }
}

pub(crate) fn log_options(options: QuorumOptions) -> LogOptions {
    LogOptions {
        config: LogConfig {
            segment_bytes: options.segment_bytes,
            segment_ms: options.segment_ms,
            // Only what a checkpoint covers may go, and that goes at once.
            retention_ms: -1,
            retention_bytes: -1,
            file_delete_delay_ms: 0,
            ..LogConfig::default()
        },
        durability: Durability::Fsync,
        files: options.files,
    }
}

fn config() -> Config {
    Config {
        cluster_name: METADATA_LOG_DIR.to_owned(),
        heartbeat_interval: HEARTBEAT_INTERVAL_MS,
        election_timeout_min: ELECTION_TIMEOUT_MIN_MS,
        election_timeout_max: ELECTION_TIMEOUT_MAX_MS,
        // The controller decides when, for it alone has the state.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: ENTRIES_KEPT,
        ..Config::default()
    }
}

fn open_error(error: impl std::fmt::Display) -> OpenError {
    OpenError::Raft(error.to_string())
}

/// Founds the quorum if there is none; a voter on its own need not wait for an election timeout.
async fn campaign(raft: &Raft, me: VoterId, endpoints: Vec<Endpoint>) -> Result<(), OpenError> {
    if !raft.is_initialized().await.map_err(open_error)? {
        let voters = BTreeMap::from([(me, Voter { endpoints })]);
        return raft.initialize(voters).await.map_err(open_error);
    }
    let membership = raft
        .with_raft_state(|state| state.membership_state.effective().membership().clone())
        .await
        .map_err(open_error)?;
    let voters: Vec<VoterId> = membership.voter_ids().collect();
    if !voters.contains(&me) {
        let voters: Vec<String> = voters.iter().map(VoterId::to_string).collect();
        let voters = voters.join(", ");
        return Err(OpenError::NotAVoter { me, voters });
    }
    if voters == [me] {
        raft.trigger().elect().await.map_err(open_error)?;
    }
    Ok(())
}

/// Derives leadership from what Raft reports, and tells Kafka's tools of each change.
fn follow_leadership(raft: &Raft, disk: Arc<Disk>) -> watch::Receiver<Leadership> {
    let mut metrics = raft.metrics();
    let (sender, receiver) = watch::channel(Leadership::default());
    tokio::spawn(async move {
        loop {
            let (current, voted) = {
                let metrics = metrics.borrow_and_update();
                let applied_term = metrics.last_applied.map(|id| id.leader_id.term);
                let leadership = Leadership {
                    leader_id: metrics.current_leader.map(|leader| leader.node_id),
                    epoch: epoch(metrics.current_term).unwrap_or(i32::MAX),
                    ready: metrics.running_state.is_ok()
                        && metrics.state.is_leader()
                        && applied_term == Some(metrics.current_term),
                };
                (leadership, metrics.vote.leader_id.voted_for)
            };
            let before = sender.send_replace(current);
            if (before.leader_id, before.epoch) != (current.leader_id, current.epoch) {
                let written = blocking(&disk, move |disk| {
                    let dir = disk.dir();
                    Ok(quorum_state::write(
                        &dir,
                        current.leader_id,
                        current.epoch,
                        voted,
                    )?)
                });
                if let Err(error) = written.await {
                    tracing::warn!(%error, "cannot write quorum-state");
                }
            }
            if metrics.changed().await.is_err() {
                // Raft is gone, and with it any leadership.
                sender.send_modify(|leadership| leadership.ready = false);
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
#[path = "quorum_tests.rs"]
pub(crate) mod tests;
