//! A broker's configuration from its layers: what wins, what is refused, what topics inherit.

use crate::{
    BrokerConfig, CleanupPolicy, CompressionType, Durability, Properties, TimestampType, Value,
    parse_properties,
};

fn properties(entries: &[(&str, &str)]) -> Properties {
    entries
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn config(entries: &[(&str, &str)]) -> BrokerConfig {
    BrokerConfig::new(properties(entries)).unwrap()
}

fn refusal(entries: &[(&str, &str)]) -> String {
    BrokerConfig::new(properties(entries))
        .unwrap_err()
        .to_string()
}

#[test]
fn without_configuration_it_is_a_single_durable_node() {
    let config = config(&[]);
    assert_eq!(config.server.node_id, 1);
    let listeners: Vec<_> = config
        .advertised_listeners
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(listeners, ["PLAINTEXT://127.0.0.1:9092"]);
    assert_eq!(config.log.durability, Durability::Fsync);
    assert_eq!(config.groups.offsets_topic_replication_factor, 1);
    assert_eq!(config.network.queued_max_request_bytes, 32 << 20);
    assert_eq!(config.topic_defaults.retention_ms, 7 * 24 * 3_600_000);
}

#[test]
fn kafkas_server_properties_is_taken_verbatim() {
    let text = "process.roles=broker,controller\nnode.id=7\ncontroller.quorum.voters=7@localhost:9093\n\
        listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n\
        advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
        controller.listener.names=CONTROLLER\n\
        listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL\n\
        log.dirs=/data/a, /data/b\nsuper.users=User:admin\n\
        listener.name.plaintext.max.connections=5\n";
    let config = BrokerConfig::new(parse_properties(text).unwrap()).unwrap();
    assert_eq!(config.server.node_id, 7);
    assert_eq!(config.listeners.len(), 2);
    let broker: Vec<_> = config.broker_listeners().map(|l| l.name.as_str()).collect();
    assert_eq!(broker, ["PLAINTEXT"]);
    assert_eq!(config.advertised_listeners[0].host, "localhost");
    assert_eq!(
        config.log_dirs,
        ["/data/a", "/data/b"].map(std::path::PathBuf::from)
    );
    assert_eq!(config.metadata_log_dir.to_str(), Some("/data/a"));
}

#[test]
fn a_given_directory_replaces_the_built_in_one() {
    for key in ["log.dir", "log.dirs"] {
        assert_eq!(
            config(&[(key, "/x")]).log_dirs,
            [std::path::PathBuf::from("/x")]
        );
    }
}

#[test]
fn broker_id_and_node_id_stand_for_each_other() {
    assert_eq!(config(&[("broker.id", "5")]).server.node_id, 5);
    assert_eq!(
        config(&[("node.id", "5")]).value("broker.id"),
        Some(&Value::Int(5))
    );
    assert_eq!(
        refusal(&[("node.id", "5"), ("broker.id", "6")]),
        "requirement failed: You must set `node.id` to the same value as `broker.id`."
    );
}

#[test]
fn wrong_keys_and_values_are_refused() {
    for (entries, message) in [
        (
            &[("log.retention.mss", "1")][..],
            "unknown key \"log.retention.mss\": did you mean \"log.retention.ms\"?",
        ),
        (&[("qqq", "1")], "unknown key \"qqq\""),
        (
            &[("process.roles", "broker")],
            "process.roles must be broker,controller: a node with one role alone is not supported",
        ),
        (
            &[
                ("listeners", "OUT://:1"),
                ("listener.security.protocol.map", "OUT:SASL_SSL"),
            ],
            "listeners: OUT://:1 is not PLAINTEXT: TLS and SASL are not supported yet",
        ),
        (
            &[("authorizer.class.name", "org.example.Guard")],
            "authorizer.class.name must be empty: ACLs are not supported yet",
        ),
        (
            &[("controller.quorum.voters", "1@a:1,2@b:1")],
            "controller.quorum.voters must name this node alone: more than one is not supported yet",
        ),
        (
            &[("controller.quorum.bootstrap.servers", "a:1,b:1")],
            "controller.quorum.bootstrap.servers must name this node alone: more than one is not supported yet",
        ),
        (
            &[("num.partitions", "x")],
            "Invalid value x for configuration num.partitions: Not a number of type INT",
        ),
        (
            &[("listener.name.a.max.connections", "-1")],
            "Invalid value -1 for configuration max.connections: Value must be at least 0",
        ),
        (
            &[("listeners", "OUT://:1")],
            "No security protocol defined for listener OUT",
        ),
        (
            &[("advertised.listeners", "PLAINTEXT://0.0.0.0:1")],
            "requirement failed: advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.",
        ),
        (
            &[("log.retention.ms", "0")],
            "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1",
        ),
        (
            &[
                ("group.consumer.heartbeat.interval.ms", "45000"),
                ("group.consumer.max.heartbeat.interval.ms", "60000"),
            ],
            "group.consumer.heartbeat.interval.ms must be less than group.consumer.session.timeout.ms",
        ),
        (
            &[
                ("inter.broker.listener.name", "A"),
                ("security.inter.broker.protocol", "SSL"),
            ],
            "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.",
        ),
    ] {
        assert_eq!(refusal(entries), message);
    }
}

#[test]
fn stronger_layers_win_and_replace_synonyms() {
    let config = config(&[("log.retention.ms", "5000"), ("num.partitions", "3")]);
    let defaults = properties(&[("log.retention.ms", "7000"), ("message.max.bytes", "10")]);
    let own = properties(&[("message.max.bytes", "20")]);
    let config = config.with_dynamic(defaults, own).unwrap();
    assert_eq!(config.topic_defaults.retention_ms, 7000);
    assert_eq!(config.topic_defaults.max_message_bytes, 20);
    assert_eq!(config.topic_creation.num_partitions, 3);
    let back = config
        .with_dynamic(Properties::new(), Properties::new())
        .unwrap();
    assert_eq!(back.topic_defaults.retention_ms, 5000);
}

#[test]
fn a_topic_falls_back_along_its_chain() {
    let retention_ms = |entries: &[(&str, &str)]| config(entries).topic_defaults.retention_ms;
    assert_eq!(retention_ms(&[("log.retention.hours", "2")]), 7_200_000);
    assert_eq!(
        retention_ms(&[("log.retention.hours", "2"), ("log.retention.minutes", "3")]),
        180_000
    );
    assert_eq!(
        retention_ms(&[("log.retention.minutes", "3"), ("log.retention.ms", "4")]),
        4
    );
    assert_eq!(retention_ms(&[("log.retention.hours", "-1")]), -1);
    assert_eq!(
        config(&[("log.roll.hours", "1")]).topic_defaults.segment_ms,
        3_600_000
    );
    assert_eq!(
        config(&[("log.flush.scheduler.interval.ms", "9")])
            .topic_defaults
            .flush_ms,
        9
    );
}

#[test]
fn a_topics_overrides_win() {
    let config = config(&[("log.cleanup.policy", "delete")]);
    let topic = config
        .topic(&properties(&[
            ("cleanup.policy", "compact, delete"),
            ("compression.type", "zstd"),
            ("message.timestamp.type", "LogAppendTime"),
            ("retention.ms", "-1"),
        ]))
        .unwrap();
    assert_eq!(
        topic.cleanup_policy,
        CleanupPolicy {
            delete: true,
            compact: true
        }
    );
    assert_eq!(topic.compression_type, CompressionType::Zstd);
    assert_eq!(topic.message_timestamp_type, TimestampType::LogAppendTime);
    assert_eq!(topic.retention_ms, -1);
    assert_eq!(topic.segment_bytes, config.topic_defaults.segment_bytes);
}
