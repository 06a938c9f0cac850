//! What Raft must remember beside the log: its vote, where the log's first entry is, the newest
//! checkpoint, and memberships that a voters record cannot express. One small file, fsynced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use format::crc::crc32c;
use serde::{Deserialize, Serialize};

use crate::checkpoint::CheckpointId;
use crate::file;
use crate::positions::log_id;
use crate::types::{LogId, Membership, SnapshotMeta, StoredMembership, Vote, Voter, VoterId};

const FILE_NAME: &str = "raft-state";
const FORMAT_VERSION: u16 = 2;

/// The file and its contents; a change is on disk when its method returns.
#[derive(Debug)]
pub(crate) struct Sidecar {
    path: PathBuf,
    contents: Contents,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Contents {
    version: u16,
    vote: Option<StoredVote>,
    /// As of the last change of anything else: it only saves a leader's word at the next start.
    committed: Option<StoredLogId>,
    purged: Option<StoredLogId>,
    first_index: u64,
    first_offset: i64,
    /// By entry: joint ones, and those with learners.
    memberships: Vec<StoredConfiguration>,
    checkpoint: Option<StoredCheckpoint>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct StoredVote {
    term: u64,
    voted_for: Option<VoterId>,
    committed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct StoredLogId {
    term: u64,
    index: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredConfiguration {
    entry: Option<StoredLogId>,
    voters: Vec<BTreeSet<VoterId>>,
    nodes: Vec<(VoterId, Voter)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredCheckpoint {
    end_offset: i64,
    epoch: i32,
    last: StoredLogId,
    membership: StoredConfiguration,
}

impl Sidecar {
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE_NAME);
        let contents = match file::read(&path)? {
            None => Contents::default(),
            Some(bytes) => decode(&bytes).map_err(|problem| {
                let message = format!("{}: {problem}", path.display());
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?,
        };
        if contents.version > FORMAT_VERSION {
            let message = format!("{} has format version {}", path.display(), contents.version);
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        Ok(Self { path, contents })
    }

    pub(crate) fn vote(&self) -> Option<Vote> {
        self.contents.vote.map(|vote| Vote {
            leader_id: openraft::LeaderId {
                term: vote.term,
                voted_for: vote.voted_for,
            },
            committed: vote.committed,
        })
    }

    pub(crate) fn committed(&self) -> Option<LogId> {
        self.contents.committed.map(from_stored)
    }

    pub(crate) fn purged(&self) -> Option<LogId> {
        self.contents.purged.map(from_stored)
    }

    /// Index and offset of the first entry that the log may hold.
    pub(crate) fn first(&self) -> (u64, i64) {
        (self.contents.first_index, self.contents.first_offset)
    }

    /// What entry `id` says, if its voters record does not say it all.
    pub(crate) fn membership(&self, id: LogId) -> Option<Membership> {
        let id = Some(to_stored(id));
        let stored = self
            .contents
            .memberships
            .iter()
            .find(|stored| stored.entry == id)?;
        Some(stored.membership())
    }

    pub(crate) fn checkpoint(&self) -> Option<(CheckpointId, SnapshotMeta)> {
        let stored = self.contents.checkpoint.as_ref()?;
        let id = CheckpointId {
            end_offset: stored.end_offset,
            epoch: stored.epoch,
        };
        let membership = &stored.membership;
        let meta = SnapshotMeta {
            last_log_id: Some(from_stored(stored.last)),
            last_membership: StoredMembership::new(
                membership.entry.map(from_stored),
                membership.membership(),
            ),
            snapshot_id: id.to_string(),
        };
        Some((id, meta))
    }

    /// A node that starts anew leads nothing: without this mark Raft would go on as the leader of an
    /// epoch that it has lost the memory of.
    pub(crate) fn relinquish(&mut self) {
        if let Some(vote) = &mut self.contents.vote {
            vote.committed = false;
        }
    }

    pub(crate) fn set_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.contents.vote = Some(StoredVote {
            term: vote.leader_id.term,
            voted_for: vote.leader_id.voted_for,
            committed: vote.committed,
        });
        self.write()
    }

    /// Goes to disk with the next change.
    pub(crate) fn note_committed(&mut self, committed: Option<LogId>) {
        self.contents.committed = committed.map(to_stored);
    }

    pub(crate) fn set_first(
        &mut self,
        purged: Option<LogId>,
        index: u64,
        offset: i64,
    ) -> io::Result<()> {
        self.contents.purged = purged.map(to_stored);
        self.contents.first_index = index;
        self.contents.first_offset = offset;
        let kept =
            |stored: &StoredConfiguration| stored.entry.is_none_or(|entry| entry.index >= index);
        self.contents.memberships.retain(kept);
        self.write()
    }

    pub(crate) fn add_membership(&mut self, id: LogId, membership: &Membership) -> io::Result<()> {
        // One of the same index was truncated.
        self.contents
            .memberships
            .retain(|stored| stored.entry.map(|entry| entry.index) != Some(id.index));
        self.contents
            .memberships
            .push(StoredConfiguration::new(Some(id), membership));
        self.write()
    }

    pub(crate) fn set_checkpoint(
        &mut self,
        id: CheckpointId,
        last: LogId,
        membership: &StoredMembership,
    ) -> io::Result<()> {
        self.contents.checkpoint = Some(StoredCheckpoint {
            end_offset: id.end_offset,
            epoch: id.epoch,
            last: to_stored(last),
            membership: StoredConfiguration::new(*membership.log_id(), membership.membership()),
        });
        self.write()
    }

    pub(crate) fn write(&mut self) -> io::Result<()> {
        self.contents.version = FORMAT_VERSION;
        let bytes = encode(&self.contents)?;
        file::replace(&self.path, |file| io::Write::write_all(file, &bytes))
    }
}

/// A line of JSON, and a line with its CRC-32C.
fn encode(contents: &Contents) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(contents)?;
    let crc = crc32c(&bytes);
    bytes.extend(format!("\n{crc:08x}\n").as_bytes());
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Contents, String> {
    let damaged = || "damaged: its checksum is wrong".to_owned();
    let text = str::from_utf8(bytes).map_err(|_| damaged())?;
    let (json, crc) = text.split_once('\n').ok_or_else(damaged)?;
    if crc != format!("{:08x}\n", crc32c(json.as_bytes())) {
        return Err(damaged());
    }
    serde_json::from_str(json).map_err(|error| error.to_string())
}

impl StoredConfiguration {
    fn new(entry: Option<LogId>, membership: &Membership) -> Self {
        Self {
            entry: entry.map(to_stored),
            voters: membership.get_joint_config().clone(),
            nodes: membership
                .nodes()
                .map(|(id, voter)| (*id, voter.clone()))
                .collect(),
        }
    }

    fn membership(&self) -> Membership {
        let nodes: BTreeMap<VoterId, Voter> = self.nodes.iter().cloned().collect();
        Membership::new(self.voters.clone(), nodes)
    }
}

fn to_stored(id: LogId) -> StoredLogId {
    StoredLogId {
        term: id.leader_id.term,
        index: id.index,
    }
}

fn from_stored(stored: StoredLogId) -> LogId {
    log_id(stored.term, stored.index)
}
