use std::collections::BTreeSet;

use wire::request::{
    AlterConfigsRequest, AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource, IncrementalAlterableConfig,
};

use super::tests::*;
use super::*;
use crate::Image;
use crate::image::ConfigResource;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;

type Change<'a> = (&'a str, i8, Option<&'a str>);

fn resource(kind: i8, name: &str, changes: &[Change<'_>]) -> IncrementalAlterConfigsResource {
    let config = |(name, config_operation, value): &Change<'_>| IncrementalAlterableConfig {
        name: (*name).to_owned(),
        config_operation: *config_operation,
        value: value.map(str::to_owned),
    };
    IncrementalAlterConfigsResource {
        resource_type: kind,
        resource_name: name.into(),
        configs: changes.iter().map(config).collect(),
    }
}

fn alter(image: &mut Image, kind: i8, name: &str, changes: &[Change<'_>]) -> (i16, String) {
    let resources = vec![resource(kind, name, changes)];
    let request = IncrementalAlterConfigsRequest {
        resources,
        validate_only: false,
    };
    let decision = incremental_alter_configs(image, &config(), &request);
    commit(image, &decision.records);
    let result = &decision.response.responses[0];
    (
        result.error_code,
        result
            .error_message
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    )
}

fn value(image: &Image, topic: &str, key: &str) -> Option<String> {
    Some(
        image
            .config(&ConfigResource::topic(topic))?
            .get(key)?
            .to_string(),
    )
}

#[test]
fn keys_are_set_extended_and_deleted() {
    let mut image = cluster(1);
    create(&mut image, creatable("t", 1, 1));
    let ok = (0, String::new());
    assert_eq!(
        alter(&mut image, TOPIC, "t", &[("retention.ms", SET, Some("5"))]),
        ok
    );
    assert_eq!(value(&image, "t", "retention.ms").as_deref(), Some("5"));
    assert_eq!(
        alter(
            &mut image,
            TOPIC,
            "t",
            &[("cleanup.policy", APPEND, Some("compact"))]
        ),
        ok
    );
    assert_eq!(
        value(&image, "t", "cleanup.policy").as_deref(),
        Some("delete,compact")
    );
    assert_eq!(
        alter(&mut image, TOPIC, "t", &[("retention.ms", DELETE, None)]),
        ok
    );
    assert_eq!(value(&image, "t", "retention.ms"), None);
}

#[test]
fn what_stays_the_same_is_not_written() {
    let mut image = cluster(1);
    create(
        &mut image,
        configured(creatable("t", 1, 1), "retention.ms", Some("5")),
    );
    let before = image.offset();
    alter(
        &mut image,
        TOPIC,
        "t",
        &[
            ("retention.ms", SET, Some("5")),
            ("segment.ms", DELETE, None),
        ],
    );
    assert_eq!(image.offset(), before);
}

#[test]
fn the_old_way_deletes_what_it_does_not_name() {
    let mut image = cluster(1);
    create(
        &mut image,
        configured(creatable("t", 1, 1), "retention.ms", Some("5")),
    );
    let config_of = |name: &str, value: Option<&str>| AlterableConfig {
        name: name.into(),
        value: value.map(str::to_owned),
    };
    let request = |configs| AlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: TOPIC,
            resource_name: "t".into(),
            configs,
        }],
        validate_only: false,
    };
    let decision = alter_configs(
        &image,
        &config(),
        &request(vec![config_of("segment.ms", Some("9"))]),
    );
    assert_eq!(decision.response.responses[0].error_code, 0);
    commit(&mut image, &decision.records);
    assert_eq!(value(&image, "t", "retention.ms"), None);
    assert_eq!(value(&image, "t", "segment.ms").as_deref(), Some("9"));
    let decision = alter_configs(
        &image,
        &config(),
        &request(vec![config_of("segment.ms", None)]),
    );
    assert_eq!(decision.response.responses[0].error_code, 42);
}

