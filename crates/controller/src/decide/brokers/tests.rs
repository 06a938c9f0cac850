use uuid::Uuid;
use wire::request::{
    AllocateProducerIdsRequest, AlterPartitionPartition, AlterPartitionReassignmentsRequest,
    AlterPartitionRequest, AlterPartitionTopic, AssignReplicasDirectory, AssignReplicasPartition,
    AssignReplicasToDirsRequest, AssignReplicasTopic, BrokerHeartbeatRequest,
    BrokerRegistrationRequest, BrokerState, ElectLeadersRequest, ElectLeadersTopicPartitions,
    FeatureUpdateKey, ListPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
    UnregisterBrokerRequest, UpdateFeaturesRequest,
};

use crate::Image;
use crate::decide::tests::*;
use crate::decide::*;
use crate::image::NO_LEADER;

fn restart(image: &mut Image, broker_id: i32, incarnation: u128, is_caught_up: bool) -> usize {
    let request = registration(broker_id, incarnation);
    let decision = register(image, &config(), &request, is_caught_up);
    assert_eq!(decision.response.error_code, 0);
    assert_eq!(decision.response.broker_epoch, image.offset() + 1);
    commit(image, &decision.records);
    decision.records.len()
}

fn beat(image: &Image, broker_id: i32) -> BrokerHeartbeatRequest {
    BrokerHeartbeatRequest {
        broker_id,
        broker_epoch: image.broker(broker_id).unwrap().epoch,
        current_metadata_offset: image.offset(),
        ..BrokerHeartbeatRequest::default()
    }
}

fn leadership(image: &Image, topic: &str) -> (i32, i32, Vec<i32>) {
    let partition = image.partition(topic, 0).unwrap();
    (
        partition.leader,
        partition.leader_epoch,
        partition.isr.clone(),
    )
}

#[test]
fn a_restart_raises_every_epoch_in_one_batch() {
    let mut image = cluster(1);
    create(&mut image, creatable("t", 3, 1));
    let before = image.broker(1).unwrap().epoch;
    assert_eq!(restart(&mut image, 1, 77, true), 4);
    assert!(image.broker(1).unwrap().epoch > before);
    assert!(image.broker(1).unwrap().is_active());
    let topic = image.topic("t").unwrap();
    assert!(
        topic
            .partitions
            .values()
            .all(|p| (p.leader, p.leader_epoch) == (1, 1))
    );
    assert!(topic.partitions.values().all(|p| p.isr == [1]));
}

#[test]
fn the_same_incarnation_only_amends_its_registration() {
    let mut image = cluster(1);
    create(&mut image, creatable("t", 1, 1));
    let epoch = image.broker(1).unwrap().epoch;
    let decision = register(&image, &config(), &registration(1, 1), true);
    assert_eq!(decision.response.broker_epoch, epoch);
    commit(&mut image, &decision.records);
    assert_eq!(leadership(&image, "t"), (1, 0, vec![1]));
}

#[test]
fn a_restarted_broker_leaves_the_isr_of_others_until_it_has_caught_up() {
    let mut image = cluster(2);
    create(&mut image, assigned("both", &[(0, &[1, 2])]));
    create(&mut image, assigned("alone", &[(0, &[1])]));
    restart(&mut image, 1, 77, false);
    assert!(image.broker(1).unwrap().fenced);
    assert_eq!(leadership(&image, "both"), (2, 1, vec![2]));
    assert_eq!(leadership(&image, "alone"), (NO_LEADER, 1, vec![1]));

    let mut early = beat(&image, 1);
    early.current_metadata_offset = image.broker(1).unwrap().epoch - 1;
    let decision = heartbeat(&image, &config(), &early);
    assert!(decision.records.is_empty());
    assert!(decision.response.is_fenced && !decision.response.is_caught_up);

    let decision = heartbeat(&image, &config(), &beat(&image, 1));
    assert!(!decision.response.is_fenced && decision.response.is_caught_up);
    commit(&mut image, &decision.records);
    assert_eq!(leadership(&image, "both"), (2, 1, vec![2]));
    assert_eq!(leadership(&image, "alone"), (1, 2, vec![1]));
}

