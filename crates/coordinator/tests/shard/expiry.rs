//! When offsets and groups are forgotten.

use coordinator::{GroupRecord, OffsetCommitRequest};

use crate::world::*;

#[test]
fn offsets_of_a_group_that_never_had_members_expire_by_their_own_age() {
    let mut world = World::new();
    world.commit("", -1, "t", 1).expect("no members");
    world.pass(RETENTION_MS / 2);
    world.commit("", -1, "u", 1).expect("no members");
    world.pass(RETENTION_MS / 2 + 600_000);
    assert_eq!((world.committed("t"), world.committed("u")), (-1, 1));
    assert_eq!(world.state(), "Empty");
    world.pass(RETENTION_MS / 2);
    assert_eq!(
        (world.committed("u"), world.state()),
        (-1, "Dead".to_owned())
    );
    assert!(matches!(
        world.records.last(),
        Some(GroupRecord::GroupMetadata(_, None))
    ));
}

#[test]
fn offsets_of_a_group_that_had_members_expire_when_it_was_empty_for_long() {
    let mut world = World::new();
    let (members, generation_id) = world.stable(vec![consumer("")]);
    world
        .commit(&members[0], generation_id, "t", 1)
        .expect("a member");
    for _ in 0..2 * RETENTION_MS / SESSION_MS / 500 {
        for _ in 0..500 {
            world.pass(SESSION_MS - 1);
            world
                .heartbeat(&members[0], generation_id)
                .expect("a member");
        }
    }
    assert_eq!(world.committed("t"), 1, "in use");
    world.leave(&[(&members[0], None)]);
    world.pass(RETENTION_MS - 1);
    assert_eq!(world.committed("t"), 1);
    world.pass(600_001);
    assert_eq!(
        (world.committed("t"), world.state()),
        (-1, "Dead".to_owned())
    );
}

#[test]
fn a_group_at_work_loses_the_offsets_of_topics_it_no_longer_reads() {
    let mut world = World::new();
    world.commit("", -1, "former", 1).expect("no members");
    let (members, generation_id) = world.stable(vec![consumer("")]);
    world
        .commit(&members[0], generation_id, "t", 1)
        .expect("a member");
    let mut left_ms = RETENTION_MS + 600_000;
    while left_ms > 0 {
        world.pass(SESSION_MS - 1);
        world
            .heartbeat(&members[0], generation_id)
            .expect("a member");
        left_ms -= SESSION_MS - 1;
    }
    assert_eq!((world.committed("former"), world.committed("t")), (-1, 1));
    assert_eq!(world.state(), "Stable");
}

#[test]
fn a_retention_of_the_clients_own_overrules() {
    let mut world = World::new();
    let short = OffsetCommitRequest {
        retention_time_ms: Some(1_000),
        ..commit_request("", -1, "t", 1)
    };
    let long = OffsetCommitRequest {
        retention_time_ms: Some(3 * RETENTION_MS),
        ..commit_request("", -1, "u", 1)
    };
    world.commit_with(&short).expect("no members");
    world.commit_with(&long).expect("no members");
    world.pass(600_000);
    assert_eq!((world.committed("t"), world.committed("u")), (-1, 1));
    world.pass(2 * RETENTION_MS);
    assert_eq!(world.committed("u"), 1);
}
