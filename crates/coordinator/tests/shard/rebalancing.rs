//! From one generation to the next.

use coordinator::{GroupConfig, HeartbeatError, JoinRequest};
use kafka_protocol::ResponseError;

use crate::world::*;

#[test]
fn a_newcomer_makes_everyone_join_again() {
    let mut world = World::new();
    let (members, _) = world.stable(vec![consumer("")]);
    let leader = members[0].as_str();
    let (newcomer, newcomer_join) = world.join_anew(consumer(""));
    assert_eq!(
        world.heartbeat(leader, 1),
        Err(HeartbeatError::RebalanceInProgress)
    );
    assert!(world.is_waiting(newcomer_join));

    let leader_join = world.join(consumer(leader));
    let (to_leader, to_newcomer) = (world.joined(leader_join), world.joined(newcomer_join));
    assert_eq!((to_leader.generation_id, to_newcomer.generation_id), (2, 2));
    assert_eq!(
        (to_leader.leader.as_str(), to_newcomer.leader.as_str()),
        (leader, leader)
    );
    assert_eq!((to_leader.members.len(), to_newcomer.members.len()), (2, 0));

    let newcomer_sync = world.sync(&newcomer, 2, &[]);
    assert!(world.is_waiting(newcomer_sync));
    let leader_sync = world.sync(leader, 2, &[(leader, "some"), (&newcomer, "others")]);
    assert_eq!(world.synced(leader_sync).assignment, "some");
    let synced = world.synced(newcomer_sync);
    assert_eq!(synced.assignment, "others");
    assert_eq!(synced.protocol_name.as_deref(), Some("range"));
    let again = world.sync(&newcomer, 2, &[]);
    assert_eq!(
        world.synced(again).assignment,
        "others",
        "the assignment can be asked for again"
    );
}

#[test]
fn members_that_keep_coming_draw_out_the_first_rebalance_but_not_for_ever() {
    let mut world = World::with(GroupConfig::default());
    let request = JoinRequest {
        rebalance_timeout_ms: 10_000,
        ..consumer("")
    };
    let first = world.join(JoinRequest {
        requires_known_member_id: false,
        ..request.clone()
    });
    let mut waited_ms = 0;
    while world.is_waiting(first) {
        world.pass(1_000);
        waited_ms += 1_000;
        if world.is_waiting(first) {
            world.join(JoinRequest {
                requires_known_member_id: false,
                ..request.clone()
            });
        }
    }
    assert_eq!(waited_ms, 10_000);
}

#[test]
fn who_does_not_rejoin_in_time_is_out_and_another_leads() {
    let mut world = World::new();
    let (members, _) = world.stable(vec![consumer(""), consumer("")]);
    let (absent, present) = (members[0].as_str(), members[1].as_str());
    let (newcomer, newcomer_join) = world.join_anew(consumer(""));
    let join = world.join(consumer(present));
    for _ in 0..REBALANCE_MS / 5_000 {
        assert!(world.is_waiting(join));
        world.pass(5_000);
        let _ = world.heartbeat(absent, 1);
    }
    let response = world.joined(join);
    assert_eq!(response.generation_id, 2);
    assert_ne!(response.leader.as_str(), absent);
    assert_eq!(world.joined(newcomer_join).leader, response.leader);
    assert_eq!(
        world.heartbeat(absent, 2),
        Err(HeartbeatError::UnknownMemberId)
    );
    assert!(world.heartbeat(&newcomer, 2).is_ok());
}

#[test]
fn who_does_not_sync_in_time_is_out() {
    let mut world = World::new();
    let (leader, leader_join) = world.join_anew(consumer(""));
    let (silent, silent_join) = world.join_anew(consumer(""));
    world.pass(2 * INITIAL_DELAY_MS);
    assert_eq!(
        (
            world.joined(leader_join).generation_id,
            world.joined(silent_join).generation_id
        ),
        (1, 1)
    );
    world.sync(&leader, 1, &[]);
    for _ in 0..REBALANCE_MS / 5_000 {
        assert_eq!(world.state(), "Stable");
        world.pass(5_000);
        let _ = (world.heartbeat(&leader, 1), world.heartbeat(&silent, 1));
    }
    assert_eq!(world.state(), "PreparingRebalance");
    assert_eq!(
        world.heartbeat(&silent, 1),
        Err(HeartbeatError::UnknownMemberId)
    );
}

