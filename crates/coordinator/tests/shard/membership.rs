//! Who may join, sync, beat, commit and leave.

use coordinator::{
    GroupConfig, HeartbeatError, HeartbeatRequest, JoinRequest, LeaveMemberError, SyncRequest,
};
use kafka_protocol::ResponseError;

use crate::world::*;

#[test]
fn a_first_member_joins_in_two_steps_and_leads() {
    let mut world = World::new();
    let first = world.join(consumer(""));
    let required = world.joined(first);
    assert_eq!(
        error(required.error_code),
        Some(ResponseError::MemberIdRequired)
    );
    assert_eq!(required.generation_id, -1);
    assert_eq!(
        required.member_id.as_str(),
        "client-00000000-0000-0000-0000-000000000001"
    );
    assert_eq!(world.state(), "Empty");

    let member_id = required.member_id.to_string();
    let second = world.join(consumer(&member_id));
    assert_eq!(world.state(), "PreparingRebalance");
    world.pass(INITIAL_DELAY_MS - 1);
    assert!(world.is_waiting(second));
    world.pass(1);
    let joined = world.joined(second);
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.protocol_type.as_deref(), Some("consumer"));
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    assert_eq!(joined.members.len(), 1);
    assert_eq!(joined.members[0].metadata, subscription(&["t"]));
    assert_eq!(world.state(), "CompletingRebalance");

    let sync = world.sync(&member_id, 1, &[(&member_id, "all")]);
    assert_eq!(world.synced(sync).assignment, "all");
    assert_eq!(world.state(), "Stable");
    assert_eq!(world.heartbeat(&member_id, 1), Ok(()));
}

#[test]
fn an_old_client_joins_in_one_step() {
    let mut world = World::new();
    let token = world.join(JoinRequest {
        requires_known_member_id: false,
        ..consumer("")
    });
    world.pass(INITIAL_DELAY_MS);
    assert_eq!(world.joined(token).generation_id, 1);
}

#[test]
fn an_id_that_is_not_used_in_time_is_forgotten() {
    let mut world = World::new();
    let token = world.join(consumer(""));
    let member_id = world.joined(token).member_id.to_string();
    world.pass(SESSION_MS);
    let token = world.join(consumer(&member_id));
    assert_eq!(
        error(world.joined(token).error_code),
        Some(ResponseError::UnknownMemberId)
    );
}

#[test]
fn joins_are_refused_for_the_right_reason() {
    let mut world = World::new();
    let (members, _) = world.stable(vec![static_consumer("", "one")]);
    let member = members[0].as_str();
    let too_long = "i".repeat(32_731);
    for (what, request, expected) in [
        (
            "no group id",
            JoinRequest {
                group_id: String::new(),
                ..consumer("")
            },
            ResponseError::InvalidGroupId,
        ),
        (
            "short session",
            JoinRequest {
                session_timeout_ms: 5_999,
                ..consumer("")
            },
            ResponseError::InvalidSessionTimeout,
        ),
        (
            "long session",
            JoinRequest {
                session_timeout_ms: 1_800_001,
                ..consumer("")
            },
            ResponseError::InvalidSessionTimeout,
        ),
        (
            "unknown member",
            consumer("stranger"),
            ResponseError::UnknownMemberId,
        ),
        (
            "unknown group",
            JoinRequest {
                group_id: "other".into(),
                ..consumer("m")
            },
            ResponseError::UnknownMemberId,
        ),
        (
            "other type",
            JoinRequest {
                protocol_type: "connect".into(),
                ..consumer("")
            },
            ResponseError::InconsistentGroupProtocol,
        ),
        (
            "no common protocol",
            JoinRequest {
                protocols: protocols(&["x"]),
                ..consumer("")
            },
            ResponseError::InconsistentGroupProtocol,
        ),
        (
            "no protocols",
            JoinRequest {
                protocols: vec![],
                ..consumer("")
            },
            ResponseError::InconsistentGroupProtocol,
        ),
        (
            "fenced",
            static_consumer("former", "one"),
            ResponseError::FencedInstanceId,
        ),
        (
            "unknown instance",
            static_consumer(member, "two"),
            ResponseError::UnknownMemberId,
        ),
        (
            "long instance id",
            static_consumer("", &too_long),
            ResponseError::InvalidRequest,
        ),
    ] {
        let member_id = request.member_id.clone();
        let token = world.join(request);
        let response = world.joined(token);
        assert_eq!(error(response.error_code), Some(expected), "{what}");
        assert_eq!(response.member_id.as_str(), member_id, "{what}");
        assert_eq!(
            (
                response.generation_id,
                response.protocol_type,
                response.protocol_name
            ),
            (-1, None, None),
            "{what}"
        );
    }
    assert_eq!(world.state(), "Stable");
}

#[test]
fn a_new_group_needs_a_protocol() {
    for request in [
        JoinRequest {
            protocol_type: String::new(),
            ..consumer("")
        },
        JoinRequest {
            protocols: vec![],
            ..consumer("")
        },
    ] {
        let mut world = World::new();
        let token = world.join(request);
        assert_eq!(
            error(world.joined(token).error_code),
            Some(ResponseError::InconsistentGroupProtocol)
        );
        assert_eq!(world.state(), "Empty", "the group exists all the same");
    }
}

#[test]
fn a_full_group_takes_nobody() {
    let mut world = World::with(GroupConfig {
        max_size: 2,
        ..GroupConfig::default()
    });
    let (members, _) = world.stable(vec![static_consumer("", "a"), static_consumer("", "b")]);
    let token = world.join(consumer(""));
    let refused = world.joined(token);
    assert_eq!(
        error(refused.error_code),
        Some(ResponseError::GroupMaxSizeReached)
    );
    assert_eq!(refused.member_id.as_str(), "");

    let token = world.join(static_consumer(&members[0], "a"));
    assert!(world.is_waiting(token), "its own members may rejoin");
}

