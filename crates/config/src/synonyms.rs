//! Keys that name the same setting: `log.roll.ms` and `log.roll.hours`, or a topic's `segment.ms`
//! and the broker's `log.roll.ms` that it falls back to.

use crate::key::Key;
use crate::keys::{broker_key, without_listener_prefix};

/// A broker key from which a topic key takes its default, and what its number is multiplied by.
#[derive(Debug)]
pub(crate) struct Fallback {
    pub(crate) key: &'static str,
    pub(crate) scale: i64,
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

const fn same(key: &'static str) -> Fallback {
    scaled(key, 1)
}

const fn scaled(key: &'static str, scale: i64) -> Fallback {
    Fallback { key, scale }
}

/// The fallbacks of each topic key, strongest first. Topic keys without one are absent.
const TOPIC_FALLBACKS: &[(&str, &[Fallback])] = &[
    ("cleanup.policy", &[same("log.cleanup.policy")]),
    ("compression.gzip.level", &[same("compression.gzip.level")]),
    ("compression.lz4.level", &[same("compression.lz4.level")]),
    ("compression.type", &[same("compression.type")]),
    ("compression.zstd.level", &[same("compression.zstd.level")]),
    (
        "delete.retention.ms",
        &[same("log.cleaner.delete.retention.ms")],
    ),
    (
        "file.delete.delay.ms",
        &[same("log.segment.delete.delay.ms")],
    ),
    ("flush.messages", &[same("log.flush.interval.messages")]),
    (
        "flush.ms",
        &[
            same("log.flush.interval.ms"),
            same("log.flush.scheduler.interval.ms"),
        ],
    ),
    ("index.interval.bytes", &[same("log.index.interval.bytes")]),
    (
        "local.retention.bytes",
        &[same("log.local.retention.bytes")],
    ),
    ("local.retention.ms", &[same("log.local.retention.ms")]),
    (
        "max.compaction.lag.ms",
        &[same("log.cleaner.max.compaction.lag.ms")],
    ),
    ("max.message.bytes", &[same("message.max.bytes")]),
    (
        "message.timestamp.after.max.ms",
        &[same("log.message.timestamp.after.max.ms")],
    ),
    (
        "message.timestamp.before.max.ms",
        &[same("log.message.timestamp.before.max.ms")],
    ),
    (
        "message.timestamp.type",
        &[same("log.message.timestamp.type")],
    ),
    (
        "min.cleanable.dirty.ratio",
        &[same("log.cleaner.min.cleanable.ratio")],
    ),
    (
        "min.compaction.lag.ms",
        &[same("log.cleaner.min.compaction.lag.ms")],
    ),
    ("min.insync.replicas", &[same("min.insync.replicas")]),
    ("preallocate", &[same("log.preallocate")]),
    ("retention.bytes", &[same("log.retention.bytes")]),
    (
        "retention.ms",
        &[
            same("log.retention.ms"),
            scaled("log.retention.minutes", MINUTE_MS),
            scaled("log.retention.hours", HOUR_MS),
        ],
    ),
    ("segment.bytes", &[same("log.segment.bytes")]),
    ("segment.index.bytes", &[same("log.index.size.max.bytes")]),
    (
        "segment.jitter.ms",
        &[
            same("log.roll.jitter.ms"),
            scaled("log.roll.jitter.hours", HOUR_MS),
        ],
    ),
    (
        "segment.ms",
        &[same("log.roll.ms"), scaled("log.roll.hours", HOUR_MS)],
    ),
    (
        "unclean.leader.election.enable",
        &[same("unclean.leader.election.enable")],
    ),
];

pub(crate) fn topic_fallbacks(name: &str) -> &'static [Fallback] {
    TOPIC_FALLBACKS
        .iter()
        .find(|(topic_key, _)| *topic_key == name)
        .map_or(&[], |(_, fallbacks)| fallbacks)
}

/// The broker key from which a group's key takes its default, if there is one.
pub(crate) fn group_fallback(name: &str) -> Option<&'static Key> {
    broker_key(&format!("group.{name}"))
}

/// All broker keys that set the same as `name`, strongest first, `name` among them.
/// A key with a listener's prefix is followed by the key without it.
pub(crate) fn broker_synonyms(name: &str) -> Vec<&str> {
    match name {
        "log.roll.ms" | "log.roll.hours" => vec!["log.roll.ms", "log.roll.hours"],
        "log.roll.jitter.ms" | "log.roll.jitter.hours" => {
            vec!["log.roll.jitter.ms", "log.roll.jitter.hours"]
        }
        "log.flush.interval.ms" => vec!["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" => {
            vec![
                "log.retention.ms",
                "log.retention.minutes",
                "log.retention.hours",
            ]
        }
        _ => match without_listener_prefix(name) {
            Some(base) => vec![name, base],
            None => vec![name],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::topic_key;

    #[test]
    fn fallbacks_name_existing_keys() {
        for (name, fallbacks) in TOPIC_FALLBACKS {
            assert!(topic_key(name).is_some(), "{name}");
            for fallback in *fallbacks {
                assert!(broker_key(fallback.key).is_some(), "{}", fallback.key);
            }
        }
    }

    /// `TopicConfig` takes a topic's default from its broker keys alone.
    #[test]
    fn a_topic_key_and_its_last_fallback_have_the_same_default() {
        for (name, fallbacks) in TOPIC_FALLBACKS {
            let topic = topic_key(name).unwrap();
            let topic_default = topic.parse(topic.default).unwrap();
            let Fallback { key, scale } = fallbacks.last().unwrap();
            let broker = broker_key(key).unwrap();
            let broker_default = broker.parse(broker.default).unwrap();
            match topic_default.as_i64() {
                Some(number) => {
                    assert_eq!(number, broker_default.as_i64().unwrap() * scale, "{name}");
                }
                None => assert_eq!(topic_default, broker_default, "{name}"),
            }
        }
    }
}
