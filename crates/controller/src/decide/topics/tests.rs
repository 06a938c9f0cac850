use uuid::Uuid;
use wire::records::metadata::MetadataRecord;
use wire::request::{
    CreatableTopic, CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
    CreateTopicsRequest, DeleteTopicState, DeleteTopicsRequest,
};

use super::*;
use crate::decide::tests::*;
use crate::{Entropy, Image};

fn refusal(image: &Image, topic: CreatableTopic) -> (i16, String) {
    let request = creation(vec![topic]);
    let decision = create_topics(image, &config(), &request, &mut Entropy::from_seed(1));
    assert!(decision.records.is_empty());
    let result = &decision.response.topics[0];
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
fn a_new_topic_has_its_records_in_order() {
    let image = cluster(1);
    let topic = configured(creatable("t", 2, 1), "retention.ms", Some("1000"));
    let decision = create_topics(
        &image,
        &config(),
        &creation(vec![topic]),
        &mut Entropy::from_seed(1),
    );
    let names: Vec<_> = decision.records.iter().map(MetadataRecord::name).collect();
    assert_eq!(
        names,
        [
            "TopicRecord",
            "ConfigRecord",
            "PartitionRecord",
            "PartitionRecord"
        ]
    );
    let mut after = image.clone();
    commit(&mut after, &decision.records);
    let partition = after.partition("t", 1).unwrap();
    assert_eq!(
        (
            partition.leader,
            partition.leader_epoch,
            partition.partition_epoch
        ),
        (1, 0, 0)
    );
    assert_eq!(partition.directories, [directory_of(1)]);
    let result = &decision.response.topics[0];
    assert_eq!((result.num_partitions, result.replication_factor), (2, 1));
    assert_eq!(result.topic_id, after.topic("t").unwrap().id);
}

#[test]
fn a_topic_is_refused_with_kafkas_words() {
    let mut image = cluster(1);
    create(&mut image, creatable("a.b", 1, 1));
    let cases: Vec<(CreatableTopic, i16, &str)> = vec![
        (creatable("a.b", 1, 1), 36, "Topic 'a.b' already exists."),
        (
            creatable("a_b", 1, 1),
            17,
            "Topic 'a_b' collides with existing topic: a.b",
        ),
        (
            creatable("", 1, 1),
            17,
            "Topic name is invalid: the empty string is not allowed",
        ),
        (
            creatable("x", 0, 1),
            37,
            "Number of partitions was set to an invalid non-positive value.",
        ),
        (
            creatable("x", -2, 1),
            37,
            "Number of partitions was set to an invalid non-positive value.",
        ),
        (
            creatable("x", 1, 0),
            38,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        ),
        (
            creatable("x", 1, 2),
            38,
            "Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached \
             because only 1 broker(s) are registered or some brokers have all their log directories cordoned.",
        ),
        (
            assigned("x", &[(0, &[2])]),
            39,
            "The manual partition assignment includes broker 2, but no such broker is registered.",
        ),
        (
            assigned("x", &[(0, &[])]),
            39,
            "The manual partition assignment includes an empty replica list.",
        ),
        (
            assigned("x", &[(1, &[1])]),
            39,
            "partitions should be a consecutive 0-based integer sequence",
        ),
        (
            assigned("x", &[(0, &[1, 1])]),
            39,
            "The manual partition assignment includes the broker 1 more than once.",
        ),
        (
            assigned("x", &[(0, &[1]), (0, &[1])]),
            39,
            "Found multiple manual partition assignments for partition 0",
        ),
        (
            CreatableTopic {
                num_partitions: 1,
                ..assigned("x", &[(0, &[1])])
            },
            42,
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        ),
        (
            CreatableTopic {
                replication_factor: 1,
                ..assigned("x", &[(0, &[1])])
            },
            42,
            "A manual partition assignment was specified, but replication factor was not set to -1.",
        ),
        (
            configured(creatable("x", 1, 1), "foo", Some("1")),
            40,
            "Unknown topic config name: foo",
        ),
        (
            configured(creatable("x", 1, 1), "retention.ms", None),
            40,
            "Null value not supported for topic configs: retention.ms",
        ),
        (
            creatable("x", 10_001, 1),
            44,
            "Excessively large number of partitions per request.",
        ),
        (
            creatable("x", 10_000, 1),
            44,
            "Unable to perform excessively large batch operation.",
        ),
        (
            creatable("__cluster_metadata", 1, 1),
            42,
            "Creation of internal topic __cluster_metadata is prohibited.",
        ),
    ];
    for (topic, code, message) in cases {
        let name = topic.name.clone();
        assert_eq!(refusal(&image, topic), (code, message.to_owned()), "{name}");
    }
}

#[test]
fn one_bad_topic_does_not_harm_the_others() {
    let image = cluster(1);
    let topics = vec![
        creatable("d", 1, 1),
        creatable("ok", -1, -1),
        creatable("d", 2, 1),
    ];
    let decision = create_topics(
        &image,
        &config(),
        &creation(topics),
        &mut Entropy::from_seed(1),
    );
    let codes: Vec<_> = decision
        .response
        .topics
        .iter()
        .map(|t| (t.name.to_string(), t.error_code))
        .collect();
    assert_eq!(codes, [("ok".to_owned(), 0), ("d".to_owned(), 42)]);
    assert_eq!(decision.records.len(), 2);
}

#[test]
fn validation_alone_changes_nothing() {
    let request = CreateTopicsRequest {
        validate_only: true,
        ..creation(vec![creatable("t", 3, 1)])
    };
    let decision = create_topics(&cluster(1), &config(), &request, &mut Entropy::from_seed(1));
    assert_eq!(decision.response.topics[0].error_code, 0);
    assert_eq!(decision.response.topics[0].num_partitions, 3);
    assert!(decision.records.is_empty());
}

fn by_id(id: Uuid) -> DeleteTopicState {
    DeleteTopicState {
        name: None,
        topic_id: id,
    }
}

fn by_name(name: &str) -> DeleteTopicState {
    DeleteTopicState {
        name: Some(name.into()),
        topic_id: Uuid::nil(),
    }
}

/// (name, code, message) of every answer.
fn deletion(image: &Image, topics: Vec<DeleteTopicState>) -> (usize, Vec<(String, i16, String)>) {
    let request = DeleteTopicsRequest {
        topics,
        ..DeleteTopicsRequest::default()
    };
    let decision = delete_topics(image, &config(), &request, 6);
    let results = decision.response.responses.iter().map(|result| {
        let name = result
            .name
            .as_ref()
            .map(|name| name.to_string())
            .unwrap_or_default();
        let message = result
            .error_message
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        (name, result.error_code, message)
    });
    (decision.records.len(), results.collect())
}

#[test]
fn topics_go_by_name_or_by_id_but_not_by_both() {
    let mut image = cluster(1);
    create(&mut image, creatable("a", 1, 1));
    create(&mut image, creatable("b", 1, 1));
    let a = image.topic("a").unwrap().id;
    let b = image.topic("b").unwrap().id;
    let ok = |name: &str| (name.to_owned(), 0, String::new());
    assert_eq!(deletion(&image, vec![by_id(a)]), (1, vec![ok("a")]));
    assert_eq!(deletion(&image, vec![by_name("b")]), (1, vec![ok("b")]));

    let same = "The provided topic name maps to an ID that was already supplied.";
    let both = vec![by_name("a"), by_id(a)];
    assert_eq!(
        deletion(&image, both),
        (0, vec![("a".into(), 42, same.into())])
    );
    let state = DeleteTopicState {
        name: Some("b".into()),
        topic_id: b,
    };
    let message = "You may not specify both topic name and topic id.";
    assert_eq!(
        deletion(&image, vec![state]),
        (0, vec![("b".into(), 42, message.into())])
    );

    let cases = [
        (
            by_id(Uuid::nil()),
            42,
            "Neither topic name nor id were specified.",
        ),
        (
            by_id(Uuid::from_u128(7)),
            100,
            "This server does not host this topic ID.",
        ),
        (
            by_name("c"),
            3,
            "This server does not host this topic-partition.",
        ),
    ];
    for (state, code, message) in cases {
        let (records, results) = deletion(&image, vec![state]);
        assert_eq!(
            (records, results[0].1, results[0].2.as_str()),
            (0, code, message)
        );
    }
    for (twice, message) in [
        (by_id(a), "Duplicate topic id."),
        (by_name("a"), "Duplicate topic name."),
    ] {
        let (records, results) = deletion(&image, vec![twice.clone(), twice]);
        assert_eq!(
            (records, results.len(), results[0].2.as_str()),
            (0, 1, message)
        );
    }
}

#[test]
fn deletion_can_be_switched_off() {
    let mut image = cluster(1);
    create(&mut image, creatable("a", 1, 1));
    let config = config_with("delete.topic.enable", "false");
    let request = DeleteTopicsRequest {
        topic_names: vec!["a".into()],
        ..Default::default()
    };
    for (version, code) in [(1, 42), (3, 73)] {
        let decision = delete_topics(&image, &config, &request, version);
        assert_eq!(decision.response.responses[0].error_code, code);
        assert!(decision.records.is_empty());
    }
}

fn growth(
    image: &Image,
    name: &str,
    count: i32,
    replicas: Option<&[&[i32]]>,
) -> (usize, i16, String) {
    let assignments = replicas.map(|lists| {
        lists
            .iter()
            .map(|ids| CreatePartitionsAssignment {
                broker_ids: ids.to_vec(),
            })
            .collect()
    });
    let topic = CreatePartitionsTopic {
        name: name.into(),
        count,
        assignments,
    };
    let request = CreatePartitionsRequest {
        topics: vec![topic],
        ..Default::default()
    };
    let decision = create_partitions(image, &request, &mut Entropy::from_seed(1));
    let result = &decision.response.results[0];
    let message = result
        .error_message
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    (decision.records.len(), result.error_code, message)
}

#[test]
fn a_topic_grows_but_does_not_shrink() {
    let mut image = cluster(1);
    create(&mut image, creatable("a", 2, 1));
    let ok = |records| (records, 0, String::new());
    let refused = |code, message: &str| (0, code, message.to_owned());
    assert_eq!(growth(&image, "a", 5, None), ok(3));
    assert_eq!(growth(&image, "a", 3, Some(&[&[1]])), ok(1));
    assert_eq!(
        growth(&image, "a", 2, None),
        refused(37, "Topic already has 2 partition(s).")
    );
    let shrink = "The topic a currently has 2 partition(s); -1 would not be an increase.";
    assert_eq!(growth(&image, "a", -1, None), refused(37, shrink));
    let few =
        "Attempted to add 1 additional partition(s), but only 0 assignment(s) were specified.";
    assert_eq!(growth(&image, "a", 3, Some(&[])), refused(39, few));
    let empty = "The manual partition assignment includes an empty replica list.";
    assert_eq!(growth(&image, "a", 3, Some(&[&[]])), refused(39, empty));
    assert_eq!(growth(&image, "nope", 3, None), refused(3, ""));
    let large = "Unable to perform excessively large batch operation.";
    assert_eq!(growth(&image, "a", i32::MAX, None), refused(44, large));
}