#[test]
fn a_quiet_member_is_out_after_its_session_timeout() {
    let mut world = World::new();
    let (members, generation_id) = world.stable(vec![consumer(""), consumer("")]);
    for _ in 0..2 {
        world.pass(SESSION_MS - 1);
        world
            .heartbeat(&members[1], generation_id)
            .expect("a stable group");
        world
            .heartbeat(&members[0], generation_id)
            .expect("a stable group");
    }
    world.pass(SESSION_MS - 1);
    world
        .heartbeat(&members[1], generation_id)
        .expect("a stable group");
    world.pass(1);
    assert_eq!(
        world.heartbeat(&members[1], generation_id),
        Err(HeartbeatError::RebalanceInProgress)
    );
    assert_eq!(
        world.heartbeat(&members[0], generation_id),
        Err(HeartbeatError::UnknownMemberId)
    );
}

#[test]
fn commits_and_waiting_keep_a_session_alive() {
    let mut world = World::new();
    let (members, generation_id) = world.stable(vec![consumer(""), consumer("")]);
    world.pass(SESSION_MS - 1);
    world
        .commit(&members[0], generation_id, "t", 1)
        .expect("a member");
    world.pass(SESSION_MS - 1);
    let join = world.join(consumer(&members[0]));
    world.pass(5 * SESSION_MS);
    assert_eq!(
        world.joined(join).generation_id,
        generation_id + 1,
        "without the member that fell silent"
    );
}

#[test]
fn joining_again_rebalances_only_if_something_changed_or_the_leader_asks() {
    let mut world = World::new();
    let (members, _) = world.stable(vec![consumer(""), consumer("")]);
    let (leader, follower) = (members[0].as_str(), members[1].as_str());
    let again = world.join(consumer(follower));
    assert_eq!(
        world.joined(again).generation_id,
        1,
        "a lost answer is given again"
    );
    assert_eq!(world.state(), "Stable");

    let mut changed = consumer(follower);
    changed.protocols[0].metadata = subscription(&["t", "u"]);
    let follower_join = world.join(changed);
    assert_eq!(world.state(), "PreparingRebalance");
    let leader_join = world.join(consumer(leader));
    assert_eq!(world.joined(follower_join).generation_id, 2);
    assert_eq!(world.joined(leader_join).members.len(), 2);
    assert_eq!(world.state(), "CompletingRebalance");

    let again = world.join(consumer(leader));
    assert_eq!(
        world.joined(again).members.len(),
        2,
        "a lost answer is given again"
    );
    let sync = world.sync(follower, 2, &[]);
    let mut changed = consumer(leader);
    changed.protocols[0].metadata = subscription(&["u"]);
    world.join(changed);
    assert_eq!(
        error(world.synced(sync).error_code),
        Some(ResponseError::RebalanceInProgress)
    );
    assert_eq!(world.state(), "PreparingRebalance");
}

/// Cooperative rebalancing is the clients' affair: a member that gave up partitions joins again at once, and the
/// partitions move in a second generation.
#[test]
fn a_cooperative_group_takes_two_generations() {
    let mut world = World::new();
    let cooperative = |member_id: &str, owned: &'static str| {
        let mut request = JoinRequest {
            protocols: protocols(&["cooperative-sticky"]),
            ..consumer(member_id)
        };
        request.protocols[0].metadata = [subscription(&["t"]).as_ref(), owned.as_bytes()]
            .concat()
            .into();
        request
    };
    let (members, _) = world.stable(vec![cooperative("", "")]);
    let leader = members[0].as_str();
    let (newcomer, newcomer_join) = world.join_anew(cooperative("", ""));
    let leader_join = world.join(cooperative(leader, "t0,t1"));
    assert_eq!(
        (
            world.joined(leader_join).generation_id,
            world.joined(newcomer_join).generation_id
        ),
        (2, 2)
    );
    world.sync(leader, 2, &[(leader, "t0")]);
    let sync = world.sync(&newcomer, 2, &[]);
    assert_eq!(world.synced(sync).assignment, "", "nothing is free yet");

    let leader_join = world.join(cooperative(leader, "t0"));
    assert_eq!(
        world.heartbeat(&newcomer, 2),
        Err(HeartbeatError::RebalanceInProgress)
    );
    let newcomer_join = world.join(cooperative(&newcomer, ""));
    assert_eq!(
        (
            world.joined(leader_join).generation_id,
            world.joined(newcomer_join).generation_id
        ),
        (3, 3)
    );
    world.sync(leader, 3, &[(leader, "t0"), (&newcomer, "t1")]);
    let sync = world.sync(&newcomer, 3, &[]);
    assert_eq!(world.synced(sync).assignment, "t1");
}

