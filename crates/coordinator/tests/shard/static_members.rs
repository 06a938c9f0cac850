//! Members that keep their place over a restart (KIP-345, KIP-814).

use coordinator::{HeartbeatError, HeartbeatRequest, JoinRequest};
use kafka_protocol::ResponseError;

use crate::world::*;

#[test]
fn a_static_member_that_returns_costs_no_rebalance() {
    for (skips, is_leader) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut world = World::new();
        let (members, generation_id) =
            world.stable(vec![static_consumer("", "a"), static_consumer("", "b")]);
        let leader = members[0].as_str();
        let (former, instance) = if is_leader {
            (&members[0], "a")
        } else {
            (&members[1], "b")
        };
        world.records.clear();
        let request = JoinRequest {
            supports_skipping_assignment: skips,
            ..static_consumer("", instance)
        };
        let token = world.join(request);
        let response = world.joined(token);
        let member_id = response.member_id.to_string();
        let what = format!("skips: {skips}, leader: {is_leader}");
        assert_eq!(
            (response.error_code, response.generation_id),
            (0, generation_id),
            "{what}"
        );
        assert!(
            member_id.starts_with(&format!("{instance}-")) && member_id != *former,
            "{what}"
        );
        assert_eq!(response.skip_assignment, skips && is_leader, "{what}");
        assert_eq!(
            response.members.len(),
            if skips && is_leader { 2 } else { 0 },
            "{what}"
        );
        let expected_leader = if skips && is_leader {
            &member_id
        } else {
            leader
        };
        assert_eq!(response.leader.as_str(), expected_leader, "{what}");
        assert_eq!(world.records.len(), 1, "{what}");
        assert_eq!(world.state(), "Stable", "{what}");

        let sync = world.sync(&member_id, generation_id, &[]);
        assert_eq!(world.synced(sync).error_code, 0, "{what}");
        let heartbeat = HeartbeatRequest {
            group_id: "g".into(),
            generation_id,
            member_id: former.clone(),
            group_instance_id: Some(instance.into()),
        };
        let fenced = world.act(|shard, now, _| shard.heartbeat(&heartbeat, now));
        assert_eq!(fenced, Err(HeartbeatError::FencedInstanceId), "{what}");
    }
}

#[test]
fn a_static_member_that_returns_with_another_protocol_rebalances() {
    let mut world = World::new();
    let both = |id: &str, names: &[&str]| JoinRequest {
        protocols: protocols(names),
        ..static_consumer("", id)
    };
    let (members, _) = world.stable(vec![
        both("a", &["range", "sticky"]),
        both("b", &["range", "sticky"]),
    ]);
    let token = world.join(both("b", &["sticky"]));
    assert!(world.is_waiting(token));
    let other = JoinRequest {
        member_id: members[0].clone(),
        ..both("a", &["range", "sticky"])
    };
    let other = world.join(other);
    assert_eq!(world.joined(token).protocol_name.as_deref(), Some("sticky"));
    assert_eq!(world.joined(other).generation_id, 2);
}

#[test]
fn the_predecessor_is_fenced_while_it_waits() {
    let mut world = World::new();
    let (members, _) = world.stable(vec![static_consumer("", "a"), static_consumer("", "b")]);
    let waiting = world.join(static_consumer(&members[0], "a"));
    let successor = world.join(static_consumer("", "a"));
    let fenced = world.joined(waiting);
    assert_eq!(
        error(fenced.error_code),
        Some(ResponseError::FencedInstanceId)
    );
    assert_eq!(fenced.member_id.as_str(), members[0]);
    assert!(world.is_waiting(successor));

    let other = world.join(static_consumer(&members[1], "b"));
    assert_eq!(world.joined(other).generation_id, 2);
    assert_eq!(
        world.joined(successor).members.len(),
        2,
        "it leads in its predecessor's place"
    );
    let waiting = world.sync(&members[1], 2, &[]);
    let successor = world.join(static_consumer("", "b"));
    assert_eq!(
        error(world.synced(waiting).error_code),
        Some(ResponseError::FencedInstanceId)
    );
    assert!(
        world.is_waiting(successor),
        "between generations its return is a rebalance"
    );
}

#[test]
fn a_static_member_may_miss_a_rebalance_but_not_its_session() {
    let mut world = World::new();
    let long = |request: JoinRequest| JoinRequest {
        session_timeout_ms: 300_000,
        ..request
    };
    let (members, _) = world.stable(vec![
        long(static_consumer("", "a")),
        long(static_consumer("", "b")),
    ]);
    let join = world.join(long(static_consumer(&members[0], "a")));
    world.pass(REBALANCE_MS);
    let response = world.joined(join);
    assert_eq!((response.generation_id, response.members.len()), (2, 2));
    world.sync(&members[0], 2, &[]);
    for _ in 0..10 {
        world.pass(30_000);
        let _ = world.heartbeat(
            &members[0],
            world.shard.describe_group("g").map_or(0, |_| 2),
        );
    }
    assert_eq!(
        world.heartbeat(&members[1], 2),
        Err(HeartbeatError::UnknownMemberId)
    );
}

#[test]
fn a_member_that_gives_no_time_to_rebalance_does_not_stop_the_clock() {
    let mut world = World::new();
    let hasty = JoinRequest {
        rebalance_timeout_ms: 0,
        ..static_consumer("", "a")
    };
    let (members, _) = world.stable(vec![hasty, consumer("")]);
    world.leave(&[(&members[1], None)]);
    assert_eq!(world.state(), "PreparingRebalance");
    world.pass(SESSION_MS + 1);
    assert_eq!(world.state(), "Empty");
}