#[test]
fn a_broker_that_wants_to_stop_is_relieved_first() {
    let mut image = cluster(2);
    create(&mut image, assigned("t", &[(0, &[1, 2])]));
    let request = BrokerHeartbeatRequest {
        want_shut_down: true,
        ..beat(&image, 1)
    };
    let decision = heartbeat(&image, &config(), &request);
    assert!(!decision.response.should_shut_down);
    commit(&mut image, &decision.records);
    assert_eq!(leadership(&image, "t"), (2, 1, vec![2]));
    assert!(image.broker(1).unwrap().in_controlled_shutdown);
    let request = BrokerHeartbeatRequest {
        want_shut_down: true,
        ..beat(&image, 1)
    };
    let decision = heartbeat(&image, &config(), &request);
    assert!(decision.response.should_shut_down);
    commit(&mut image, &decision.records);
    assert!(image.broker(1).unwrap().fenced);
}

#[test]
fn requests_of_an_old_incarnation_are_stale() {
    let mut image = cluster(1);
    let old = beat(&image, 1);
    restart(&mut image, 1, 77, true);
    assert_eq!(heartbeat(&image, &config(), &old).response.error_code, 77);
    let request = AllocateProducerIdsRequest {
        broker_id: 1,
        broker_epoch: old.broker_epoch,
    };
    assert_eq!(
        allocate_producer_ids(&image, &request).response.error_code,
        77
    );
}

#[test]
fn registrations_that_cannot_be_are_refused() {
    let image = cluster(2);
    let good = || registration(3, 3);
    let cases: Vec<(BrokerRegistrationRequest, ErrorCode)> = vec![
        (
            BrokerRegistrationRequest {
                cluster_id: "other".into(),
                ..good()
            },
            ErrorCode::InconsistentClusterId,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![],
                ..good()
            },
            ErrorCode::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![Uuid::from_u128(3)],
                ..good()
            },
            ErrorCode::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![directory_of(3); 2],
                ..good()
            },
            ErrorCode::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                log_dirs: vec![directory_of(1)],
                ..good()
            },
            ErrorCode::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                features: vec![],
                ..good()
            },
            ErrorCode::InvalidRegistration,
        ),
        (
            BrokerRegistrationRequest {
                is_migrating_zk_broker: true,
                ..good()
            },
            ErrorCode::BrokerIdNotRegistered,
        ),
    ];
    for (request, code) in cases {
        let decision = register(&image, &config(), &request, true);
        assert_eq!(decision.response.error_code, code.code());
        assert!(decision.records.is_empty());
    }
    let mut old = good();
    old.features[0].max_supported_version = 29;
    old.features[0].min_supported_version = 7;
    assert_eq!(
        register(&image, &config(), &old, true).response.error_code,
        ErrorCode::UnsupportedVersion.code()
    );
}

#[test]
fn producer_ids_come_in_blocks() {
    let mut image = cluster(1);
    let broker_epoch = image.broker(1).unwrap().epoch;
    let request = AllocateProducerIdsRequest {
        broker_id: 1,
        broker_epoch,
    };
    for block in 0..3 {
        let decision = allocate_producer_ids(&image, &request);
        assert_eq!(decision.response.producer_id_start.0, block * 1000);
        assert_eq!(decision.response.producer_id_len, 1000);
        commit(&mut image, &decision.records);
    }
}

