//! The classic group protocol: JoinGroup 0 to 9, SyncGroup 0 to 5, Heartbeat 0 to 4, LeaveGroup 0 to 5.
//!
//! Static members (KIP-345), member ids first (KIP-394), protocol type and name (KIP-559), reasons (KIP-800), skipped
//! assignment (KIP-814).

use std::sync::Arc;

use coordinator::{
    HeartbeatRequest, JoinRequest, LeaveMemberError, LeavingMember, Protocol, SyncError,
    SyncRequest,
};
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use wire::request;

use super::Call;
use crate::coordinator::CoordinatorError;

/// The versions in which the client may be told to join again with an id, and to skip the assignment.
const KNOWN_MEMBER_ID_FROM: i16 = 4;
const SKIP_ASSIGNMENT_FROM: i16 = 9;

/// Before this version a member has one timeout for everything.
const REBALANCE_TIMEOUT_FROM: i16 = 1;

/// From this version on the client has to say which protocol it takes the group to use.
const SYNC_PROTOCOL_FROM: i16 = 5;

/// Before this version one member leaves, named in the request itself.
const LEAVE_MEMBERS_FROM: i16 = 3;

pub(crate) async fn join(call: Arc<Call>, request: request::JoinGroupRequest) -> JoinGroupResponse {
    let rebalance_timeout_ms = match call.version() >= REBALANCE_TIMEOUT_FROM {
        true => request.rebalance_timeout_ms,
        false => request.session_timeout_ms,
    };
    let protocols = request.protocols.into_iter();
    let request = JoinRequest {
        group_id: request.group_id,
        member_id: request.member_id,
        group_instance_id: request.group_instance_id,
        client_id: call.client_id().to_owned(),
        client_host: format!("/{}", call.peer.address.ip()),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms,
        protocol_type: request.protocol_type,
        protocols: protocols
            .map(|offered| Protocol {
                name: offered.name,
                metadata: offered.metadata,
            })
            .collect(),
        reason: request.reason,
        requires_known_member_id: call.version() >= KNOWN_MEMBER_ID_FROM,
        supports_skipping_assignment: call.version() >= SKIP_ASSIGNMENT_FROM,
    };
    let joined = call.broker.groups.join(request).await;
    joined.unwrap_or_else(|error| {
        JoinGroupResponse::default()
            .with_protocol_name(None)
            .with_error_code(error.code().code())
    })
}

pub(crate) async fn sync(call: Arc<Call>, request: request::SyncGroupRequest) -> SyncGroupResponse {
    let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if call.version() >= SYNC_PROTOCOL_FROM && !names_protocol {
        return SyncGroupResponse::default()
            .with_error_code(SyncError::InconsistentGroupProtocol.code().code());
    }
    let assignments = request.assignments.into_iter();
    let request = SyncRequest {
        group_id: request.group_id,
        generation_id: request.generation_id,
        member_id: request.member_id,
        group_instance_id: request.group_instance_id,
        protocol_type: request.protocol_type,
        protocol_name: request.protocol_name,
        assignments: assignments
            .map(|assigned| (assigned.member_id, assigned.assignment))
            .collect(),
    };
    let synced = call.broker.groups.sync(request).await;
    synced.unwrap_or_else(|error| SyncGroupResponse::default().with_error_code(error.code().code()))
}

pub(crate) async fn heartbeat(
    call: Arc<Call>,
    request: request::HeartbeatRequest,
) -> HeartbeatResponse {
    let request = HeartbeatRequest {
        group_id: request.group_id,
        generation_id: request.generation_id,
        member_id: request.member_id,
        group_instance_id: request.group_instance_id,
    };
    let group_id = request.group_id.clone();
    let beat = call
        .broker
        .groups
        .call(&group_id, move |shard, turn| {
            shard.heartbeat(&request, turn.now)
        })
        .await;
    let error_code = match beat {
        Ok(result) => result.err().map_or(0, |error| error.code().code()),
        // The member has nothing to do but to go on beating.
        Err(CoordinatorError::LoadInProgress) => 0,
        Err(error) => error.code().code(),
    };
    HeartbeatResponse::default().with_error_code(error_code)
}

pub(crate) async fn leave(
    call: Arc<Call>,
    request: request::LeaveGroupRequest,
) -> LeaveGroupResponse {
    let members: Vec<LeavingMember> = if call.version() >= LEAVE_MEMBERS_FROM {
        request.members.into_iter().map(leaving).collect()
    } else {
        vec![LeavingMember {
            member_id: request.member_id,
            group_instance_id: None,
            reason: None,
        }]
    };
    let (group_id, left) = (request.group_id, members.clone());
    let decide = {
        let group_id = group_id.clone();
        move |shard: &mut coordinator::Shard, turn: &mut crate::coordinator::Turn<'_>| {
            shard.leave(&group_id, &left, turn.now, turn.effects)
        }
    };
    let code = match call.broker.groups.call(&group_id, decide).await {
        Ok(Ok(results)) => {
            let answers = members
                .into_iter()
                .zip(results)
                .map(|(member, result)| left_member(member, result));
            return LeaveGroupResponse::default().with_members(answers.collect());
        }
        Ok(Err(error)) => error.code(),
        Err(error) => error.code(),
    };
    LeaveGroupResponse::default().with_error_code(code.code())
}

fn leaving(member: request::MemberIdentity) -> LeavingMember {
    LeavingMember {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        reason: member.reason,
    }
}

fn left_member(member: LeavingMember, result: Result<(), LeaveMemberError>) -> MemberResponse {
    MemberResponse::default()
        .with_member_id(StrBytes::from_string(member.member_id))
        .with_group_instance_id(member.group_instance_id.map(StrBytes::from_string))
        .with_error_code(result.err().map_or(0, |error| error.code().code()))
}
