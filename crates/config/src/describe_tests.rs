//! Descriptions, held against what Kafka 4.3 answers for the same configuration.

use crate::{BrokerConfig, Description, Kind, Properties, Source, describe_client_metrics};

fn properties(entries: &[(&str, &str)]) -> Properties {
    entries
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

/// A broker with something set in every layer.
fn config() -> BrokerConfig {
    let given = properties(&[
        ("log.retention.hours", "100"),
        ("message.max.bytes", " 2000 "),
    ]);
    let defaults = properties(&[
        ("log.retention.ms", "70000"),
        ("max.connections", "1000"),
        ("leader.replication.throttled.rate", "5"),
        ("super.users", "User:a"),
    ]);
    let own = properties(&[
        ("log.retention.ms", "60000"),
        ("listener.name.plaintext.max.connections", "90"),
        ("listener.name.plaintext.ssl.key.password", "secret"),
        ("foo.bar", "1"),
    ]);
    BrokerConfig::new(given)
        .unwrap()
        .with_dynamic(defaults, own)
        .unwrap()
}

fn find(descriptions: Vec<Description>, name: &str) -> Description {
    descriptions
        .into_iter()
        .find(|d| d.name == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

/// Each synonym as `Source name=value`.
fn synonyms(description: &Description) -> Vec<String> {
    let text = |s: &crate::Synonym| {
        format!(
            "{:?} {}={}",
            s.source,
            s.name,
            s.value.as_deref().unwrap_or("null")
        )
    };
    description.synonyms.iter().map(text).collect()
}

#[test]
fn a_broker_key_shows_every_layer_and_its_synonyms() {
    let retention = find(config().describe(), "log.retention.ms");
    assert_eq!(retention.value.as_deref(), Some("60000"));
    assert_eq!(retention.source, Source::DynamicBroker);
    assert_eq!(retention.kind, Some(Kind::Long));
    assert!(!retention.is_read_only);
    assert_eq!(
        synonyms(&retention),
        [
            "DynamicBroker log.retention.ms=60000",
            "DynamicDefaultBroker log.retention.ms=70000",
            "StaticBroker log.retention.hours=100",
            "Default log.retention.hours=168",
        ]
    );
}

#[test]
fn an_unset_key_without_default_has_neither_value_nor_synonyms() {
    let roll = find(config().describe(), "log.roll.ms");
    assert_eq!(
        (roll.value, roll.source, roll.synonyms),
        (None, Source::Default, vec![])
    );
}

#[test]
fn values_are_shown_as_parsed_and_synonyms_as_written() {
    let max = find(config().describe(), "message.max.bytes");
    assert_eq!(max.value.as_deref(), Some("2000"));
    assert_eq!(
        synonyms(&max),
        [
            "StaticBroker message.max.bytes= 2000 ",
            "Default message.max.bytes=1048588"
        ]
    );
}

#[test]
fn a_listeners_key_is_followed_by_the_plain_one() {
    let max = find(
        config().describe(),
        "listener.name.plaintext.max.connections",
    );
    assert!(max.is_read_only);
    assert_eq!(max.kind, Some(Kind::Int));
    assert_eq!(
        synonyms(&max),
        [
            "DynamicBroker listener.name.plaintext.max.connections=90",
            "DynamicDefaultBroker max.connections=1000",
            "Default max.connections=2147483647",
        ]
    );
}

#[test]
fn secrets_and_unknown_keys_are_hidden() {
    for name in [
        "listener.name.plaintext.ssl.key.password",
        "foo.bar",
        "super.users",
    ] {
        let hidden = find(config().describe(), name);
        assert!(hidden.is_sensitive && hidden.is_read_only, "{name}");
        assert_eq!(hidden.value, None);
        assert!(
            hidden
                .synonyms
                .iter()
                .all(|synonym| synonym.value.is_none())
        );
    }
    assert_eq!(find(config().describe(), "foo.bar").kind, None);
}

#[test]
fn internal_keys_are_listed_only_where_they_are_set() {
    let names = |config: &BrokerConfig| {
        config
            .describe()
            .into_iter()
            .map(|d| d.name)
            .collect::<Vec<_>>()
    };
    let name = "log.initial.task.delay.ms".to_owned();
    assert!(!names(&config()).contains(&name));
    let set = BrokerConfig::new(properties(&[(&name, "1")])).unwrap();
    assert!(names(&set).contains(&name));
}

#[test]
fn the_cluster_shows_only_what_is_set_for_all_brokers() {
    let names: Vec<_> = config()
        .describe_dynamic_defaults()
        .into_iter()
        .map(|d| d.name)
        .collect();
    assert_eq!(
        names,
        [
            "leader.replication.throttled.rate",
            "log.retention.ms",
            "max.connections",
            "super.users"
        ]
    );
    let retention = find(config().describe_dynamic_defaults(), "log.retention.ms");
    assert_eq!(
        synonyms(&retention),
        ["DynamicDefaultBroker log.retention.ms=70000"]
    );
}

#[test]
fn a_topic_key_is_followed_by_the_brokers() {
    let overrides = properties(&[("retention.ms", "1000"), ("segment.ms", "500")]);
    let topic = config().describe_topic(&overrides).unwrap();
    assert_eq!(
        synonyms(&find(topic.clone(), "retention.ms")),
        [
            "Topic retention.ms=1000",
            "DynamicBroker log.retention.ms=60000",
            "DynamicDefaultBroker log.retention.ms=70000",
            "StaticBroker log.retention.hours=100",
            "Default log.retention.hours=168",
        ]
    );
    // Nobody sets `log.roll.ms`, so its synonym `log.roll.hours` is not shown either.
    assert_eq!(
        synonyms(&find(topic.clone(), "segment.ms")),
        ["Topic segment.ms=500"]
    );
    assert_eq!(
        find(topic.clone(), "flush.ms").value.as_deref(),
        Some("9223372036854775807")
    );
    assert!(topic.iter().all(|d| d.name != "internal.segment.bytes"));
}

#[test]
fn a_group_key_is_followed_by_the_brokers() {
    let overrides = properties(&[("consumer.session.timeout.ms", "50000")]);
    let group = config().describe_group(&overrides).unwrap();
    assert_eq!(
        synonyms(&find(group.clone(), "consumer.session.timeout.ms")),
        [
            "Group consumer.session.timeout.ms=50000",
            "Default group.consumer.session.timeout.ms=45000"
        ]
    );
    assert_eq!(
        synonyms(&find(group, "share.auto.offset.reset")),
        ["Default share.auto.offset.reset=latest"]
    );
}

#[test]
fn a_subscription_shows_its_keys_without_defaults_as_synonyms() {
    let metrics = describe_client_metrics(&properties(&[("interval.ms", "1000")])).unwrap();
    assert_eq!(
        synonyms(&find(metrics.clone(), "interval.ms")),
        ["ClientMetrics interval.ms=1000"]
    );
    let pattern = find(metrics, "match");
    assert_eq!(
        (pattern.value.as_deref(), pattern.synonyms.len()),
        (Some(""), 0)
    );
}
