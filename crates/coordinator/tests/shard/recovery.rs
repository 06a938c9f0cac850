//! A shard that replays the records of another takes over where it left off.

use coordinator::{
    Effects, GroupConfig, GroupRecord, HeartbeatError, HeartbeatRequest, JoinRequest,
    LeavingMember, Shard, SyncRequest, Token, encode_record,
};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_groups_response::DescribedGroupMember;
use proptest::prelude::*;
use uuid::Uuid;

use crate::world::*;

/// What `records` leave behind, read back from their stored bytes.
fn replayed(records: &[GroupRecord], now_ms: i64) -> World {
    let mut world = World::new();
    world.now_ms = now_ms;
    for record in records {
        let (key, value) = encode_record(record).expect("a record can be stored");
        let stored =
            GroupRecord::decode(&key, value.as_deref()).expect("a stored record can be read");
        world.shard.replay(stored, now_ms);
    }
    world.act(|shard, now, effects| shard.loaded(now, effects));
    world
}

#[test]
fn members_go_on_after_a_restart_and_have_a_session_to_show_up() {
    let mut world = World::new();
    let (members, generation_id) = world.stable(vec![consumer(""), static_consumer("", "one")]);
    world
        .commit(&members[0], generation_id, "t", 7)
        .expect("a member");
    let mut world = replayed(&world.records, world.now_ms);
    assert_eq!(
        (world.state().as_str(), world.committed("t")),
        ("Stable", 7)
    );
    world.pass(SESSION_MS - 1);
    assert_eq!(world.heartbeat(&members[0], generation_id), Ok(()));
    world.pass(SESSION_MS - 1);
    assert_eq!(
        world.heartbeat(&members[0], generation_id),
        Err(HeartbeatError::RebalanceInProgress)
    );
    assert_eq!(
        world.heartbeat(&members[1], generation_id),
        Err(HeartbeatError::UnknownMemberId)
    );
}

#[test]
fn a_group_that_has_become_too_large_rebalances_when_it_is_loaded() {
    let mut world = World::new();
    let (members, generation_id) = world.stable(vec![consumer(""), consumer("")]);
    let mut shard = Shard::new(GroupConfig {
        max_size: 1,
        ..GroupConfig::default()
    });
    for record in &world.records {
        shard.replay(record.clone(), world.now_ms);
    }
    shard.loaded(world.now(), &mut Effects::default());
    world.shard = shard;
    assert_eq!(
        world.commit(&members[1], generation_id, "t", 1),
        Ok(vec![Ok(())]),
        "a last chance to commit"
    );
    let first = world.join(consumer(&members[1]));
    assert!(world.is_waiting(first));
    let second = world.join(consumer(&members[0]));
    assert_eq!(
        error(world.joined(second).error_code),
        Some(ResponseError::GroupMaxSizeReached)
    );
}

#[derive(Clone, Debug)]
enum Step {
    Join {
        group: u8,
        instance: Option<u8>,
    },
    Rejoin {
        member: usize,
    },
    /// All members of a group join again and fetch their assignments.
    Settle {
        group: u8,
    },
    Leave {
        member: usize,
    },
    Commit {
        group: u8,
        topic: u8,
        offset: i64,
    },
    MemberCommit {
        member: usize,
        topic: u8,
        offset: i64,
    },
    DeleteGroup {
        group: u8,
    },
    DeleteOffset {
        group: u8,
        topic: u8,
    },
    ForgetTopic {
        topic: u8,
    },
    Pass {
        duration_ms: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let duration_ms =
        prop_oneof![4 => Just(100), 2 => Just(9_000), 1 => Just(60_000), 1 => Just(RETENTION_MS)];
    prop_oneof![
        4 => (0..2u8, proptest::option::of(0..2u8)).prop_map(|(group, instance)| Step::Join { group, instance }),
        1 => (0..8usize).prop_map(|member| Step::Rejoin { member }),
        8 => (0..2u8).prop_map(|group| Step::Settle { group }),
        1 => (0..8usize).prop_map(|member| Step::Leave { member }),
        2 => (0..2u8, 0..3u8, 0..100i64).prop_map(|(group, topic, offset)| Step::Commit { group, topic, offset }),
        4 => (0..8usize, 0..3u8, 0..100i64)
            .prop_map(|(member, topic, offset)| Step::MemberCommit { member, topic, offset }),
        1 => (0..2u8).prop_map(|group| Step::DeleteGroup { group }),
        1 => (0..2u8, 0..3u8).prop_map(|(group, topic)| Step::DeleteOffset { group, topic }),
        1 => (0..3u8).prop_map(|topic| Step::ForgetTopic { topic }),
        3 => duration_ms.prop_map(|duration_ms| Step::Pass { duration_ms }),
    ]
}

/// A member as its client knows it.
#[derive(Clone)]
struct Client {
    group: String,
    member_id: String,
    instance: Option<String>,
}

#[derive(Default)]
struct Clients {
    known: Vec<Client>,
    /// Clients whose id is not known yet.
    joining: Vec<(Token, Client)>,
}

fn group_name(group: u8) -> String {
    format!("group-{group}")
}

impl Clients {
    fn join(&self, world: &mut World, client: &Client) -> Token {
        world.join(JoinRequest {
            group_id: client.group.clone(),
            group_instance_id: client.instance.clone(),
            ..consumer(&client.member_id)
        })
    }

