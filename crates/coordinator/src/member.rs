//! One member of a group.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::effects::Token;

/// One protocol that a member can use (for consumers: an assignor) with the metadata that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    pub name: String,
    pub metadata: Bytes,
}

/// A member that has joined.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: Arc<str>,
    /// Set for a static member (KIP-345).
    pub(crate) group_instance_id: Option<Arc<str>>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    /// In order of preference, no name twice.
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) assignment: Bytes,
    pub(crate) awaiting_join: Option<Token>,
    pub(crate) awaiting_sync: Option<Token>,
    /// From its first join until the generation is complete: such a member must not wait without a time limit.
    pub(crate) is_new: bool,
}

impl Member {
    pub(crate) fn is_static(&self) -> bool {
        self.group_instance_id.is_some()
    }

    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|offered| offered.name == protocol)
            .map(|offered| offered.metadata.clone())
            .unwrap_or_default()
    }

    /// A member that waits for an answer of ours is alive even though it sends no heartbeats.
    pub(crate) fn is_excused_from_heartbeat(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }
}

/// Keeps the first protocol of each name.
pub(crate) fn without_duplicates(mut protocols: Vec<Protocol>) -> Vec<Protocol> {
    let mut seen = HashSet::with_capacity(protocols.len());
    protocols.retain(|protocol| seen.insert(protocol.name.clone()));
    protocols
}
