use proptest::prelude::*;
use uuid::Uuid;
use wire::records::metadata::{
    BrokerRegistrationChangeRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord,
    PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord,
    RemoveTopicRecord, TopicRecord, UnregisterBrokerRecord,
};

use super::*;
use crate::Delta;

fn topic(name: &str, id: u128) -> MetadataRecord {
    TopicRecord {
        name: name.into(),
        topic_id: Uuid::from_u128(id),
    }
    .into()
}

fn partition(topic_id: u128, partition_id: i32) -> MetadataRecord {
    PartitionRecord {
        partition_id,
        topic_id: Uuid::from_u128(topic_id),
        replicas: vec![1, 2],
        directories: vec![Uuid::from_u128(101), Uuid::from_u128(102)],
        isr: vec![1, 2],
        leader: 1,
        leader_epoch: 0,
        partition_epoch: 0,
        ..PartitionRecord::default()
    }
    .into()
}

fn config_record(topic: &str, key: &str, value: Option<&str>) -> MetadataRecord {
    ConfigRecord {
        resource_type: 2,
        resource_name: topic.into(),
        name: key.into(),
        value: value.map(str::to_owned),
    }
    .into()
}

fn image_of(records: &[MetadataRecord]) -> Image {
    let mut image = Image::empty("cluster");
    for record in records {
        image.apply(record).unwrap();
    }
    image
}

#[test]
fn a_change_raises_the_epochs_and_keeps_what_it_does_not_name() {
    let mut image = image_of(&[topic("t", 200), partition(200, 0)]);
    let change = PartitionChangeRecord {
        partition_id: 0,
        topic_id: Uuid::from_u128(200),
        isr: Some(vec![2]),
        leader: 2,
        ..PartitionChangeRecord::default()
    };
    image.apply(&change.clone().into()).unwrap();
    let changed = image.partition("t", 0).unwrap();
    assert_eq!(
        (
            changed.leader,
            changed.leader_epoch,
            changed.partition_epoch
        ),
        (2, 1, 1)
    );
    assert_eq!(
        (changed.isr.as_slice(), changed.replicas.as_slice()),
        (&[2][..], &[1, 2][..])
    );

    let only_isr = PartitionChangeRecord {
        isr: Some(vec![1, 2]),
        leader: NO_LEADER_CHANGE,
        ..change
    };
    image.apply(&only_isr.into()).unwrap();
    let changed = image.partition("t", 0).unwrap();
    assert_eq!(
        (
            changed.leader,
            changed.leader_epoch,
            changed.partition_epoch
        ),
        (2, 1, 2)
    );
}

#[test]
fn a_clone_does_not_see_later_changes() {
    let mut image = image_of(&[topic("t", 200), partition(200, 0)]);
    let before = image.clone();
    image.apply(&partition(200, 1)).unwrap();
    image
        .apply(&config_record("t", "retention.ms", Some("1")))
        .unwrap();
    assert_eq!(before.topic("t").unwrap().partition_count(), 1);
    assert_eq!(image.topic("t").unwrap().partition_count(), 2);
    assert!(before.config(&ConfigResource::topic("t")).is_none());
}

#[test]
fn a_removed_topic_takes_its_configuration_and_its_name_along() {
    let mut image = image_of(&[
        topic("a.b", 200),
        partition(200, 0),
        config_record("a.b", "retention.ms", Some("1")),
    ]);
    assert_eq!(
        image.colliding_topic("a_b").map(|name| &**name),
        Some("a.b")
    );
    assert_eq!(image.colliding_topic("a-b"), None);
    image
        .apply(
            &RemoveTopicRecord {
                topic_id: Uuid::from_u128(200),
            }
            .into(),
        )
        .unwrap();
    assert_eq!(image, Image::empty("cluster"));
}

#[test]
fn records_that_do_not_fit_are_errors() {
    let mut image = image_of(&[topic("t", 200)]);
    let id = Uuid::from_u128(200);
    assert_eq!(
        image.apply(&topic("t", 201)),
        Err(ApplyError::TopicExists("t".into()))
    );
    assert_eq!(
        image.apply(&partition(201, 0)),
        Err(ApplyError::UnknownTopic(Uuid::from_u128(201)))
    );
    let change = PartitionChangeRecord {
        partition_id: 3,
        topic_id: id,
        ..Default::default()
    };
    let unknown = ApplyError::UnknownPartition {
        topic_id: id,
        partition_id: 3,
    };
    assert_eq!(image.apply(&change.into()), Err(unknown));
    let stale = BrokerRegistrationChangeRecord {
        broker_id: 1,
        ..Default::default()
    };
    assert_eq!(
        image.apply(&stale.into()),
        Err(ApplyError::UnknownBroker(1))
    );
}

#[test]
fn a_topic_that_comes_and_goes_leaves_no_trace_in_the_delta() {
    let mut image = image_of(&[topic("kept", 200), partition(200, 0)]);
    let mut delta = Delta::default();
    let removal = |id| {
        MetadataRecord::from(RemoveTopicRecord {
            topic_id: Uuid::from_u128(id),
        })
    };
    for record in [
        topic("brief", 201),
        partition(201, 0),
        config_record("brief", "retention.ms", Some("1")),
        removal(201),
    ] {
        delta.add(image.apply(&record).unwrap());
    }
    assert!(delta.is_empty());
    delta.add(image.apply(&removal(200)).unwrap());
    assert_eq!(
        delta
            .deleted_topics
            .values()
            .map(|topic| &*topic.name)
            .collect::<Vec<_>>(),
        ["kept"]
    );
}

