//! The way to other voters. A quorum of one has none: whoever is asked for cannot be reached.

use std::io;

use openraft::OptionalSend;
use openraft::error::{Fatal, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};

use crate::types::{Snapshot, TypeConfig, Vote, Voter, VoterId};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Alone;

fn unreachable() -> Unreachable {
    Unreachable::new(&io::Error::new(
        io::ErrorKind::NotConnected,
        "a quorum of one has no peers",
    ))
}

impl RaftNetworkFactory<TypeConfig> for Alone {
    type Network = Self;

    async fn new_client(&mut self, _target: VoterId, _voter: &Voter) -> Self {
        *self
    }
}

type Refused = RPCError<VoterId, Voter, RaftError<VoterId>>;

impl RaftNetwork<TypeConfig> for Alone {
    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<VoterId>, Refused> {
        Err(unreachable().into())
    }

    async fn vote(
        &mut self,
        _request: VoteRequest<VoterId>,
        _option: RPCOption,
    ) -> Result<VoteResponse<VoterId>, Refused> {
        Err(unreachable().into())
    }

    async fn full_snapshot(
        &mut self,
        _vote: Vote,
        _snapshot: Snapshot,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<VoterId>, StreamingError<TypeConfig, Fatal<VoterId>>> {
        Err(unreachable().into())
    }
}
