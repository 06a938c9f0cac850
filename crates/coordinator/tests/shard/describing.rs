//! What is shown of groups.

use coordinator::GroupFilter;

use crate::world::*;

#[test]
fn a_stable_group_is_shown_whole_and_a_rebalancing_one_without_metadata() {
    let mut world = World::new();
    assert!(world.shard.describe_group("g").is_err());
    let (members, generation_id) = world.stable(vec![static_consumer("", "one")]);
    let group = world.shard.describe_group("g").expect("a group");
    assert_eq!(group.group_state.as_str(), "Stable");
    assert_eq!(
        (group.protocol_type.as_str(), group.protocol_data.as_str()),
        ("consumer", "range")
    );
    let member = &group.members[0];
    assert_eq!(member.member_id.as_str(), members[0]);
    assert_eq!(member.group_instance_id.as_deref(), Some("one"));
    assert_eq!(
        (member.client_id.as_str(), member.client_host.as_str()),
        ("client", "/127.0.0.1")
    );
    assert_eq!(member.member_metadata, subscription(&["t"]));

    world.join_anew(consumer(""));
    let group = world.shard.describe_group("g").expect("a group");
    assert_eq!(group.group_state.as_str(), "PreparingRebalance");
    assert_eq!((group.protocol_data.as_str(), group.members.len()), ("", 2));
    assert!(
        group
            .members
            .iter()
            .all(|member| member.member_metadata.is_empty())
    );
    let _ = generation_id;
}

#[test]
fn groups_are_listed_by_state_and_type() {
    let mut world = World::new();
    world.stable(vec![consumer("")]);
    let mut other = commit_request("", -1, "t", 1);
    other.group_id = "simple".into();
    world.commit_with(&other).expect("no members");
    for (states, types, expected) in [
        (vec![], vec![], vec!["g", "simple"]),
        (vec!["Stable"], vec![], vec!["g"]),
        (vec![" eMPTY ", "nonsense"], vec![], vec!["simple"]),
        (vec!["nonsense"], vec![], vec![]),
        (vec![], vec!["Classic"], vec!["g", "simple"]),
        (vec![], vec!["consumer"], vec![]),
        (vec![], vec!["nonsense"], vec![]),
        (vec!["stable"], vec!["classic", "share"], vec!["g"]),
    ] {
        let filter = GroupFilter::new(states.iter().copied(), types.iter().copied());
        let mut listed: Vec<_> = world
            .shard
            .list_groups(&filter)
            .iter()
            .map(|group| group.group_id.to_string())
            .collect();
        listed.sort();
        assert_eq!(listed, expected, "{states:?} {types:?}");
    }
    let all = world.shard.list_groups(&GroupFilter::default());
    let simple = all
        .iter()
        .find(|group| group.group_id.as_str() == "simple")
        .expect("listed");
    assert_eq!(
        (simple.protocol_type.as_str(), simple.group_type.as_str()),
        ("", "classic")
    );
}