/// A record about one of few things, so that a sequence of them meets itself; it may not fit.
fn any_record() -> impl Strategy<Value = MetadataRecord> {
    let id = 200_u128..204;
    let topic_id = (200_u128..204).prop_map(Uuid::from_u128);
    let replicas = prop::collection::vec(0..4, 0..3);
    let value = prop::option::of("[a-z]{0,3}");
    prop_oneof![
        (id.clone(), 0..3_usize).prop_map(|(id, n)| topic(["a.b", "a_b", "c"][n], id)),
        topic_id
            .clone()
            .prop_map(|topic_id| RemoveTopicRecord { topic_id }.into()),
        (id, 0..3).prop_map(|(id, partition_id)| partition(id, partition_id)),
        (topic_id, 0..3, -2..3, prop::option::of(replicas)).prop_map(
            |(topic_id, partition_id, leader, replicas)| {
                let isr = replicas.clone();
                let elr = replicas.clone();
                PartitionChangeRecord {
                    partition_id,
                    topic_id,
                    leader,
                    isr,
                    replicas,
                    eligible_leader_replicas: elr,
                    ..PartitionChangeRecord::default()
                }
                .into()
            }
        ),
        (0..3_usize, value).prop_map(|(n, value)| {
            config_record(["a.b", "c", "d"][n], ["k", "l"][n % 2], value.as_deref())
        }),
        ("[fgm]", 0..3_i16).prop_map(|(name, feature_level)| {
            FeatureLevelRecord {
                name,
                feature_level,
            }
            .into()
        }),
        (0..3, any::<bool>(), any::<u128>()).prop_map(|(broker_id, fenced, id)| {
            RegisterBrokerRecord {
                broker_id,
                fenced,
                broker_epoch: 5,
                incarnation_id: Uuid::from_u128(id),
                log_dirs: vec![Uuid::from_u128(id)],
                rack: fenced.then(|| "r".to_owned()),
                ..RegisterBrokerRecord::default()
            }
            .into()
        }),
        (0..3, -1..2_i8, any::<bool>()).prop_map(|(broker_id, fenced, cordons)| {
            BrokerRegistrationChangeRecord {
                broker_id,
                broker_epoch: 5,
                fenced,
                cordoned_log_dirs: cordons.then(|| vec![Uuid::from_u128(300)]),
                ..BrokerRegistrationChangeRecord::default()
            }
            .into()
        }),
        (0..3).prop_map(|broker_id| {
            UnregisterBrokerRecord {
                broker_id,
                broker_epoch: 5,
            }
            .into()
        }),
        (0..3, 1..9_i64).prop_map(|(broker_id, blocks)| {
            let next_producer_id = blocks * 1000;
            ProducerIdsRecord {
                broker_id,
                broker_epoch: 5,
                next_producer_id,
            }
            .into()
        }),
    ]
}

proptest! {
    #[test]
    fn a_snapshot_gives_the_image_back(records in prop::collection::vec(any_record(), 0..60)) {
        let mut image = Image::empty("cluster");
        for record in &records {
            let _ = image.apply(record);
        }
        let snapshot = image.to_records();
        let mut encoded = snapshot.iter().map(|record| record.encode().unwrap());
        prop_assert!(encoded.all(|bytes| MetadataRecord::decode(&bytes).is_ok()));
        let mut copy = image_of(&snapshot);
        // Which of two colliding names is remembered depends on their order; real clusters have one.
        copy.collisions.clone_from(&image.collisions);
        prop_assert_eq!(copy, image);
    }

    #[test]
    fn a_delta_holds_all_that_differs(
        before in prop::collection::vec(any_record(), 0..30),
        after in prop::collection::vec(any_record(), 0..30),
    ) {
        let mut image = Image::empty("cluster");
        for record in &before {
            let _ = image.apply(record);
        }
        let old = image.clone();
        let mut delta = Delta::default();
        for record in &after {
            if let Ok(change) = image.apply(record) {
                delta.add(change);
            }
        }
        let difference = Delta::between(&old, &image);
        prop_assert!(Delta::between(&image, &image).is_empty());
        let recreated = delta.deleted_topics.keys().any(|id| delta.created_topics.contains(id));
        if !recreated {
            prop_assert_eq!(&difference.created_topics, &delta.created_topics);
            prop_assert_eq!(&difference.deleted_topics.keys().collect::<Vec<_>>(),
                &delta.deleted_topics.keys().collect::<Vec<_>>());
            for (id, partitions) in &difference.partitions {
                prop_assert!(partitions.is_subset(&delta.partitions[id]));
            }
        }
        prop_assert!(difference.brokers.is_subset(&delta.brokers));
        prop_assert!(difference.features.is_subset(&delta.features));
        prop_assert!(!difference.producer_ids || delta.producer_ids);
    }
}
