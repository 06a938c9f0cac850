//! Committing, fetching and removing offsets.

use coordinator::{
    DeleteGroupError, FetchedOffset, GroupConfig, GroupRecord, JoinRequest, OffsetCommitError,
    OffsetCommitPartitionError, OffsetCommitRequest, OffsetDeleteError, OffsetDeletePartitionError,
    encode_record,
};
use uuid::Uuid;

use crate::world::*;

#[test]
fn what_is_committed_is_fetched() {
    let mut world = World::new();
    let mut request = commit_request("", -1, "t", 42);
    request.offsets[0].metadata = Some("so far".into());
    assert_eq!(world.commit_with(&request), Ok(vec![Ok(())]));
    let fetched = world.shard.fetch_offsets("g", "t", Uuid::nil(), &[1, 0]);
    let none = FetchedOffset {
        partition: 1,
        offset: -1,
        leader_epoch: -1,
        metadata: String::new(),
    };
    let some = FetchedOffset {
        partition: 0,
        offset: 42,
        leader_epoch: 3,
        metadata: "so far".into(),
    };
    assert_eq!(fetched, [none, some.clone()]);
    assert_eq!(
        world.shard.fetch_all_offsets("g"),
        [("t".to_owned(), vec![some])]
    );
    assert_eq!(world.shard.fetch_all_offsets("other"), []);
    assert_eq!(world.state(), "Empty");
}

#[test]
fn records_have_the_versions_that_kafka_writes() {
    let mut world = World::new();
    world.commit("", -1, "t", 1).expect("no members");
    world
        .commit_with(&OffsetCommitRequest {
            retention_time_ms: Some(5),
            ..commit_request("", -1, "t", 1)
        })
        .expect("no members");
    world.stable(vec![consumer("")]);
    let versions: Vec<_> = world
        .records
        .iter()
        .map(|record| {
            let (key, value) = encode_record(record).expect("a record");
            let value = value.expect("a value");
            (key[1], value[1])
        })
        .collect();
    assert_eq!(versions, [(1, 4), (1, 1), (2, 3)]);
}

#[test]
fn an_offset_too_large_to_be_kept_is_refused_alone() {
    let mut world = World::with(GroupConfig {
        offset_metadata_max_size: 10_000,
        max_batch_bytes: 1_000,
        ..GroupConfig::default()
    });
    let mut request = commit_request("", -1, "t", 1);
    request
        .offsets
        .extend(commit_request("", -1, "u", 2).offsets);
    request.offsets[0].metadata = Some("x".repeat(1_000));
    assert_eq!(
        world.commit_with(&request),
        Ok(vec![
            Err(OffsetCommitPartitionError::RecordTooLarge),
            Ok(())
        ])
    );
    assert_eq!((world.committed("t"), world.committed("u")), (-1, 2));
    assert_eq!(world.records.len(), 1);
}

#[test]
fn an_offset_of_a_former_topic_of_the_name_does_not_count() {
    let mut world = World::new();
    let mut request = commit_request("", -1, "t", 42);
    request.offsets[0].topic_id = Uuid::from_u128(1);
    world.commit_with(&request).expect("no members");
    for (topic_id, offset) in [
        (Uuid::from_u128(1), 42),
        (Uuid::nil(), 42),
        (Uuid::from_u128(2), -1),
    ] {
        assert_eq!(
            world.shard.fetch_offsets("g", "t", topic_id, &[0])[0].offset,
            offset,
            "{topic_id}"
        );
    }
    world.act(|shard, now, effects| shard.forget_topic("t", Uuid::from_u128(2), now, effects));
    assert_eq!(world.committed("t"), 42);
    world.act(|shard, now, effects| shard.forget_topic("t", Uuid::from_u128(1), now, effects));
    assert_eq!(world.committed("t"), -1);
}

