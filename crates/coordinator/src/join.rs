//! JoinGroup: a member asks to be part of the next generation.
//!
//! KIP-62 (rebalance timeout), KIP-345 (static members), KIP-394 (member id required), KIP-814 (the static leader
//! that returns skips the assignment).

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::JoinGroupResponse;
use thiserror::Error;
use uuid::Uuid;

use crate::config::GroupConfig;
use crate::effects::Token;
use crate::group::{Group, MemberMismatch, str_bytes};
use crate::member::{Member, Protocol, without_duplicates};
use crate::rebalance::{self, Turn};
use crate::records;
use crate::state::GroupState;
use crate::timers::Timer;

/// How long a member that just joined may stay quiet. It waits for our answer, so it cannot be asked for heartbeats,
/// but it must not hold up the group for ever either. In milliseconds.
const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 5 * 60 * 1_000;

/// The longest client id or group instance id, in bytes. A dash and a UUID are put behind it to make a member id, and
/// no string of the protocol is longer than 32,767 bytes.
const MAX_ID_BYTES: usize = i16::MAX as usize - 37;

#[derive(Clone, Debug)]
pub struct JoinRequest {
    pub group_id: String,
    /// Empty for a member without an id.
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    /// In order of preference.
    pub protocols: Vec<Protocol>,
    /// Why the client joins, for the log.
    pub reason: Option<String>,
    /// Whether a dynamic member must come back with the id that it is given (version 4).
    pub requires_known_member_id: bool,
    /// Whether the client understands that it need not assign (version 9).
    pub supports_skipping_assignment: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JoinError {
    #[error("the group id is empty")]
    InvalidGroupId,
    #[error("the client id or group instance id leaves no room for a member id")]
    IdTooLong,
    #[error("the session timeout is out of the broker's bounds")]
    InvalidSessionTimeout,
    #[error("the member is not in the group")]
    UnknownMemberId,
    #[error("the member has to join again with the id it is given")]
    MemberIdRequired,
    #[error("a newer member has taken the group instance id")]
    FencedInstanceId,
    #[error("the group's members do not all support any of the protocols")]
    InconsistentGroupProtocol,
    #[error("the group has as many members as it may have")]
    GroupMaxSizeReached,
    #[error("another request of the member has taken the place of this one")]
    Superseded,
    #[error("the group's record does not fit into a batch of the offsets topic")]
    RecordTooLarge,
}

impl JoinError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::InvalidGroupId => ResponseError::InvalidGroupId,
            Self::IdTooLong => ResponseError::InvalidRequest,
            Self::InvalidSessionTimeout => ResponseError::InvalidSessionTimeout,
            Self::UnknownMemberId => ResponseError::UnknownMemberId,
            Self::MemberIdRequired => ResponseError::MemberIdRequired,
            Self::FencedInstanceId => ResponseError::FencedInstanceId,
            Self::InconsistentGroupProtocol => ResponseError::InconsistentGroupProtocol,
            Self::GroupMaxSizeReached => ResponseError::GroupMaxSizeReached,
            Self::Superseded => ResponseError::RebalanceInProgress,
            // Kafka has no name for it and answers UNKNOWN_SERVER_ERROR.
            Self::RecordTooLarge => ResponseError::MessageTooLarge,
        }
    }
}

impl From<MemberMismatch> for JoinError {
    fn from(mismatch: MemberMismatch) -> Self {
        match mismatch {
            MemberMismatch::Unknown => Self::UnknownMemberId,
            MemberMismatch::Fenced => Self::FencedInstanceId,
        }
    }
}

/// The answer to a join that failed; its protocol is null, where the type's default is an empty one.
pub(crate) fn refused(member_id: &str, error: JoinError) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_member_id(str_bytes(member_id))
        .with_protocol_name(None)
        .with_error_code(error.code().code())
}

/// The answer to a member of the present generation.
pub(crate) fn accepted(group: &Group, member_id: &str) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_member_id(str_bytes(member_id))
        .with_generation_id(group.generation_id)
        .with_protocol_type(group.protocol_type.as_deref().map(str_bytes))
        .with_protocol_name(group.protocol_name.as_deref().map(str_bytes))
        .with_leader(str_bytes(group.leader.as_deref().unwrap_or_default()))
}

