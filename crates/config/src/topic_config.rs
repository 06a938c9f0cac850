//! A topic's configuration, resolved: its own overrides, else the broker's `log.*` keys.

use crate::keys::{TOPIC_KEYS, topic_key};
use crate::properties::Properties;
use crate::synonyms::topic_fallbacks;
use crate::value::{Value, ValueError};
use crate::values::{FromValue, Values, settings};

/// What happens to old segments; neither means that everything is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub delete: bool,
    pub compact: bool,
}

impl FromValue for CleanupPolicy {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::List(items) => Some(Self {
                delete: items.iter().any(|item| item == "delete"),
                compact: items.iter().any(|item| item == "compact"),
            }),
            _ => None,
        }
    }
}

/// The codec in which batches are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// The one that the producer chose.
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl FromValue for CompressionType {
    fn from_value(value: &Value) -> Option<Self> {
        let Value::Text(text) = value else {
            return None;
        };
        match text.as_str() {
            "producer" => Some(Self::Producer),
            "uncompressed" => Some(Self::Uncompressed),
            "gzip" => Some(Self::Gzip),
            "snappy" => Some(Self::Snappy),
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

impl FromValue for TimestampType {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) if text == "CreateTime" => Some(Self::CreateTime),
            Value::Text(text) if text == "LogAppendTime" => Some(Self::LogAppendTime),
            _ => None,
        }
    }
}

settings! {
    /// A size is in bytes; -1 and the largest number mean no bound.
    pub struct TopicConfig {
        cleanup_policy: CleanupPolicy = "cleanup.policy",
        compression_type: CompressionType = "compression.type",
        compression_gzip_level: i32 = "compression.gzip.level",
        compression_lz4_level: i32 = "compression.lz4.level",
        compression_zstd_level: i32 = "compression.zstd.level",
        delete_retention_ms: i64 = "delete.retention.ms",
        file_delete_delay_ms: i64 = "file.delete.delay.ms",
        flush_messages: i64 = "flush.messages",
        flush_ms: i64 = "flush.ms",
        follower_replication_throttled_replicas: Vec<String> = "follower.replication.throttled.replicas",
        leader_replication_throttled_replicas: Vec<String> = "leader.replication.throttled.replicas",
        index_interval_bytes: i32 = "index.interval.bytes",
        /// Stands in for `segment_bytes` in tests that need segments below its lower bound.
        internal_segment_bytes: Option<i32> = "internal.segment.bytes",
        local_retention_bytes: i64 = "local.retention.bytes",
        local_retention_ms: i64 = "local.retention.ms",
        max_compaction_lag_ms: i64 = "max.compaction.lag.ms",
        max_message_bytes: i32 = "max.message.bytes",
        message_timestamp_after_max_ms: i64 = "message.timestamp.after.max.ms",
        message_timestamp_before_max_ms: i64 = "message.timestamp.before.max.ms",
        message_timestamp_type: TimestampType = "message.timestamp.type",
        min_cleanable_dirty_ratio: f64 = "min.cleanable.dirty.ratio",
        min_compaction_lag_ms: i64 = "min.compaction.lag.ms",
        min_insync_replicas: i32 = "min.insync.replicas",
        preallocate: bool = "preallocate",
        remote_log_copy_disable: bool = "remote.log.copy.disable",
        remote_log_delete_on_disable: bool = "remote.log.delete.on.disable",
        remote_storage_enable: bool = "remote.storage.enable",
        retention_bytes: i64 = "retention.bytes",
        retention_ms: i64 = "retention.ms",
        segment_bytes: i32 = "segment.bytes",
        segment_index_bytes: i32 = "segment.index.bytes",
        segment_jitter_ms: i64 = "segment.jitter.ms",
        segment_ms: i64 = "segment.ms",
        unclean_leader_election_enable: bool = "unclean.leader.election.enable",
    }
}

impl TopicConfig {
    /// The size at which a segment is closed.
    pub fn effective_segment_bytes(&self) -> i32 {
        self.internal_segment_bytes.unwrap_or(self.segment_bytes)
    }

    /// How long a segment may stay open: a compacted topic also closes it in time for its compaction.
    pub fn max_segment_ms(&self) -> i64 {
        if self.cleanup_policy.compact && self.max_compaction_lag_ms > 0 {
            self.max_compaction_lag_ms.min(self.segment_ms)
        } else {
            self.segment_ms
        }
    }
}

/// The values of all topic keys for a topic without overrides.
pub(crate) fn topic_defaults(broker: &Values) -> Result<Values, ValueError> {
    let mut values = Values::default();
    for key in TOPIC_KEYS {
        let fallback = topic_fallbacks(key.name).iter().find_map(|fallback| {
            let value = broker
                .value(fallback.key)
                .filter(|value| **value != Value::Null)?;
            Some((value, fallback.scale))
        });
        let value = match fallback {
            Some((value, scale)) => scale_value(value, scale),
            None => key.parse(key.default)?,
        };
        // Kafka takes every negative `log.retention.*` for "no bound".
        let value = match value {
            Value::Long(ms) if key.name == "retention.ms" => Value::Long(ms.max(-1)),
            other => other,
        };
        values.insert(key.name, value);
    }
    Ok(values)
}

/// The defaults, replaced by `overrides` where they name a topic key.
pub(crate) fn topic_values(
    defaults: &Values,
    overrides: &Properties,
) -> Result<Values, ValueError> {
    let mut values = defaults.clone();
    for (name, text) in overrides {
        if let Some(key) = topic_key(name) {
            values.insert(key.name, key.parse(Some(text))?);
        }
    }
    Ok(values)
}

/// A scaled number is always a duration in milliseconds, and thus a long.
fn scale_value(value: &Value, scale: i64) -> Value {
    match value.as_i64() {
        Some(number) if scale != 1 => Value::Long(number.saturating_mul(scale)),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_key_has_its_field() {
        let names: Vec<_> = TOPIC_KEYS.iter().map(|key| key.name).collect();
        let mut fields = TopicConfig::KEYS.to_vec();
        fields.sort_unstable_by_key(|name| names.iter().position(|known| known == name));
        assert_eq!(fields, names);
    }
}
