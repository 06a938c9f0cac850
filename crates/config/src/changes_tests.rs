//! Changes that are refused, with the messages of Kafka 4.3.

use crate::{BrokerConfig, Properties, validate_client_metrics};

fn properties(entries: &[(&str, &str)]) -> Properties {
    entries
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn config() -> BrokerConfig {
    BrokerConfig::new(Properties::new()).unwrap()
}

/// The message of a refusal, or "OK".
fn outcome<E: ToString>(result: Result<(), E>) -> String {
    result
        .err()
        .map_or("OK".to_owned(), |error| error.to_string())
}

#[test]
fn topics() {
    for (overrides, expected) in [
        (&[("foo", "1")][..], "Unknown topic config name: foo"),
        (
            &[("segment.bytes", "x")],
            "Invalid value x for configuration segment.bytes: Not a number of type INT",
        ),
        (
            &[("segment.bytes", "5")],
            "Invalid value 5 for configuration segment.bytes: Value must be at least 1048576",
        ),
        (
            &[("cleanup.policy", "foo")],
            "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        (&[("cleanup.policy", "")], "OK"),
        (
            &[("cleanup.policy", "delete,")],
            "Configuration 'cleanup.policy' values must not be empty.",
        ),
        (
            &[("retention.ms", "")],
            "Invalid value  for configuration retention.ms: Not a number of type LONG",
        ),
        (
            &[
                ("min.compaction.lag.ms", "100"),
                ("max.compaction.lag.ms", "50"),
            ],
            "conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (50)",
        ),
        (
            &[("remote.storage.enable", "true")],
            "Tiered Storage functionality is disabled in the broker. \
             Topic cannot be configured with remote log storage.",
        ),
        (
            &[("leader.replication.throttled.replicas", "x")],
            "Invalid value [x] for configuration leader.replication.throttled.replicas: \
             leader.replication.throttled.replicas must be the literal '*' or a list of replicas in \
             the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
        ),
        (
            &[("leader.replication.throttled.replicas", "0:1,1:1")],
            "OK",
        ),
        (&[("message.timestamp.type", " CreateTime ")], "OK"),
        (
            &[("preallocate", "maybe")],
            "Invalid value maybe for configuration preallocate: Expected value to be either true or false",
        ),
        (
            &[("compression.gzip.level", "77")],
            "Invalid value 77 for configuration compression.gzip.level: \
             Value must be between 1 and 9 or equal to -1",
        ),
        (
            &[("min.cleanable.dirty.ratio", "7")],
            "Invalid value 7.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
        ),
        (&[("internal.segment.bytes", "1000")], "OK"),
    ] {
        assert_eq!(
            outcome(config().validate_topic(&properties(overrides))),
            expected,
            "{overrides:?}"
        );
    }
}

#[test]
fn groups() {
    for (overrides, expected) in [
        (&[("consumer.session.timeout.ms", "50000")][..], "OK"),
        (
            &[("consumer.session.timeout.ms", "5")],
            "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
        ),
        (
            &[("consumer.heartbeat.interval.ms", "500000")],
            "consumer.heartbeat.interval.ms must be less than or equal to group.consumer.max.heartbeat.interval.ms",
        ),
        (
            &[("streams.num.standby.replicas", "5")],
            "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
        ),
        (
            &[("share.partition.max.record.locks", "50000")],
            "share.partition.max.record.locks must be less than or equal to \
             group.share.max.partition.max.record.locks",
        ),
        (&[("foo", "1")], "Unknown group config name: foo"),
        (
            &[("share.auto.offset.reset", "foo")],
            "Invalid value foo for configuration share.auto.offset.reset: Invalid value `foo` for \
             configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or \
             of the format 'by_duration:<PnDTnHnMn.nS>'.",
        ),
    ] {
        assert_eq!(
            outcome(config().validate_group(&properties(overrides))),
            expected,
            "{overrides:?}"
        );
    }
}

#[test]
fn a_groups_session_must_outlast_its_heartbeats() {
    let config = BrokerConfig::new(properties(&[
        ("group.consumer.max.heartbeat.interval.ms", "60000"),
        ("group.consumer.max.session.timeout.ms", "90000"),
    ]));
    let overrides = properties(&[("consumer.heartbeat.interval.ms", "45000")]);
    assert_eq!(
        outcome(config.unwrap().validate_group(&overrides)),
        "consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms"
    );
}

#[test]
fn all_brokers() {
    for (configs, expected) in [
        (&[("log.retention.ms", "70000")][..], "OK"),
        (&[("foo.bar", "1")], "OK"),
        (&[("super.users", "User:a")], "OK"),
        (&[("leader.replication.throttled.rate", "1000")], "OK"),
        (&[("listener.name.plaintext.max.connections", "100")], "OK"),
        (
            &[("num.partitions", "5"), ("broker.id", "3")],
            "Cannot update these configs dynamically: [broker.id, num.partitions]",
        ),
        (
            &[("log.durability", "page-cache")],
            "Cannot update these configs dynamically: [log.durability]",
        ),
        (
            &[("ssl.keystore.location", "/x")],
            "These security configs can be dynamically updated only per-listener using the listener \
             prefix: [ssl.keystore.location]",
        ),
        (
            &[("listener.name.plaintext.ssl.keystore.location", "/x")],
            "Cannot update these configs at default cluster level, broker id must be specified: \
             [listener.name.plaintext.ssl.keystore.location]",
        ),
        (
            &[("cordoned.log.dirs", "/nope")],
            "Cannot update these configs at default cluster level, broker id must be specified: \
             [cordoned.log.dirs]",
        ),
        (
            &[("num.io.threads", "17")],
            "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update \
             validation failed for num.io.threads=17, value should not be greater than double the \
             current value 8 for configuration Invalid dynamic configuration",
        ),
        (
            &[("num.io.threads", "3")],
            "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update \
             validation failed for num.io.threads=3, value should be at least half the \
             current value 8 for configuration Invalid dynamic configuration",
        ),
        (&[("num.io.threads", "16")], "OK"),
        (
            &[("max.connections.per.ip", "0")],
            "requirement failed: max.connections.per.ip can be set to zero only if \
             max.connections.per.ip.overrides property is set.",
        ),
        (
            &[("group.consumer.assignment.interval.ms", "99999")],
            "group.consumer.assignment.interval.ms must be less than or equal to \
             group.consumer.max.assignment.interval.ms",
        ),
        (
            &[("principal.builder.class", "x")],
            "Invalid value x for configuration principal.builder.class: Class x could not be found.",
        ),
        (
            &[("log.roll.ms", "0")],
            "requirement failed: log.roll.ms must be greater than or equal to 1",
        ),
    ] {
        let result = config().validate_dynamic_defaults(&properties(configs));
        assert_eq!(outcome(result), expected, "{configs:?}");
    }
}

#[test]
fn one_broker() {
    for (configs, expected) in [
        (
            &[("listeners", "PLAINTEXT://127.0.0.1:1")][..],
            "Cannot update these configs dynamically: [listeners]",
        ),
        (
            &[("listener.name.plaintext.ssl.keystore.location", "/x")],
            "OK",
        ),
        (
            &[("cordoned.log.dirs", "/nope")],
            "requirement failed: All entries in cordoned.log.dirs must be present in log.dirs or log.dir. \
             Missing entries : /nope",
        ),
        (
            &[("follower.replication.throttled.rate", "-5")],
            "Invalid value -5 for configuration follower.replication.throttled.rate: \
             Value must be at least 0",
        ),
    ] {
        let result = config().validate_dynamic(&properties(configs));
        assert_eq!(outcome(result), expected, "{configs:?}");
    }
}

#[test]
fn client_metrics_subscriptions() {
    for (name, configs, expected) in [
        ("m", ("interval.ms", "1000"), "OK"),
        (
            "m",
            ("interval.ms", "5"),
            "Invalid value 5 for interval.ms, interval must be between 100 and 3600000 (1 hour)",
        ),
        (
            "m",
            ("foo", "1"),
            "Unknown client metrics configuration: foo",
        ),
        (
            "",
            ("interval.ms", "1000"),
            "Subscription name can't be empty",
        ),
        ("m", ("match", "client_id=foo.*"), "OK"),
        (
            "m",
            ("match", "foo=bar"),
            "Illegal client matching pattern: foo=bar",
        ),
        (
            "m",
            ("match", "client_id=["),
            "Illegal client matching pattern: client_id=[",
        ),
        (
            "m",
            ("match", "client_id"),
            "Illegal client matching pattern: client_id",
        ),
    ] {
        let result = validate_client_metrics(name, &properties(&[configs]));
        assert_eq!(outcome(result), expected, "{configs:?}");
    }
}