/// Refuses what is wrong whatever the state of the group.
pub(crate) fn check(request: &JoinRequest, config: &GroupConfig) -> Result<(), JoinError> {
    let session_timeouts_ms = config.min_session_timeout_ms..=config.max_session_timeout_ms;
    if request.group_id.is_empty() {
        return Err(JoinError::InvalidGroupId);
    }
    let instance_id_bytes = request.group_instance_id.as_ref().map_or(0, String::len);
    if request.client_id.len().max(instance_id_bytes) > MAX_ID_BYTES {
        return Err(JoinError::IdTooLong);
    }
    if !session_timeouts_ms.contains(&request.session_timeout_ms) {
        return Err(JoinError::InvalidSessionTimeout);
    }
    Ok(())
}

/// Joins `request`'s member to `group`. `entropy` makes a new member's id.
pub(crate) fn join(
    group: &mut Group,
    mut request: JoinRequest,
    token: Token,
    entropy: Uuid,
    turn: &mut Turn<'_>,
) {
    request.protocols = without_duplicates(request.protocols);
    if !has_room(group, &request.member_id, turn.config) {
        let member_id = request.member_id;
        rebalance::remove_member(group, &member_id, turn);
        turn.effects
            .joins
            .push((token, refused("", JoinError::GroupMaxSizeReached)));
    } else if !group.supports(&request.protocol_type, &request.protocols) {
        let response = refused(&request.member_id, JoinError::InconsistentGroupProtocol);
        turn.effects.joins.push((token, response));
    } else if request.member_id.is_empty() {
        join_without_id(group, request, token, entropy, turn);
    } else {
        join_with_id(group, request, token, turn);
    }
}

fn has_room(group: &Group, member_id: &str, config: &GroupConfig) -> bool {
    match group.state() {
        GroupState::Empty => true,
        GroupState::PreparingRebalance => {
            group
                .members
                .get(member_id)
                .is_some_and(|member| member.awaiting_join.is_some())
                || group.members.awaiting_join() < config.max_size
        }
        GroupState::CompletingRebalance | GroupState::Stable => {
            group.members.contains(member_id) || group.members.len() < config.max_size
        }
    }
}

fn join_without_id(
    group: &mut Group,
    request: JoinRequest,
    token: Token,
    entropy: Uuid,
    turn: &mut Turn<'_>,
) {
    let prefix = request
        .group_instance_id
        .as_deref()
        .unwrap_or(&request.client_id);
    let new_id: Arc<str> = format!("{prefix}-{}", entropy.hyphenated()).into();
    let predecessor = request
        .group_instance_id
        .as_deref()
        .and_then(|instance_id| group.members.static_id(instance_id))
        .cloned();
    if let Some(old_id) = predecessor {
        replace_static(group, &old_id, &new_id, request, token, turn);
    } else if request.group_instance_id.is_none() && request.requires_known_member_id {
        let timer = Timer::Session {
            group: Arc::clone(&group.id),
            member: Arc::clone(&new_id),
        };
        turn.schedule(timer, request.session_timeout_ms);
        turn.effects
            .joins
            .push((token, refused(&new_id, JoinError::MemberIdRequired)));
        group.pending_joins.insert(new_id);
    } else {
        add_member(group, new_id, request, token, turn);
    }
}

fn join_with_id(group: &mut Group, request: JoinRequest, token: Token, turn: &mut Turn<'_>) {
    let instance_id = request.group_instance_id.as_deref();
    if instance_id.is_none() && group.pending_joins.contains(&*request.member_id) {
        let member_id = request.member_id.as_str().into();
        return add_member(group, member_id, request, token, turn);
    }
    if let Err(mismatch) = group.check_member(&request.member_id, instance_id) {
        turn.effects
            .joins
            .push((token, refused(&request.member_id, mismatch.into())));
        return;
    }
    let is_leader = group.is_leader(&request.member_id);
    let is_unchanged = group
        .members
        .get(&request.member_id)
        .is_some_and(|member| member.protocols == request.protocols);
    let response = accepted(group, &request.member_id);
    match group.state() {
        // The answer may have been lost: it is given again.
        GroupState::CompletingRebalance if is_unchanged => {
            let members = if is_leader {
                group.members_for_leader()
            } else {
                Vec::new()
            };
            turn.effects
                .joins
                .push((token, response.with_members(members)));
        }
        // Only a leader may ask for a rebalance by joining again: it does when the topics have changed.
        GroupState::Stable if is_unchanged && !is_leader => {
            turn.effects.joins.push((token, response))
        }
        GroupState::Empty => {
            let response = refused(&request.member_id, JoinError::UnknownMemberId);
            turn.effects.joins.push((token, response));
        }
        GroupState::PreparingRebalance | GroupState::CompletingRebalance | GroupState::Stable => {
            let reason = reason(&request, "a member joins again");
            let member_id = request.member_id.clone();
            update_member(group, &member_id, request, token, turn);
            rebalance::react(group, &reason, turn);
        }
    }
}