#[test]
fn changes_are_refused_with_kafkas_words() {
    let mut image = cluster(1);
    create(&mut image, creatable("t", 1, 1));
    let long = "x".repeat(40_000);
    let cases: &[(i8, &str, &[Change<'_>], i16, &str)] = &[
        (
            TOPIC,
            "t",
            &[("foo", SET, Some("1"))],
            40,
            "Unknown topic config name: foo",
        ),
        (
            TOPIC,
            "t",
            &[("retention.ms", APPEND, Some("1"))],
            40,
            "Can't APPEND to key retention.ms because its type is not LIST.",
        ),
        (
            TOPIC,
            "t",
            &[("retention.ms", 9, Some("1"))],
            42,
            "Unknown operations type 9",
        ),
        (
            TOPIC,
            "t",
            &[
                ("retention.ms", SET, Some("1")),
                ("retention.ms", DELETE, None),
            ],
            42,
            "Error due to duplicate config keys",
        ),
        (
            TOPIC,
            "t",
            &[("retention.ms", SET, None)],
            42,
            "Null value not supported for : retention.ms",
        ),
        (
            TOPIC,
            "x",
            &[("retention.ms", SET, Some("1"))],
            3,
            "The topic 'x' does not exist.",
        ),
        (
            TOPIC,
            "",
            &[],
            42,
            "Default topic resources are not allowed.",
        ),
        (
            TOPIC,
            "t",
            &[("follower.replication.throttled.replicas", SET, Some(&long))],
            40,
            "The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.",
        ),
        (
            BROKER,
            "2",
            &[("log.retention.ms", SET, Some("1"))],
            42,
            "Unexpected broker id, expected 1, but received 2",
        ),
        (
            BROKER,
            "x",
            &[],
            42,
            "Node id must be an integer, but it is: x",
        ),
        (
            BROKER,
            "1",
            &[("log.retention.ms", APPEND, Some("1"))],
            40,
            "Config value append is not allowed for config key: log.retention.ms",
        ),
        (
            BROKER,
            "1",
            &[("no.such.key", APPEND, Some("1"))],
            40,
            "Unknown config name: no.such.key",
        ),
        (
            CLIENT_METRICS,
            "m",
            &[("metrics", APPEND, Some("a"))],
            40,
            "Can't APPEND to key metrics because its type is not LIST.",
        ),
        (
            BROKER,
            "1",
            &[("node.id", SET, Some("1"))],
            42,
            "Cannot update these configs dynamically: [node.id]",
        ),
        (
            GROUP,
            "",
            &[],
            42,
            "Default group resources are not allowed.",
        ),
        (
            CLIENT_METRICS,
            "",
            &[],
            42,
            "Subscription name can't be empty",
        ),
        (99, "t", &[], 42, "Unknown resource type 99"),
    ];
    for (kind, name, changes, code, message) in cases {
        assert_eq!(
            alter(&mut image, *kind, name, changes),
            (*code, (*message).to_owned())
        );
    }
}

#[test]
fn a_resource_named_twice_is_not_changed() {
    let mut image = cluster(1);
    create(&mut image, creatable("t", 1, 1));
    let twice = resource(TOPIC, "t", &[("retention.ms", SET, Some("1"))]);
    let request = IncrementalAlterConfigsRequest {
        resources: vec![twice.clone(), twice],
        validate_only: false,
    };
    let decision = incremental_alter_configs(&image, &config(), &request);
    assert!(decision.records.is_empty());
    assert_eq!(decision.response.responses.len(), 2);
    for result in &decision.response.responses {
        assert_eq!(
            result.error_message.as_ref().unwrap().to_string(),
            "Each resource must appear at most once."
        );
    }
}

#[test]
fn a_brokers_dynamic_configuration_is_kept_by_its_id() {
    let mut image = cluster(1);
    let ok = (0, String::new());
    assert_eq!(
        alter(
            &mut image,
            BROKER,
            "1",
            &[("log.retention.ms", SET, Some("9"))]
        ),
        ok
    );
    assert_eq!(
        alter(
            &mut image,
            BROKER,
            "",
            &[("log.retention.ms", SET, Some("8"))]
        ),
        ok
    );
    let of = |resource| {
        image
            .config(&resource)
            .unwrap()
            .get("log.retention.ms")
            .unwrap()
            .to_string()
    };
    assert_eq!(of(ConfigResource::broker(1)), "9");
    assert_eq!(of(ConfigResource::cluster()), "8");
}

#[test]
fn a_value_is_bounded_by_its_bytes() {
    let mut image = cluster(1);
    let key = "config.providers";
    let half = "\u{4e2d}".repeat(10_900);
    let other_half = "\u{56fd}".repeat(10_900);
    assert_eq!(
        alter(&mut image, BROKER, "", &[(key, SET, Some(&half))]),
        (0, String::new())
    );
    let text = "The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.";
    assert_eq!(
        alter(&mut image, BROKER, "", &[(key, APPEND, Some(&other_half))]),
        (ErrorCode::InvalidConfig.code(), text.to_owned()),
        "two halves have fewer than 32,767 characters, and more bytes"
    );
}

/// What becomes of SETs of two keys on so many groups, whose names have this length.
fn alter_groups(count: usize, name_length: usize) -> (usize, BTreeSet<(i16, Option<String>)>) {
    let changes = [
        ("consumer.session.timeout.ms", SET, Some("45000")),
        ("consumer.heartbeat.interval.ms", SET, Some("5000")),
    ];
    let group = |index| {
        let name = format!("{index:0>name_length$}");
        resource(GROUP, &name, &changes)
    };
    let request = IncrementalAlterConfigsRequest {
        resources: (0..count).map(group).collect(),
        validate_only: false,
    };
    let decision = incremental_alter_configs(&cluster(1), &config(), &request);
    let responses = decision.response.responses;
    assert_eq!(responses.len(), count);
    let results = responses.iter().map(|result| {
        let message = result.error_message.as_ref().map(ToString::to_string);
        (result.error_code, message)
    });
    (decision.records.len(), results.collect())
}

#[test]
fn a_request_may_cause_so_many_records_and_bytes() {
    let done = BTreeSet::from([(0, None)]);
    let text = "Unable to perform excessively large batch operation.".to_owned();
    let refused = BTreeSet::from([(ErrorCode::PolicyViolation.code(), Some(text))]);
    assert_eq!(alter_groups(5_000, 5), (10_000, done.clone()));
    assert_eq!(alter_groups(5_001, 5), (0, refused.clone()));
    // Twice the name in each request's two records.
    assert_eq!(alter_groups(130, 32_000), (260, done));
    assert_eq!(alter_groups(132, 32_000), (0, refused));
}
