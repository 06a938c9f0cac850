//! The classic group protocol: FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, and what administers groups.

use bytes::Bytes;

use crate::codec::message;

message! {
    /// Key type 0 is a group, 1 a transactional id, 2 a share partition. Since version 4 many keys at once (KIP-699).
    pub struct FindCoordinatorRequest: 0..=6, flexible 3 {
        key: String [..=3],
        key_type: i8 [1..],
        coordinator_keys: Vec<String> [4..],
    }

    /// Version 4 wants a member id first (KIP-394), version 5 knows static members (KIP-345).
    pub struct JoinGroupRequest: 0..=9, flexible 6 {
        group_id: String,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32 [1.., ignorable] = -1,
        member_id: String,
        group_instance_id: Option<String> [5.., null],
        protocol_type: String,
        protocols: Vec<JoinGroupRequestProtocol>,
        reason: Option<String> [8.., null, ignorable],
    }

    pub struct JoinGroupRequestProtocol {
        name: String,
        metadata: Bytes,
    }

    pub struct SyncGroupRequest: 0..=5, flexible 4 {
        group_id: String,
        generation_id: i32,
        member_id: String,
        group_instance_id: Option<String> [3.., null],
        protocol_type: Option<String> [5.., null, ignorable],
        protocol_name: Option<String> [5.., null, ignorable],
        assignments: Vec<SyncGroupRequestAssignment>,
    }

    pub struct SyncGroupRequestAssignment {
        member_id: String,
        assignment: Bytes,
    }

    pub struct HeartbeatRequest: 0..=4, flexible 4 {
        group_id: String,
        generation_id: i32,
        member_id: String,
        group_instance_id: Option<String> [3.., null],
    }

    /// Since version 3 several members at once.
    pub struct LeaveGroupRequest: 0..=5, flexible 4 {
        group_id: String,
        member_id: String [..=2],
        members: Vec<MemberIdentity> [3..],
    }

    pub struct MemberIdentity {
        member_id: String,
        group_instance_id: Option<String> [null],
        reason: Option<String> [5.., null, ignorable],
    }

    pub struct DescribeGroupsRequest: 0..=6, flexible 5 {
        groups: Vec<String>,
        include_authorized_operations: bool [3..],
    }

    /// No filter asks for all: by state (KIP-518) and by type (KIP-848).
    pub struct ListGroupsRequest: 0..=5, flexible 3 {
        states_filter: Vec<String> [4..],
        types_filter: Vec<String> [5..],
    }

    pub struct DeleteGroupsRequest: 0..=2, flexible 2 {
        groups_names: Vec<String>,
    }
}
