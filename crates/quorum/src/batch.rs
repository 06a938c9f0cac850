//! A Raft entry as a record batch: the one place that knows both.
//!
//! The batch's leader epoch is the entry's term. A blank entry is a LeaderChange control batch, a
//! membership entry one of KRaftVersion and KRaftVoters, anything else holds metadata records.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use format::{BatchBuilder, BatchHeader, BuildError, MalformedRecord, records};
use openraft::EntryPayload;
use wire::records::control::{
    ControlRecord, KRaftVersionFeature, KRaftVersionRecord, LeaderChangeMessage, LeaderChangeVoter,
    Voter as WireVoter, VoterEndpoint, VotersRecord,
};

use crate::types::{
    Endpoint, Entry, LogId, Membership, Proposal, TypeConfig, Voter, VoterId, epoch,
};

/// The `kraft.version` from which on voters are in the log.
const KRAFT_VERSION: i16 = 1;

/// The most that a record takes in a batch beside its value: five varints, attributes and the count of headers.
const RECORD_FRAMING_BYTES: usize = 32;

/// The most room that a record of this value takes in a batch.
pub fn room_of(value: &Bytes) -> usize {
    value.len().saturating_add(RECORD_FRAMING_BYTES)
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("term {0} is no leader epoch")]
    Term(u64),
    #[error("cannot make a batch: {0}")]
    Build(#[from] BuildError),
    #[error("cannot encode a control record: {0}")]
    Encode(#[from] wire::EncodeError),
    #[error("cannot decode a control record: {0}")]
    Decode(#[from] wire::DecodeError),
    #[error(transparent)]
    Record(#[from] MalformedRecord),
    #[error("the control batch at offset {0} is none of a metadata log")]
    UnknownControl(i64),
}

impl From<format::BatchError> for EntryError {
    fn from(error: format::BatchError) -> Self {
        Self::Build(error.into())
    }
}

/// Who writes, for the batches that say so.
pub(crate) struct Writer<'a> {
    pub(crate) me: VoterId,
    pub(crate) voters: &'a [i32],
    pub(crate) now_ms: i64,
}

/// The batch of `entry` at `base_offset`.
///
/// A proposal decided in another epoch than it is appended in becomes a blank: between the two
/// another leader may have decided otherwise.
pub(crate) fn encode(
    entry: &Entry,
    base_offset: i64,
    by: &Writer<'_>,
) -> Result<Bytes, EntryError> {
    let term = entry.log_id.leader_id.term;
    let epoch = epoch(term).ok_or(EntryError::Term(term))?;
    let batch = BatchBuilder::new(base_offset).leader_epoch(epoch);
    match &entry.payload {
        EntryPayload::Normal(proposal) if proposal.epoch == epoch => {
            let mut batch = batch;
            for record in &proposal.records {
                batch.append(by.now_ms, None, Some(record), &[]);
            }
            Ok(batch.build()?)
        }
        EntryPayload::Blank | EntryPayload::Normal(_) => {
            control_batch(batch, &[leader_change(by)], by.now_ms)
        }
        EntryPayload::Membership(membership) => {
            control_batch(batch, &voters(membership), by.now_ms)
        }
    }
}

/// How many records, and so offsets, the batch of an entry read from the log has.
pub(crate) fn record_count(entry: &Entry) -> i64 {
    match &entry.payload {
        EntryPayload::Blank => 1,
        EntryPayload::Normal(proposal) => proposal.records.len() as i64,
        EntryPayload::Membership(membership) => voters(membership).len() as i64,
    }
}

/// Finishes a control batch.
pub(crate) fn control_batch(
    batch: BatchBuilder,
    records: &[ControlRecord],
    now_ms: i64,
) -> Result<Bytes, EntryError> {
    let mut batch = batch.control();
    for record in records {
        let (key, value) = record.encode()?;
        batch.append(now_ms, Some(&key), Some(&value), &[]);
    }
    Ok(batch.build()?)
}

fn leader_change(by: &Writer<'_>) -> ControlRecord {
    let voter = |&voter_id: &i32| LeaderChangeVoter {
        voter_id,
        ..LeaderChangeVoter::default()
    };
    ControlRecord::LeaderChange(LeaderChangeMessage {
        version: 0,
        leader_id: by.me.node_id,
        voters: by.voters.iter().map(voter).collect(),
        // The library does not say who else granted its vote.
        granting_voters: vec![voter(&by.me.node_id)],
    })
}

/// What a snapshot or a membership entry says of the voters.
pub(crate) fn voters(membership: &Membership) -> Vec<ControlRecord> {
    let voters = membership.voter_ids().map(|id| WireVoter {
        voter_id: id.node_id,
        voter_directory_id: id.directory_id,
        endpoints: endpoints(membership.get_node(&id)),
        kraft_version_feature: KRaftVersionFeature {
            min_supported_version: 0,
            max_supported_version: KRAFT_VERSION,
        },
    });
    vec![
        ControlRecord::KRaftVersion(KRaftVersionRecord {
            version: 0,
            kraft_version: KRAFT_VERSION,
        }),
        ControlRecord::KRaftVoters(VotersRecord {
            version: 0,
            voters: voters.collect(),
        }),
    ]
}

fn endpoints(voter: Option<&Voter>) -> Vec<VoterEndpoint> {
    let endpoint = |endpoint: &Endpoint| VoterEndpoint {
        name: endpoint.name.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
    };
    voter.map_or_else(Vec::new, |voter| {
        voter.endpoints.iter().map(endpoint).collect()
    })
}

/// The entry of a whole batch, as `encode` made it. `membership` is what the sidecar has for it: more
/// than a voters record can say.
pub(crate) fn decode(
    batch: &Bytes,
    log_id: LogId,
    membership: Option<Membership>,
) -> Result<Entry, EntryError> {
    let header = BatchHeader::parse(batch)?;
    let payload = if !header.is_control() {
        EntryPayload::Normal(Proposal {
            records: values(batch, &header)?,
            epoch: header.partition_leader_epoch,
        })
    } else if let Some(membership) = membership {
        EntryPayload::Membership(membership)
    } else {
        control_payload(batch, &header)?
    };
    Ok(Entry { log_id, payload })
}

fn control_payload(
    batch: &[u8],
    header: &BatchHeader,
) -> Result<EntryPayload<TypeConfig>, EntryError> {
    for record in control_records(batch, header)? {
        match record {
            ControlRecord::LeaderChange(_) => return Ok(EntryPayload::Blank),
            ControlRecord::KRaftVoters(record) => {
                return Ok(EntryPayload::Membership(uniform(record)));
            }
            _ => {}
        }
    }
    Err(EntryError::UnknownControl(header.base_offset))
}

/// The records of a control batch that we know; none of any other batch.
pub(crate) fn control_records(
    batch: &[u8],
    header: &BatchHeader,
) -> Result<Vec<ControlRecord>, EntryError> {
    let mut known = Vec::new();
    if header.is_control() {
        for record in records(header.body_of(batch)?) {
            let record = record?;
            let key = record.key.unwrap_or_default();
            known.extend(ControlRecord::decode(
                key,
                record.value.unwrap_or_default(),
            )?);
        }
    }
    Ok(known)
}

fn uniform(record: VotersRecord) -> Membership {
    let mut nodes = BTreeMap::new();
    for voter in record.voters {
        let id = VoterId {
            node_id: voter.voter_id,
            directory_id: voter.voter_directory_id,
        };
        let endpoint = |endpoint: VoterEndpoint| Endpoint {
            name: endpoint.name,
            host: endpoint.host,
            port: endpoint.port,
        };
        let endpoints = voter.endpoints.into_iter().map(endpoint).collect();
        nodes.insert(id, Voter { endpoints });
    }
    let ids: BTreeSet<VoterId> = nodes.keys().copied().collect();
    Membership::new(vec![ids], nodes)
}

/// Whether a voters record says all there is to say of `membership`.
pub(crate) fn is_uniform(membership: &Membership) -> bool {
    membership.get_joint_config().len() == 1 && membership.learner_ids().next().is_none()
}

/// The values of a data batch's records, sharing the batch's memory.
pub(crate) fn values(batch: &Bytes, header: &BatchHeader) -> Result<Vec<Bytes>, EntryError> {
    if header.is_control() {
        return Ok(Vec::new());
    }
    records(header.body_of(batch)?)
        .map(|record| Ok(batch.slice_ref(record?.value.unwrap_or_default())))
        .collect()
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
