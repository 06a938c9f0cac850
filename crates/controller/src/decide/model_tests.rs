//! Many decisions in a row, on a cluster of three brokers that come and go.

use proptest::prelude::*;
use uuid::Uuid;
use wire::request::*;

use super::tests::*;
use super::*;
use crate::image::{NO_LEADER, Partition};
use crate::{Entropy, Image};

#[derive(Debug, Clone)]
enum Step {
    Create {
        topic: usize,
        partitions: i32,
        replicas: i16,
    },
    Delete {
        topic: usize,
    },
    Grow {
        topic: usize,
        count: i32,
    },
    Restart {
        broker: i32,
        is_caught_up: bool,
    },
    Beat {
        broker: i32,
        want_fence: bool,
        want_shut_down: bool,
        offline: bool,
        cordons: bool,
    },
    Unregister {
        broker: i32,
    },
    AlterIsr {
        topic: usize,
        partition: i32,
        isr: Vec<i32>,
    },
    Elect {
        is_unclean: bool,
    },
    Reassign {
        topic: usize,
        partition: i32,
        replicas: Option<Vec<i32>>,
    },
    Move {
        topic: usize,
        partition: i32,
        broker: i32,
        directory: u128,
    },
    Configure {
        topic: usize,
        is_unclean: bool,
    },
}

const TOPICS: [&str; 3] = ["a", "b.c", "b_c"];

fn any_step() -> impl Strategy<Value = Step> {
    let topic = 0..TOPICS.len();
    let partition = 0..3;
    let broker = 1..4;
    let brokers = prop::collection::vec(1..4, 1..4);
    let flag = any::<bool>();
    prop_oneof![
        3 => (topic.clone(), 1..4, 1..4_i16)
            .prop_map(|(topic, partitions, replicas)| Step::Create { topic, partitions, replicas }),
        1 => topic.clone().prop_map(|topic| Step::Delete { topic }),
        1 => (topic.clone(), 1..5).prop_map(|(topic, count)| Step::Grow { topic, count }),
        2 => (broker.clone(), flag).prop_map(|(broker, is_caught_up)| Step::Restart { broker, is_caught_up }),
        4 => (broker.clone(), flag, flag, flag, flag).prop_map(
            |(broker, want_fence, want_shut_down, offline, cordons)| {
                Step::Beat { broker, want_fence, want_shut_down, offline, cordons }
            }
        ),
        1 => broker.clone().prop_map(|broker| Step::Unregister { broker }),
        4 => (topic.clone(), partition.clone(), brokers.clone())
            .prop_map(|(topic, partition, isr)| Step::AlterIsr { topic, partition, isr }),
        1 => flag.prop_map(|is_unclean| Step::Elect { is_unclean }),
        3 => (topic.clone(), partition.clone(), prop::option::of(brokers))
            .prop_map(|(topic, partition, replicas)| Step::Reassign { topic, partition, replicas }),
        1 => (topic.clone(), partition, broker, 1000..1004_u128).prop_map(
            |(topic, partition, broker, directory)| Step::Move { topic, partition, broker, directory }
        ),
        1 => (topic, flag).prop_map(|(topic, is_unclean)| Step::Configure { topic, is_unclean }),
    ]
}

fn epoch_of(image: &Image, broker: i32) -> i64 {
    image.broker(broker).map_or(-1, |broker| broker.epoch)
}

