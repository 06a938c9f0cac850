//! A classic group: its generation, its members, and what may be done to it in each state.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::protocol::StrBytes;
use wire::Message;
use wire::consumer_protocol::ConsumerProtocolSubscription;

use crate::member::Protocol;
use crate::members::Members;
use crate::state::GroupState;

/// The protocol type of consumers, whose member metadata the coordinator understands.
pub(crate) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// The time left for a new group to gather its first members. All in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InitialDelay {
    /// How long the present wait is.
    pub(crate) delay_ms: i32,
    /// How much longer it may be drawn out while members keep coming.
    pub(crate) remaining_ms: i32,
}

/// Why a member id, with or without a group instance id, is not that of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberMismatch {
    Unknown,
    /// The group instance id stands for another, newer member.
    Fenced,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: Arc<str>,
    state: GroupState,
    previous_state: GroupState,
    /// When the state was entered; unknown for groups loaded from old records.
    pub(crate) state_timestamp_ms: Option<i64>,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol_name: Option<String>,
    pub(crate) generation_id: i32,
    pub(crate) leader: Option<Arc<str>>,
    pub(crate) members: Members,
    /// Ids given out with MEMBER_ID_REQUIRED that have not come back yet.
    pub(crate) pending_joins: BTreeSet<Arc<str>>,
    /// Members of this generation that have not asked for their assignment yet.
    pub(crate) pending_syncs: BTreeSet<Arc<str>>,
    /// What the generation's members subscribe to; `None` if that cannot be known.
    pub(crate) subscribed_topics: Option<BTreeSet<String>>,
    /// Set while the first rebalance of an empty group gathers members.
    pub(crate) initial_delay: Option<InitialDelay>,
    /// Whether a member came while the first rebalance was waiting.
    pub(crate) new_member_added: bool,
}

impl Group {
    pub(crate) fn new(id: Arc<str>, now_ms: i64) -> Self {
        Self {
            id,
            state: GroupState::Empty,
            previous_state: GroupState::Empty,
            state_timestamp_ms: Some(now_ms),
            protocol_type: None,
            protocol_name: None,
            generation_id: 0,
            leader: None,
            members: Members::default(),
            pending_joins: BTreeSet::new(),
            pending_syncs: BTreeSet::new(),
            subscribed_topics: None,
            initial_delay: None,
            new_member_added: false,
        }
    }

    /// A group as its last record describes it.
    pub(crate) fn restored(mut self, members: Members) -> Self {
        self.state = if members.is_empty() {
            GroupState::Empty
        } else {
            GroupState::Stable
        };
        self.members = members;
        self.subscribed_topics = self.compute_subscribed_topics();
        self
    }

    pub(crate) fn state(&self) -> GroupState {
        self.state
    }

    /// Whether this is the first rebalance of a group that was empty, which ends by the clock only.
    pub(crate) fn is_initial_rebalance(&self) -> bool {
        self.state == GroupState::PreparingRebalance && self.previous_state == GroupState::Empty
    }

    pub(crate) fn transition_to(&mut self, state: GroupState, now_ms: i64) {
        debug_assert!(
            self.state.precedes(state),
            "{} to {}",
            self.state.name(),
            state.name()
        );
        self.previous_state = self.state;
        self.state = state;
        self.state_timestamp_ms = Some(now_ms);
    }

    pub(crate) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    pub(crate) fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// Whether a member with these protocols could be in the group.
    pub(crate) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type) && self.members.offer_any_of(protocols)
    }

    /// Checks that a request comes from a current member.
    pub(crate) fn check_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), MemberMismatch> {
        if let Some(instance_id) = instance_id {
            let current = self
                .members
                .static_id(instance_id)
                .ok_or(MemberMismatch::Unknown)?;
            if **current != *member_id {
                return Err(MemberMismatch::Fenced);
            }
        }
        if self.members.contains(member_id) {
            Ok(())
        } else {
            Err(MemberMismatch::Unknown)
        }
    }

    pub(crate) fn has_all_members_joined(&self) -> bool {
        self.members.awaiting_join() == self.members.len() && self.pending_joins.is_empty()
    }

    /// Removes a member, joined or pending, and passes on the leadership if it held it.
    pub(crate) fn forget_member(&mut self, member_id: &str) {
        self.members.remove(member_id);
        if self.is_leader(member_id) {
            self.leader = self
                .members
                .iter()
                .next()
                .map(|member| Arc::clone(&member.id));
        }
        self.pending_joins.remove(member_id);
        self.pending_syncs.remove(member_id);
    }

    /// Sees to it that the leader is a member that has joined the coming generation; false if nobody has.
    pub(crate) fn elect_joined_leader(&mut self) -> bool {
        let Some(leader) = &self.leader else {
            return false;
        };
        if self
            .members
            .get(leader)
            .is_some_and(|member| member.awaiting_join.is_some())
        {
            return true;
        }
        let joined = self
            .members
            .iter()
            .find(|member| member.awaiting_join.is_some());
        let Some(joined) = joined.map(|member| Arc::clone(&member.id)) else {
            return false;
        };
        self.leader = Some(joined);
        true
    }

    pub(crate) fn begin_next_generation(&mut self, now_ms: i64) {
        self.generation_id = self.generation_id.wrapping_add(1);
        self.protocol_name = self.members.select_protocol();
        self.subscribed_topics = self.compute_subscribed_topics();
        let next = if self.members.is_empty() {
            GroupState::Empty
        } else {
            GroupState::CompletingRebalance
        };
        self.transition_to(next, now_ms);
        self.pending_syncs.clear();
    }

    /// Whether committed offsets of `topic` are in use. A group that may subscribe to anything uses all.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_protocol(),
        }
    }

    /// The members as the leader needs them to compute the assignment.
    pub(crate) fn members_for_leader(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        self.members
            .iter()
            .map(|member| {
                JoinGroupResponseMember::default()
                    .with_member_id(str_bytes(&member.id))
                    .with_group_instance_id(member.group_instance_id.as_deref().map(str_bytes))
                    .with_metadata(member.metadata(protocol))
            })
            .collect()
    }

    fn compute_subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if !self.uses_consumer_protocol() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol_name.as_deref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.iter() {
            topics.extend(subscribed_topics(&member.metadata(protocol))?);
        }
        Some(topics)
    }
}

/// The topics that a consumer's metadata subscribes to; `None` if it is no subscription. Every version begins as
/// version 0 does, so what came later is of no concern.
fn subscribed_topics(metadata: &[u8]) -> Option<Vec<String>> {
    let (_version, body) = metadata.split_first_chunk::<2>()?;
    ConsumerProtocolSubscription::decode(body, 0)
        .ok()
        .map(|subscription| subscription.topics)
}

/// A response's own copy of a string.
pub(crate) fn str_bytes(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
