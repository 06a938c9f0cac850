//! The tables of all keys, and finding a key by name.
//!
//! A broker key may carry a listener's prefix (`listener.name.NAME.` and, for SASL, a mechanism):
//! it then has the meaning and limits of the key without it, for that listener alone.

mod cleaner;
mod client_metrics;
mod consumer_groups;
mod group;
mod log;
mod metrics;
mod network;
mod oauth;
mod offsets;
mod own;
mod quorum;
mod remote;
mod replication;
mod sasl;
mod server;
mod share_groups;
mod ssl;
mod streams_groups;
mod topic;
mod transactions;
mod unlisted;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::key::Key;

/// The broker's tables with their titles, in the order of the reference page.
pub(crate) const BROKER_TABLES: &[(&str, &[Key])] = &[
    ("Server", server::KEYS),
    ("Network", network::KEYS),
    ("Log", log::KEYS),
    ("Compaction", cleaner::KEYS),
    ("Replication", replication::KEYS),
    ("Controller quorum", quorum::KEYS),
    ("Offsets and classic groups", offsets::KEYS),
    ("Consumer groups", consumer_groups::KEYS),
    ("Share groups", share_groups::KEYS),
    ("Streams groups", streams_groups::KEYS),
    ("Transactions and producers", transactions::KEYS),
    ("TLS", ssl::KEYS),
    ("SASL", sasl::KEYS),
    ("OAUTHBEARER", oauth::KEYS),
    ("Tiered storage", remote::KEYS),
    ("Metrics and quotas", metrics::KEYS),
    ("Of Tidelog's own", own::KEYS),
    ("Not listed by DescribeConfigs unless set", unlisted::KEYS),
];

pub const TOPIC_KEYS: &[Key] = topic::KEYS;
pub const GROUP_KEYS: &[Key] = group::KEYS;
pub const CLIENT_METRICS_KEYS: &[Key] = client_metrics::KEYS;

/// Keys that are handed to a plug-in whole, under a prefix of its own.
const PLUG_IN_PREFIXES: &[&str] = &["rsm.config.", "rlmm.config.", "config.providers."];

/// SASL keys that carry a mechanism besides the listener's name.
const MECHANISM_KEYS: &[&str] = &[
    "sasl.login.class",
    "sasl.server.callback.handler.class",
    "connections.max.reauth.ms",
    "sasl.login.callback.handler.class",
    "sasl.jaas.config",
];

type Index = BTreeMap<&'static str, &'static Key>;

fn index(keys: impl Iterator<Item = &'static Key>) -> Index {
    keys.map(|key| (key.name, key)).collect()
}

/// All broker keys, sorted by name.
pub fn broker_keys() -> impl Iterator<Item = &'static Key> {
    broker_index().values().copied()
}

pub fn broker_key(name: &str) -> Option<&'static Key> {
    broker_index().get(name).copied()
}

pub fn topic_key(name: &str) -> Option<&'static Key> {
    static INDEX: LazyLock<Index> = LazyLock::new(|| index(TOPIC_KEYS.iter()));
    INDEX.get(name).copied()
}

pub fn group_key(name: &str) -> Option<&'static Key> {
    GROUP_KEYS.iter().find(|key| key.name == name)
}

pub fn client_metrics_key(name: &str) -> Option<&'static Key> {
    CLIENT_METRICS_KEYS.iter().find(|key| key.name == name)
}

/// The name without a listener's prefix (and mechanism), if it has one.
pub(crate) fn without_listener_prefix(name: &str) -> Option<&str> {
    let (_listener, rest) = name.strip_prefix("listener.name.")?.split_once('.')?;
    let with_mechanism = MECHANISM_KEYS.iter().find(|key| rest.ends_with(*key));
    Some(with_mechanism.copied().unwrap_or(rest))
}

/// The key that rules `name`, also behind a listener's prefix.
pub(crate) fn broker_key_or_prefixed(name: &str) -> Option<&'static Key> {
    broker_key(name).or_else(|| broker_key(without_listener_prefix(name)?))
}

pub(crate) fn belongs_to_plug_in(name: &str) -> bool {
    PLUG_IN_PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn broker_index() -> &'static Index {
    static INDEX: LazyLock<Index> =
        LazyLock::new(|| index(BROKER_TABLES.iter().flat_map(|(_, keys)| keys.iter())));
    &INDEX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn tables() -> [Vec<&'static Key>; 4] {
        let broker = BROKER_TABLES
            .iter()
            .flat_map(|(_, keys)| keys.iter())
            .collect();
        [
            broker,
            TOPIC_KEYS.iter().collect(),
            GROUP_KEYS.iter().collect(),
            CLIENT_METRICS_KEYS.iter().collect(),
        ]
    }

    #[test]
    fn every_key_is_declared_once() {
        for table in tables() {
            assert_eq!(index(table.iter().copied()).len(), table.len());
        }
    }

    #[test]
    fn every_default_obeys_its_limits() {
        for key in tables().iter().flatten() {
            match key.default {
                Some(text) => {
                    let value = key.parse(Some(text)).unwrap();
                    assert_ne!(value, Value::Null, "{}", key.name);
                }
                // A number without a default has no limits that null could break.
                None if !key.is_required => {
                    key.parse(None)
                        .unwrap_or_else(|e| panic!("{}: {e}", key.name));
                }
                None => {}
            }
        }
    }

    #[test]
    fn every_key_is_documented_in_one_plain_sentence() {
        for key in tables().iter().flatten() {
            let text = key.documentation;
            assert!(
                text.ends_with('.') && !text.contains('<'),
                "{}: {text}",
                key.name
            );
        }
    }

    #[test]
    fn listener_prefixes() {
        for (name, base) in [
            (
                "listener.name.internal.ssl.keystore.location",
                Some("ssl.keystore.location"),
            ),
            (
                "listener.name.a.scram-sha-256.sasl.jaas.config",
                Some("sasl.jaas.config"),
            ),
            ("listener.name.a.max.connections", Some("max.connections")),
            ("max.connections", None),
        ] {
            assert_eq!(without_listener_prefix(name), base);
        }
    }
}