#[test]
fn a_lost_directory_takes_its_leaderships_and_a_move_brings_them_back() {
    let mut image = cluster(1);
    let second = Uuid::from_u128(5000);
    let mut request = registration(1, 77);
    request.log_dirs.push(second);
    let decision = register(&image, &config(), &request, true);
    commit(&mut image, &decision.records);
    create(&mut image, creatable("t", 1, 1));
    let topic_id = image.topic("t").unwrap().id;
    assert_eq!(image.partition("t", 0).unwrap().directories, [Uuid::nil()]);

    let move_to = |image: &Image, id: Uuid| AssignReplicasToDirsRequest {
        broker_id: 1,
        broker_epoch: image.broker(1).unwrap().epoch,
        directories: vec![AssignReplicasDirectory {
            id,
            topics: vec![AssignReplicasTopic {
                topic_id,
                partitions: [0, 9]
                    .map(|partition_index| AssignReplicasPartition { partition_index })
                    .into(),
            }],
        }],
    };
    let decision = assign_directories(&image, &move_to(&image, second));
    let partitions = &decision.response.directories[0].topics[0].partitions;
    assert_eq!((partitions[0].error_code, partitions[1].error_code), (0, 3));
    commit(&mut image, &decision.records);
    assert_eq!(image.partition("t", 0).unwrap().directories, [second]);

    let lost = BrokerHeartbeatRequest {
        offline_log_dirs: vec![second],
        ..beat(&image, 1)
    };
    let decision = heartbeat(&image, &config(), &lost);
    commit(&mut image, &decision.records);
    assert_eq!(image.broker(1).unwrap().log_dirs, [directory_of(1)]);
    assert_eq!(leadership(&image, "t"), (NO_LEADER, 1, vec![1]));
}

#[test]
fn an_unregistered_broker_is_gone() {
    let mut image = cluster(2);
    create(&mut image, assigned("t", &[(0, &[1, 2])]));
    let request = |broker_id| UnregisterBrokerRequest { broker_id };
    let decision = unregister(&image, &config(), &request(1));
    commit(&mut image, &decision.records);
    assert!(image.broker(1).is_none());
    assert_eq!(leadership(&image, "t"), (2, 1, vec![2]));
    let response = unregister(&image, &config(), &request(1)).response;
    assert_eq!(response.error_code, 102);
    assert_eq!(
        response.error_message.unwrap().to_string(),
        "Broker ID 1 is not currently registered"
    );
}

fn isr_request(image: &Image, broker_id: i32, isr: &[i32]) -> AlterPartitionRequest {
    let topic = image.topic("t").unwrap();
    let partition = topic.partition(0).unwrap();
    let state = |id: &i32| BrokerState {
        broker_id: *id,
        broker_epoch: -1,
    };
    AlterPartitionRequest {
        broker_id,
        broker_epoch: image.broker(broker_id).unwrap().epoch,
        topics: vec![AlterPartitionTopic {
            topic_id: topic.id,
            partitions: vec![AlterPartitionPartition {
                partition_index: 0,
                leader_epoch: partition.leader_epoch,
                partition_epoch: partition.partition_epoch,
                new_isr_with_epochs: isr.iter().map(state).collect(),
                ..AlterPartitionPartition::default()
            }],
        }],
    }
}

fn alter(image: &mut Image, request: &AlterPartitionRequest) -> i16 {
    let decision = alter_partition(image, &config(), request);
    commit(image, &decision.records);
    decision.response.topics[0].partitions[0].error_code
}

#[test]
fn the_leader_and_only_the_leader_changes_the_isr() {
    let mut image = cluster(3);
    create(&mut image, assigned("t", &[(0, &[1, 2])]));
    let request = isr_request(&image, 1, &[1]);
    assert_eq!(alter(&mut image, &request), 0);
    assert_eq!(leadership(&image, "t"), (1, 0, vec![1]));
    // The partition epoch of the request has been passed.
    assert_eq!(
        alter(&mut image, &request),
        ErrorCode::InvalidUpdateVersion.code()
    );
    let cases: [(i32, &[i32], ErrorCode); 4] = [
        (2, &[1, 2], ErrorCode::InvalidRequest),
        (1, &[2], ErrorCode::InvalidRequest),
        (1, &[1, 3], ErrorCode::InvalidRequest),
        (1, &[1, 2, 2], ErrorCode::InvalidRequest),
    ];
    for (broker_id, isr, code) in cases {
        let request = isr_request(&image, broker_id, isr);
        assert_eq!(alter(&mut image, &request), code.code());
    }
    let mut stale = isr_request(&image, 1, &[1, 2]);
    stale.topics[0].partitions[0].new_isr_with_epochs[1].broker_epoch = 0;
    assert_eq!(
        alter(&mut image, &stale),
        ErrorCode::IneligibleReplica.code()
    );
    let request = isr_request(&image, 1, &[1, 2]);
    assert_eq!(alter(&mut image, &request), 0);
    assert_eq!(leadership(&image, "t"), (1, 0, vec![1, 2]));
}

