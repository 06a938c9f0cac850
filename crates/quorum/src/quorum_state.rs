//! Kafka's `quorum-state` file: who leads in which epoch, as its own tools expect to find it. It is
//! written for them; what this node goes by is in the sidecar.

use std::io::{self, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::file;
use crate::types::VoterId;

/// As Kafka writes it where `kraft.version` is 1.
#[derive(Serialize)]
struct QuorumState {
    #[serde(rename = "leaderId")]
    leader_id: i32,
    #[serde(rename = "leaderEpoch")]
    leader_epoch: i32,
    #[serde(rename = "votedId")]
    voted_id: i32,
    #[serde(rename = "votedDirectoryId")]
    voted_directory_id: String,
    data_version: u16,
}

pub(crate) fn write(
    dir: &Path,
    leader_id: Option<i32>,
    leader_epoch: i32,
    voted: Option<VoterId>,
) -> io::Result<()> {
    let directory_id = voted.unwrap_or_default().directory_id;
    let state = QuorumState {
        leader_id: leader_id.unwrap_or(-1),
        leader_epoch,
        voted_id: voted.map_or(-1, |voted| voted.node_id),
        voted_directory_id: URL_SAFE_NO_PAD.encode(directory_id),
        data_version: 1,
    };
    let bytes = serde_json::to_vec(&state)?;
    file::replace(&dir.join("quorum-state"), |file| file.write_all(&bytes))
}