#[test]
fn a_request_that_is_sent_twice_leaves_nobody_waiting() {
    let mut world = World::new();
    let (members, _) = world.stable(vec![consumer(""), consumer("")]);
    let first = world.join(consumer(&members[0]));
    let second = world.join(consumer(&members[0]));
    assert_eq!(
        error(world.joined(first).error_code),
        Some(ResponseError::RebalanceInProgress)
    );
    assert!(world.is_waiting(second));
    let other = world.join(consumer(&members[1]));
    assert_eq!(world.joined(second).generation_id, 2);
    assert_eq!(world.joined(other).generation_id, 2);

    let first = world.sync(&members[1], 2, &[]);
    let second = world.sync(&members[1], 2, &[]);
    assert_eq!(
        error(world.synced(first).error_code),
        Some(ResponseError::RebalanceInProgress)
    );
    world.leave(&[(&members[1], None)]);
    assert_eq!(
        error(world.synced(second).error_code),
        Some(ResponseError::UnknownMemberId)
    );
}

#[test]
fn an_assignment_too_large_to_be_kept_is_refused_to_its_members_only() {
    let mut world = World::with(GroupConfig {
        max_batch_bytes: 2_000,
        ..GroupConfig::default()
    });
    let (members, _) = world.stable(vec![static_consumer("", "one"), static_consumer("", "two")]);
    let records = world.records.len();
    let joins: Vec<_> = members
        .iter()
        .zip(["one", "two"])
        .map(|(member_id, instance_id)| world.join(static_consumer(member_id, instance_id)))
        .collect();
    let generation_id = world.joined(joins[0]).generation_id;
    let (leader, follower) = (members[0].as_str(), members[1].as_str());
    let waiting = world.sync(follower, generation_id, &[]);
    let large: &'static str = "x".repeat(2_000).leak();
    let leading = world.sync(leader, generation_id, &[(follower, large)]);
    for sync in [waiting, leading] {
        let code = world.synced(sync).error_code;
        assert_eq!(error(code), Some(ResponseError::MessageTooLarge));
    }
    assert_eq!(world.state(), "PreparingRebalance");
    assert_eq!(world.records.len(), records, "nothing of it is kept");
}

#[test]
fn a_group_whose_record_cannot_be_kept_is_not_begun() {
    let mut world = World::with(GroupConfig {
        max_batch_bytes: 100,
        ..GroupConfig::default()
    });
    let refused = world.join(consumer(""));
    let code = world.joined(refused).error_code;
    assert_eq!(error(code), Some(ResponseError::MessageTooLarge));
    assert_eq!(world.state(), "Dead");
}

#[test]
fn timers_do_not_heed_the_wall_clock() {
    let mut world = World::new();
    let (members, generation_id) = world.stable(vec![consumer("")]);
    world.wall_ahead_ms = 10 * SESSION_MS;
    world.pass(SESSION_MS - 1);
    let alive = world.heartbeat(&members[0], generation_id);
    assert_eq!(alive, Ok(()), "the clock was set forward");
    world.wall_ahead_ms = -10 * SESSION_MS;
    world.pass(SESSION_MS + 1);
    assert_eq!(world.state(), "Empty", "the clock was set back");
}