    /// Takes note of the ids that have been given out.
    fn learn(&mut self, world: &mut World) {
        for (token, client) in std::mem::take(&mut self.joining) {
            if world.is_waiting(token) {
                self.joining.push((token, client));
                continue;
            }
            let member_id = world.joined(token).member_id.to_string();
            self.known.push(Client {
                member_id,
                ..client
            });
        }
    }

    fn settle(&mut self, world: &mut World, group: &str) {
        let members: Vec<_> = self
            .known
            .iter()
            .filter(|client| client.group == group)
            .cloned()
            .collect();
        let joins: Vec<_> = members
            .iter()
            .map(|client| self.join(world, client))
            .collect();
        world.pass(2 * INITIAL_DELAY_MS);
        let mut joined = Vec::new();
        for (token, client) in joins.into_iter().zip(members) {
            if !world.is_waiting(token) {
                let response = world.joined(token);
                joined.push((
                    response.leader.as_str() == client.member_id,
                    response.generation_id,
                    client,
                ));
            }
        }
        joined.sort_by_key(|(is_leader, _, _)| *is_leader);
        for (_, generation_id, client) in &joined {
            let assignments = joined.iter().map(|(_, _, client)| {
                let assignment = format!("{} in {generation_id}", client.member_id);
                (client.member_id.clone(), assignment.into())
            });
            world.sync_with(SyncRequest {
                group_id: group.into(),
                generation_id: *generation_id,
                member_id: client.member_id.clone(),
                group_instance_id: client.instance.clone(),
                protocol_type: None,
                protocol_name: None,
                assignments: assignments.collect(),
            });
        }
    }

    fn run(&mut self, world: &mut World, step: Step) {
        match step {
            Step::Join { group, instance } => {
                let instance = instance.map(|instance| format!("instance-{instance}"));
                let client = Client {
                    group: group_name(group),
                    member_id: String::new(),
                    instance,
                };
                let token = self.join(world, &client);
                self.joining.push((token, client));
            }
            Step::Rejoin { member } => {
                let Some(client) = self.known.get(member) else {
                    return;
                };
                self.join(world, client);
            }
            Step::Settle { group } => self.settle(world, &group_name(group)),
            Step::Leave { member } => {
                let Some(client) = self.known.get(member).cloned() else {
                    return;
                };
                let leaving = LeavingMember {
                    member_id: client.member_id,
                    group_instance_id: client.instance,
                    reason: None,
                };
                world
                    .act(|shard, now, effects| shard.leave(&client.group, &[leaving], now, effects))
                    .expect("a group id");
            }
            Step::Commit {
                group,
                topic,
                offset,
            } => {
                let mut request = commit_request("", -1, &format!("topic-{topic}"), offset);
                request.group_id = group_name(group);
                let _ = world.commit_with(&request);
            }
            Step::MemberCommit {
                member,
                topic,
                offset,
            } => {
                let Some(client) = self.known.get(member) else {
                    return;
                };
                for generation_id in 0..8 {
                    let topic = format!("topic-{topic}");
                    let mut request =
                        commit_request(&client.member_id, generation_id, &topic, offset);
                    request.group_id = client.group.clone();
                    let _ = world.commit_with(&request);
                }
            }
            Step::DeleteGroup { group } => {
                let group = group_name(group);
                let _ = world.act(|shard, now, effects| shard.delete_group(&group, now, effects));
            }
            Step::DeleteOffset { group, topic } => {
                let (group, partitions) = (group_name(group), [(format!("topic-{topic}"), 0)]);
                let _ = world.act(|shard, now, effects| {
                    shard.delete_offsets(&group, &partitions, now, effects)
                });
            }
            Step::ForgetTopic { topic } => {
                let topic = format!("topic-{topic}");
                world.act(|shard, now, effects| {
                    shard.forget_topic(&topic, Uuid::nil(), now, effects)
                });
            }
            Step::Pass { duration_ms } => world.pass(duration_ms),
        }
    }
}

/// The generation in which `member` may beat.
fn generation(world: &mut World, group: &str, member: &DescribedGroupMember) -> Option<i32> {
    (0..100).find(|generation_id| {
        let request = HeartbeatRequest {
            group_id: group.into(),
            generation_id: *generation_id,
            member_id: member.member_id.to_string(),
            group_instance_id: None,
        };
        world
            .act(|shard, now, _| shard.heartbeat(&request, now))
            .is_ok()
    })
}

proptest! {
    #[test]
    fn replaying_the_records_gives_the_same_durable_state(steps in proptest::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let mut clients = Clients::default();
        for step in steps {
            clients.run(&mut world, step);
            clients.learn(&mut world);
        }
        let mut replica = replayed(&world.records, world.now_ms);
        for group in (0..2).map(group_name) {
            prop_assert_eq!(world.shard.fetch_all_offsets(&group), replica.shard.fetch_all_offsets(&group));
            let (live, replayed) = (world.shard.describe_group(&group), replica.shard.describe_group(&group));
            prop_assert_eq!(live.is_ok(), replayed.is_ok());
            let (Ok(live), Ok(replayed)) = (live, replayed) else { continue };
            // A rebalance is not durable: it begins anew from the last generation.
            if matches!(live.group_state.as_str(), "Stable" | "Empty") {
                prop_assert_eq!(&live, &replayed);
                for member in &live.members {
                    prop_assert_eq!(generation(&mut world, &group, member), generation(&mut replica, &group, member));
                }
            }
        }
    }
}