fn records(image: &Image, step: Step, seed: u128) -> Vec<MetadataRecord> {
    let config = config();
    let mut entropy = Entropy::from_seed(seed);
    match step {
        Step::Create {
            topic,
            partitions,
            replicas,
        } => {
            let request = creation(vec![creatable(TOPICS[topic], partitions, replicas)]);
            create_topics(image, &config, &request, &mut entropy).records
        }
        Step::Delete { topic } => {
            let topic_names = vec![TOPICS[topic].to_owned()];
            let request = DeleteTopicsRequest {
                topic_names,
                ..DeleteTopicsRequest::default()
            };
            delete_topics(image, &config, &request, 5).records
        }
        Step::Grow { topic, count } => {
            let topic = CreatePartitionsTopic {
                name: TOPICS[topic].into(),
                count,
                assignments: None,
            };
            let request = CreatePartitionsRequest {
                topics: vec![topic],
                ..Default::default()
            };
            create_partitions(image, &request, &mut entropy).records
        }
        Step::Restart {
            broker,
            is_caught_up,
        } => register(image, &config, &registration(broker, seed), is_caught_up).records,
        Step::Beat {
            broker,
            want_fence,
            want_shut_down,
            offline,
            cordons,
        } => {
            let request = BrokerHeartbeatRequest {
                broker_id: broker,
                broker_epoch: epoch_of(image, broker),
                current_metadata_offset: image.offset(),
                want_fence,
                want_shut_down,
                offline_log_dirs: if offline {
                    vec![directory_of(broker)]
                } else {
                    vec![]
                },
                cordoned_log_dirs: cordons.then(|| vec![directory_of(broker)]),
            };
            heartbeat(image, &config, &request).records
        }
        Step::Unregister { broker } => {
            unregister(
                image,
                &config,
                &UnregisterBrokerRequest { broker_id: broker },
            )
            .records
        }
        Step::AlterIsr {
            topic,
            partition,
            isr,
        } => isr_change(image, TOPICS[topic], partition, &isr),
        Step::Elect { is_unclean } => {
            let request = ElectLeadersRequest {
                election_type: i8::from(is_unclean),
                topic_partitions: None,
                ..ElectLeadersRequest::default()
            };
            elect_leaders(image, &request).records
        }
        Step::Reassign {
            topic,
            partition,
            replicas,
        } => {
            let partition = ReassignablePartition {
                partition_index: partition,
                replicas,
            };
            let topic = ReassignableTopic {
                name: TOPICS[topic].into(),
                partitions: vec![partition],
            };
            let request = AlterPartitionReassignmentsRequest {
                topics: vec![topic],
                ..Default::default()
            };
            alter_reassignments(image, &config, &request).records
        }
        Step::Move {
            topic,
            partition,
            broker,
            directory,
        } => {
            let Some(topic) = image.topic(TOPICS[topic]) else {
                return vec![];
            };
            let partitions = vec![AssignReplicasPartition {
                partition_index: partition,
            }];
            let topics = vec![AssignReplicasTopic {
                topic_id: topic.id,
                partitions,
            }];
            let id = Uuid::from_u128(directory);
            let request = AssignReplicasToDirsRequest {
                broker_id: broker,
                broker_epoch: epoch_of(image, broker),
                directories: vec![AssignReplicasDirectory { id, topics }],
            };
            assign_directories(image, &request).records
        }
        Step::Configure { topic, is_unclean } => {
            let change = IncrementalAlterableConfig {
                name: "unclean.leader.election.enable".into(),
                config_operation: 0,
                value: Some(is_unclean.to_string()),
            };
            let resource = IncrementalAlterConfigsResource {
                resource_type: 2,
                resource_name: TOPICS[topic].into(),
                configs: vec![change],
            };
            let request = IncrementalAlterConfigsRequest {
                resources: vec![resource],
                validate_only: false,
            };
            incremental_alter_configs(image, &config, &request).records
        }
    }
}

/// The leader, if there is one, asks for this ISR, itself included.
fn isr_change(
    image: &Image,
    topic: &str,
    partition_index: i32,
    isr: &[i32],
) -> Vec<MetadataRecord> {
    let Some(topic) = image.topic(topic) else {
        return vec![];
    };
    let Some(partition) = topic.partition(partition_index) else {
        return vec![];
    };
    let wanted = partition
        .replicas
        .iter()
        .filter(|id| isr.contains(id) || **id == partition.leader);
    let state = |id: &i32| BrokerState {
        broker_id: *id,
        broker_epoch: -1,
    };
    let change = AlterPartitionPartition {
        partition_index,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        new_isr_with_epochs: wanted.map(state).collect(),
        ..AlterPartitionPartition::default()
    };
    let topics = vec![AlterPartitionTopic {
        topic_id: topic.id,
        partitions: vec![change],
    }];
    let broker_id = partition.leader;
    let broker_epoch = epoch_of(image, broker_id);
    alter_partition(
        image,
        &config(),
        &AlterPartitionRequest {
            broker_id,
            broker_epoch,
            topics,
        },
    )
    .records
}

fn check(image: &Image, partition: &Partition) {
    let distinct: std::collections::BTreeSet<_> = partition.replicas.iter().collect();
    assert_eq!(distinct.len(), partition.replicas.len(), "{partition:?}");
    assert_eq!(
        partition.directories.len(),
        partition.replicas.len(),
        "{partition:?}"
    );
    assert!(!partition.isr.is_empty(), "{partition:?}");
    assert!(
        partition
            .isr
            .iter()
            .all(|id| partition.replicas.contains(id)),
        "{partition:?}"
    );
    assert!(
        partition
            .adding_replicas
            .iter()
            .all(|id| partition.replicas.contains(id)),
        "{partition:?}"
    );
    assert!(
        partition
            .removing_replicas
            .iter()
            .all(|id| partition.replicas.contains(id)),
        "{partition:?}"
    );
    if partition.leader != NO_LEADER {
        assert!(partition.isr.contains(&partition.leader), "{partition:?}");
        let leader = image
            .broker(partition.leader)
            .expect("a leader is registered");
        assert!(!leader.fenced, "{partition:?} is led by {leader:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_decision_fits_and_leaves_partitions_whole(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut image = cluster(3);
        for (number, step) in steps.into_iter().enumerate() {
            let before = image.clone();
            let seed = number as u128 + 1000;
            let batch = records(&image, step, seed);
            commit(&mut image, &batch);
            for topic in image.topics() {
                for (id, partition) in &topic.partitions {
                    check(&image, partition);
                    if let Some(old) = before.topic_by_id(topic.id).and_then(|topic| topic.partition(*id)) {
                        prop_assert!(partition.leader_epoch >= old.leader_epoch);
                        let is_same = partition.leader == old.leader;
                        prop_assert!(is_same || partition.leader_epoch > old.leader_epoch);
                    }
                }
            }
        }
        let mut copy = Image::empty(image.cluster_id());
        for record in image.to_records() {
            copy.apply(&record).unwrap();
        }
        copy.advance(image.offset(), image.epoch());
        prop_assert_eq!(copy, image);
    }
}