fn add_member(
    group: &mut Group,
    member_id: Arc<str>,
    request: JoinRequest,
    token: Token,
    turn: &mut Turn<'_>,
) {
    if group.is_initial_rebalance() {
        group.new_member_added = true;
    }
    if group.members.is_empty() {
        group.protocol_type = Some(request.protocol_type.clone());
    }
    if group.leader.is_none() {
        group.leader = Some(Arc::clone(&member_id));
    }
    group.pending_joins.remove(&member_id);
    let reason = reason(&request, "a new member joins");
    group.members.insert(Member {
        id: Arc::clone(&member_id),
        group_instance_id: request.group_instance_id.map(Into::into),
        client_id: request.client_id,
        client_host: request.client_host,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        session_timeout_ms: request.session_timeout_ms,
        protocols: request.protocols,
        assignment: bytes::Bytes::new(),
        awaiting_join: Some(token),
        awaiting_sync: None,
        is_new: true,
    });
    let timer = Timer::Session {
        group: Arc::clone(&group.id),
        member: member_id,
    };
    turn.schedule(timer, NEW_MEMBER_JOIN_TIMEOUT_MS);
    rebalance::react(group, &reason, turn);
}

/// Takes over what the member says of itself now. A JoinGroup of its that was still waiting is answered.
fn update_member(
    group: &mut Group,
    member_id: &str,
    request: JoinRequest,
    token: Token,
    turn: &mut Turn<'_>,
) {
    turn.answer_join(group, member_id, refused(member_id, JoinError::Superseded));
    group.members.update(member_id, |member| {
        member.protocols = request.protocols;
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        member.session_timeout_ms = request.session_timeout_ms;
        member.awaiting_join = Some(token);
    });
}

/// A static member is back without its id. While the group is stable that costs no rebalance, unless the protocol
/// changes with it.
fn replace_static(
    group: &mut Group,
    old_id: &str,
    new_id: &Arc<str>,
    request: JoinRequest,
    token: Token,
    turn: &mut Turn<'_>,
) {
    let former_leader = group.leader.clone();
    rebalance::replace_static_member(group, old_id, new_id, turn);
    let reason = reason(&request, "a static member returns");
    let may_skip_assignment = request.supports_skipping_assignment;
    update_member(group, new_id, request, token, turn);
    let record = records::store_group(group);
    let is_unchanged = group.protocol_name == group.members.select_protocol();
    match group.state() {
        // A record that cannot be kept is not made: the members agree anew.
        GroupState::Stable if is_unchanged && turn.check_size(&record).is_ok() => {
            turn.effects.records.push(record);
            let mut response = accepted(group, new_id);
            if !may_skip_assignment {
                // An old client that saw itself as leader would assign, so it is told of its predecessor.
                response.leader = str_bytes(former_leader.as_deref().unwrap_or_default());
            } else if group.is_leader(new_id) {
                response = response
                    .with_skip_assignment(true)
                    .with_members(group.members_for_leader());
            }
            turn.answer_join(group, new_id, response);
        }
        GroupState::PreparingRebalance => rebalance::complete_join_if_all_joined(group, turn),
        GroupState::Stable | GroupState::CompletingRebalance | GroupState::Empty => {
            rebalance::react(group, &reason, turn);
        }
    }
}

fn reason(request: &JoinRequest, what: &str) -> String {
    match &request.reason {
        Some(reason) => format!("{what}; client reason: {reason}"),
        None => what.to_owned(),
    }
}