#[test]
fn commits_are_refused_for_the_right_reason() {
    let mut world = World::new();
    assert_eq!(
        world.commit("m", 1, "t", 1),
        Err(OffsetCommitError::GroupIdNotFound)
    );
    assert_eq!(world.state(), "Dead", "a member's commit creates no group");

    let (members, generation_id) = world.stable(vec![static_consumer("", "one")]);
    let member = members[0].as_str();
    let fenced = OffsetCommitRequest {
        group_instance_id: Some("one".into()),
        ..commit_request("x", 1, "t", 1)
    };
    assert_eq!(
        world.commit_with(&fenced),
        Err(OffsetCommitError::FencedInstanceId)
    );
    assert_eq!(
        world.commit("", -1, "t", 1),
        Err(OffsetCommitError::UnknownMemberId)
    );
    assert_eq!(
        world.commit("x", generation_id, "t", 1),
        Err(OffsetCommitError::UnknownMemberId)
    );
    assert_eq!(
        world.commit(member, -1, "t", 1),
        Err(OffsetCommitError::IllegalGeneration)
    );
    assert_eq!(
        world.commit(member, 9, "t", 1),
        Err(OffsetCommitError::IllegalGeneration)
    );
    assert_eq!(
        world.commit(member, generation_id, "t", 1),
        Ok(vec![Ok(())])
    );

    world.join_anew(consumer(""));
    assert_eq!(
        world.commit(member, generation_id, "t", 2),
        Ok(vec![Ok(())]),
        "while members gather"
    );
    world.join(static_consumer(member, "one"));
    assert_eq!(world.state(), "CompletingRebalance");
    assert_eq!(
        world.commit(member, generation_id + 1, "t", 3),
        Err(OffsetCommitError::RebalanceInProgress)
    );
    assert_eq!(world.committed("t"), 2);
}

#[test]
fn an_unknown_group_has_a_code_of_its_own_from_version_9() {
    use kafka_protocol::ResponseError;
    assert_eq!(
        OffsetCommitError::GroupIdNotFound.code(8),
        ResponseError::IllegalGeneration
    );
    assert_eq!(
        OffsetCommitError::GroupIdNotFound.code(9),
        ResponseError::GroupIdNotFound
    );
}

#[test]
fn metadata_is_measured_in_utf16_units() {
    let mut world = World::with(GroupConfig {
        offset_metadata_max_size: 4,
        ..GroupConfig::default()
    });
    let too_large = Err(OffsetCommitPartitionError::OffsetMetadataTooLarge);
    for (metadata, expected) in [
        ("four", Ok(())),
        ("fives", too_large),
        ("äöüß", Ok(())),
        ("😀😀", Ok(())),
        ("😀😀!", too_large),
    ] {
        let mut request = commit_request("", -1, "t", 1);
        request.offsets[0].metadata = Some(metadata.into());
        assert_eq!(
            world.commit_with(&request),
            Ok(vec![expected]),
            "{metadata}"
        );
    }
}

#[test]
fn offsets_in_use_are_not_deleted() {
    let delete = |world: &mut World, topics: &[&str]| {
        let partitions: Vec<_> = topics
            .iter()
            .map(|topic| ((*topic).to_owned(), 0))
            .collect();
        world.act(|shard, now, effects| shard.delete_offsets("g", &partitions, now, effects))
    };
    let mut world = World::new();
    assert_eq!(
        delete(&mut world, &["t"]),
        Err(OffsetDeleteError::GroupIdNotFound)
    );
    world.commit("", -1, "t", 1).expect("no members");
    world.commit("", -1, "u", 1).expect("no members");
    let (members, _) = world.stable(vec![consumer("")]);
    let in_use = Err(OffsetDeletePartitionError::GroupSubscribedToTopic);
    assert_eq!(
        delete(&mut world, &["t", "u", "never"]),
        Ok(vec![in_use, Ok(()), Ok(())])
    );
    assert_eq!((world.committed("t"), world.committed("u")), (1, -1));
    assert!(
        matches!(world.records.last(), Some(GroupRecord::OffsetCommit(key, None)) if key.topic == "u")
    );

    world.leave(&[(&members[0], None)]);
    assert_eq!(delete(&mut world, &["t"]), Ok(vec![Ok(())]));
    assert_eq!(world.committed("t"), -1);

    let mut world = World::new();
    world.stable(vec![JoinRequest {
        protocol_type: "connect".into(),
        ..consumer("")
    }]);
    assert_eq!(
        delete(&mut world, &["t"]),
        Err(OffsetDeleteError::NonEmptyGroup)
    );
}

#[test]
fn a_group_is_deleted_with_its_offsets_once_it_is_empty() {
    let delete =
        |world: &mut World| world.act(|shard, now, effects| shard.delete_group("g", now, effects));
    let mut world = World::new();
    assert_eq!(delete(&mut world), Err(DeleteGroupError::GroupIdNotFound));
    let (members, generation_id) = world.stable(vec![consumer("")]);
    world
        .commit(&members[0], generation_id, "t", 1)
        .expect("a member");
    assert_eq!(delete(&mut world), Err(DeleteGroupError::NonEmptyGroup));
    world.leave(&[(&members[0], None)]);
    world.records.clear();
    assert_eq!(delete(&mut world), Ok(()));
    assert!(matches!(
        world.records.as_slice(),
        [
            GroupRecord::OffsetCommit(_, None),
            GroupRecord::GroupMetadata(_, None)
        ]
    ));
    assert_eq!(
        (world.committed("t"), world.state()),
        (-1, "Dead".to_owned())
    );
}