#[test]
fn syncs_are_refused_for_the_right_reason() {
    let mut world = World::new();
    let (members, generation_id) = world.stable(vec![static_consumer("", "one")]);
    let good = SyncRequest {
        group_id: "g".into(),
        generation_id,
        member_id: members[0].clone(),
        group_instance_id: Some("one".into()),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: Default::default(),
    };
    for (what, request, expected) in [
        ("as it should be", good.clone(), None),
        (
            "protocol not named",
            SyncRequest {
                protocol_type: None,
                protocol_name: None,
                ..good.clone()
            },
            None,
        ),
        (
            "no group id",
            SyncRequest {
                group_id: String::new(),
                ..good.clone()
            },
            Some(ResponseError::InvalidGroupId),
        ),
        (
            "unknown group",
            SyncRequest {
                group_id: "x".into(),
                ..good.clone()
            },
            Some(ResponseError::UnknownMemberId),
        ),
        (
            "unknown member",
            SyncRequest {
                member_id: "x".into(),
                group_instance_id: None,
                ..good.clone()
            },
            Some(ResponseError::UnknownMemberId),
        ),
        (
            "fenced",
            SyncRequest {
                member_id: "x".into(),
                ..good.clone()
            },
            Some(ResponseError::FencedInstanceId),
        ),
        (
            "generation",
            SyncRequest {
                generation_id: 7,
                ..good.clone()
            },
            Some(ResponseError::IllegalGeneration),
        ),
        (
            "protocol type",
            SyncRequest {
                protocol_type: Some("connect".into()),
                ..good.clone()
            },
            Some(ResponseError::InconsistentGroupProtocol),
        ),
        (
            "protocol name",
            SyncRequest {
                protocol_name: Some("sticky".into()),
                ..good.clone()
            },
            Some(ResponseError::InconsistentGroupProtocol),
        ),
    ] {
        let token = world.sync_with(request);
        assert_eq!(error(world.synced(token).error_code), expected, "{what}");
    }
}

#[test]
fn heartbeats_are_refused_for_the_right_reason() {
    let mut world = World::new();
    let (members, generation_id) = world.stable(vec![static_consumer("", "one")]);
    let good = HeartbeatRequest {
        group_id: "g".into(),
        generation_id,
        member_id: members[0].clone(),
        group_instance_id: None,
    };
    for (request, expected) in [
        (good.clone(), Ok(())),
        (
            HeartbeatRequest {
                group_id: String::new(),
                ..good.clone()
            },
            Err(HeartbeatError::InvalidGroupId),
        ),
        (
            HeartbeatRequest {
                group_id: "x".into(),
                ..good.clone()
            },
            Err(HeartbeatError::UnknownMemberId),
        ),
        (
            HeartbeatRequest {
                member_id: "x".into(),
                ..good.clone()
            },
            Err(HeartbeatError::UnknownMemberId),
        ),
        (
            HeartbeatRequest {
                generation_id: 9,
                ..good.clone()
            },
            Err(HeartbeatError::IllegalGeneration),
        ),
        (
            HeartbeatRequest {
                member_id: "x".into(),
                group_instance_id: Some("one".into()),
                ..good.clone()
            },
            Err(HeartbeatError::FencedInstanceId),
        ),
    ] {
        assert_eq!(
            world.act(|shard, now, _| shard.heartbeat(&request, now)),
            expected,
            "{request:?}"
        );
    }
    world.leave(&[(&members[0], None)]);
    assert_eq!(
        world.heartbeat(&members[0], generation_id + 1),
        Err(HeartbeatError::UnknownMemberId)
    );
}

#[test]
fn members_leave_by_either_name_and_one_bad_name_does_not_matter() {
    let mut world = World::new();
    let (members, _) = world.stable(vec![
        consumer(""),
        static_consumer("", "one"),
        static_consumer("", "two"),
        consumer(""),
    ]);
    let results = world.leave(&[
        (&members[0], None),
        ("", Some("one")),
        ("wrong", Some("two")),
        ("", Some("nobody")),
        ("", None),
        ("stranger", None),
    ]);
    assert_eq!(
        results,
        [
            Ok(()),
            Ok(()),
            Err(LeaveMemberError::FencedInstanceId),
            Err(LeaveMemberError::UnknownMemberId),
            Err(LeaveMemberError::UnknownMemberId),
            Err(LeaveMemberError::UnknownMemberId),
        ]
    );
    assert_eq!(world.state(), "PreparingRebalance");
}

#[test]
fn a_member_that_has_only_an_id_can_leave() {
    let mut world = World::new();
    let token = world.join(consumer(""));
    let member_id = world.joined(token).member_id.to_string();
    assert_eq!(world.leave(&[(&member_id, None)]), [Ok(())]);
    let token = world.join(consumer(&member_id));
    assert_eq!(
        error(world.joined(token).error_code),
        Some(ResponseError::UnknownMemberId)
    );
}

#[test]
fn the_last_to_leave_empties_the_group() {
    let mut world = World::new();
    let (members, _) = world.stable(vec![consumer("")]);
    world.records.clear();
    world.leave(&[(&members[0], None)]);
    assert_eq!(world.state(), "Empty");
    let Some(coordinator::GroupRecord::GroupMetadata(_, Some(group))) = world.records.pop() else {
        panic!("no record of the empty group")
    };
    assert_eq!((group.generation, group.members.len()), (2, 0));
    assert_eq!(
        (group.protocol_type.as_str(), group.protocol, group.leader),
        ("consumer", None, None)
    );
    assert_eq!(group.current_state_timestamp, world.now_ms);
}