fn reassign(image: &mut Image, replicas: Option<Vec<i32>>, may_change: bool) -> (i16, String) {
    let partition = ReassignablePartition {
        partition_index: 0,
        replicas,
    };
    let request = AlterPartitionReassignmentsRequest {
        allow_replication_factor_change: may_change,
        topics: vec![ReassignableTopic {
            name: "t".into(),
            partitions: vec![partition],
        }],
        ..AlterPartitionReassignmentsRequest::default()
    };
    let decision = alter_reassignments(image, &config(), &request);
    commit(image, &decision.records);
    let result = &decision.response.responses[0].partitions[0];
    (
        result.error_code,
        result
            .error_message
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    )
}

#[test]
fn a_reassignment_adds_waits_and_drops() {
    let mut image = cluster(3);
    create(&mut image, assigned("t", &[(0, &[1, 2])]));
    assert_eq!(reassign(&mut image, None, true), (85, String::new()));
    let other = "The replication factor is changed from 2 to 1";
    assert_eq!(
        reassign(&mut image, Some(vec![3]), false),
        (38, other.to_owned())
    );

    assert_eq!(reassign(&mut image, Some(vec![3, 2]), true).0, 0);
    let partition = image.partition("t", 0).unwrap();
    assert_eq!(partition.replicas, [3, 2, 1]);
    assert_eq!(
        (
            partition.adding_replicas.as_slice(),
            partition.removing_replicas.as_slice()
        ),
        (&[3][..], &[1][..])
    );
    let all = ListPartitionReassignmentsRequest {
        topics: None,
        ..Default::default()
    };
    assert_eq!(
        list_reassignments(&image, &all).topics[0].partitions[0].partition_index,
        0
    );

    // When the new replica is in sync, the old leader goes, and is told to look again.
    let request = isr_request(&image, 1, &[1, 2, 3]);
    assert_eq!(
        alter(&mut image, &request),
        ErrorCode::NewLeaderElected.code()
    );
    let partition = image.partition("t", 0).unwrap();
    assert_eq!(partition.replicas, [3, 2]);
    assert_eq!((partition.leader, partition.is_reassigning()), (3, false));
    assert_eq!(partition.directories, [directory_of(3), directory_of(2)]);
    assert!(list_reassignments(&image, &all).topics.is_empty());
}

#[test]
fn a_cancelled_reassignment_leaves_what_was() {
    let mut image = cluster(3);
    create(&mut image, assigned("t", &[(0, &[1, 2])]));
    reassign(&mut image, Some(vec![3]), true);
    assert_eq!(reassign(&mut image, None, true).0, 0);
    let partition = image.partition("t", 0).unwrap();
    assert_eq!(
        (partition.replicas.as_slice(), partition.is_reassigning()),
        (&[1, 2][..], false)
    );
}

fn elect(image: &mut Image, election_type: i8) -> (i16, String) {
    let topics = vec![ElectLeadersTopicPartitions {
        topic: "t".into(),
        partitions: vec![0],
    }];
    let topic_partitions = Some(topics);
    let request = ElectLeadersRequest {
        election_type,
        topic_partitions,
        ..Default::default()
    };
    let decision = elect_leaders(image, &request);
    commit(image, &decision.records);
    let result = &decision.response.replica_election_results[0].partition_result[0];
    (
        result.error_code,
        result
            .error_message
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    )
}

#[test]
fn a_partition_returns_to_its_preferred_leader() {
    let mut image = cluster(2);
    create(&mut image, assigned("t", &[(0, &[1, 2])]));
    assert_eq!(
        elect(&mut image, 0),
        (84, "Leader election not needed for topic partition.".into())
    );
    assert_eq!(elect(&mut image, 5), (42, "Unknown election type 5".into()));
    restart(&mut image, 1, 77, true);
    assert_eq!(leadership(&image, "t"), (2, 1, vec![2]));
    assert_eq!(
        elect(&mut image, 0).0,
        ErrorCode::PreferredLeaderNotAvailable.code()
    );
    let request = isr_request(&image, 2, &[1, 2]);
    assert_eq!(alter(&mut image, &request), 0);
    assert_eq!(elect(&mut image, 0), (0, String::new()));
    assert_eq!(leadership(&image, "t"), (1, 2, vec![1, 2]));
}

#[test]
fn an_unclean_election_is_for_partitions_without_a_leader() {
    let mut image = cluster(2);
    create(&mut image, assigned("t", &[(0, &[1, 2])]));
    let request = isr_request(&image, 1, &[1]);
    assert_eq!(alter(&mut image, &request), 0);
    assert_eq!(elect(&mut image, 1).0, ErrorCode::ElectionNotNeeded.code());
    restart(&mut image, 1, 77, false);
    assert_eq!(leadership(&image, "t"), (NO_LEADER, 1, vec![1]));
    assert_eq!(elect(&mut image, 1), (0, String::new()));
    assert_eq!(leadership(&image, "t"), (2, 2, vec![2]));
}

fn update(feature: &str, level: i16, upgrade_type: i8) -> (i16, String) {
    let update = FeatureUpdateKey {
        feature: feature.into(),
        max_version_level: level,
        upgrade_type,
        ..FeatureUpdateKey::default()
    };
    let request = UpdateFeaturesRequest {
        feature_updates: vec![update],
        ..Default::default()
    };
    let response = update_features(&cluster(1), &config(), &request, 2).response;
    (
        response.error_code,
        response
            .error_message
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    )
}

#[test]
fn only_what_is_there_can_be_finalized() {
    assert_eq!(update("metadata.version", 30, 1), (0, String::new()));
    assert_eq!(update("group.version", 0, 1), (0, String::new()));
    assert_eq!(update("kraft.version", 0, 2), (0, String::new()));
    let cases = [
        (
            "group.version",
            1,
            1,
            "Local controller 1 does not support this feature.",
        ),
        ("foo", 0, 1, "Feature foo not found."),
        (
            "metadata.version",
            29,
            2,
            "Local controller 1 only supports versions 30-30",
        ),
        (
            "metadata.version",
            -1,
            1,
            "A feature version cannot be less than 0.",
        ),
        (
            "metadata.version",
            30,
            9,
            "The controller does not support the given upgrade type.",
        ),
    ];
    for (feature, level, upgrade_type, reason) in cases {
        let expected = format!(
            "The update failed for all features since the following feature had an error: Invalid update version \
             {level} for feature {feature}. {reason}"
        );
        assert_eq!(update(feature, level, upgrade_type), (95, expected));
    }
}

#[test]
fn replicas_are_spread_over_racks_and_brokers() {
    let mut image = cluster(0);
    for broker_id in 1..=6 {
        let mut request = registration(broker_id, broker_id.unsigned_abs().into());
        request.rack = Some(format!("rack{}", broker_id % 3));
        let decision = register(&image, &config(), &request, true);
        commit(&mut image, &decision.records);
    }
    create(&mut image, creatable("t", 60, 3));
    let topic = image.topic("t").unwrap();
    for broker_id in 1..=6 {
        let leads = topic
            .partitions
            .values()
            .filter(|p| p.leader == broker_id)
            .count();
        assert_eq!(leads, 10);
    }
    for partition in topic.partitions.values() {
        let racks: std::collections::BTreeSet<_> =
            partition.replicas.iter().map(|id| id % 3).collect();
        assert_eq!(racks.len(), 3, "{:?}", partition.replicas);
    }
}
