//! The settings that the broker acts on, by concept, typed, named as their keys. A size is in bytes,
//! and a number's meaning at its edges (-1, 0) is documented with its key.
//!
//! *Invariant: no setting here is read from an inert key.*

use crate::value::{Value, ValueError};
use crate::values::{FromValue, settings};

/// When a write counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Once it is on disk.
    Fsync,
    /// Once the operating system has it, as in Kafka.
    PageCache,
}

impl FromValue for Durability {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) if text == "fsync" => Some(Self::Fsync),
            Value::Text(text) if text == "page-cache" => Some(Self::PageCache),
            _ => None,
        }
    }
}

/// How much of an incoming batch is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordValidation {
    Header,
    Full,
}

impl FromValue for RecordValidation {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) if text == "header" => Some(Self::Header),
            Value::Text(text) if text == "full" => Some(Self::Full),
            _ => None,
        }
    }
}

settings! {
    /// The node and its place in the cluster.
    pub struct ServerSettings {
        node_id: i32 = "node.id",
        rack: Option<String> = "broker.rack",
    }
}

settings! {
    /// Creating and deleting topics.
    pub struct TopicCreationSettings {
        auto_create_topics_enable: bool = "auto.create.topics.enable",
        delete_topic_enable: bool = "delete.topic.enable",
        num_partitions: i32 = "num.partitions",
        default_replication_factor: i32 = "default.replication.factor",
    }
}

settings! {
    /// Connections and the limits on requests.
    pub struct NetworkSettings {
        socket_send_buffer_bytes: i32 = "socket.send.buffer.bytes",
        socket_receive_buffer_bytes: i32 = "socket.receive.buffer.bytes",
        socket_request_max_bytes: i32 = "socket.request.max.bytes",
        socket_listen_backlog_size: i32 = "socket.listen.backlog.size",
        max_connections: i32 = "max.connections",
        max_connections_per_ip: i32 = "max.connections.per.ip",
        max_connection_creation_rate: i32 = "max.connection.creation.rate",
        connections_max_idle_ms: i64 = "connections.max.idle.ms",
        queued_max_request_bytes: i64 = "queued.max.request.bytes",
        max_request_partition_size_limit: i32 = "max.request.partition.size.limit",
        max_incremental_fetch_session_cache_slots: i32 = "max.incremental.fetch.session.cache.slots",
        fetch_max_bytes: i32 = "fetch.max.bytes",
        quota_window_num: i32 = "quota.window.num",
        quota_window_size_seconds: i32 = "quota.window.size.seconds",
    }
}

settings! {
    /// What holds for the logs as a whole; what holds per topic is in `TopicConfig`.
    pub struct LogSettings {
        cordoned_dirs: Option<Vec<String>> = "cordoned.log.dirs",
        durability: Durability = "log.durability",
        record_validation: RecordValidation = "log.record.validation",
        scrub_interval_ms: i64 = "log.scrub.interval.ms",
        retention_check_interval_ms: i64 = "log.retention.check.interval.ms",
        flush_scheduler_interval_ms: i64 = "log.flush.scheduler.interval.ms",
        flush_offset_checkpoint_interval_ms: i32 = "log.flush.offset.checkpoint.interval.ms",
        flush_start_offset_checkpoint_interval_ms: i32 = "log.flush.start.offset.checkpoint.interval.ms",
        initial_task_delay_ms: i64 = "log.initial.task.delay.ms",
        producer_id_expiration_ms: i32 = "producer.id.expiration.ms",
        producer_id_expiration_check_interval_ms: i32 = "producer.id.expiration.check.interval.ms",
    }
}

settings! {
    /// Followers and in-sync replicas.
    pub struct ReplicationSettings {
        replica_high_watermark_checkpoint_interval_ms: i64 = "replica.high.watermark.checkpoint.interval.ms",
    }
}

settings! {
    /// Committed offsets and classic groups.
    pub struct GroupSettings {
        offsets_topic_num_partitions: i32 = "offsets.topic.num.partitions",
        offsets_topic_replication_factor: i16 = "offsets.topic.replication.factor",
        offsets_topic_segment_bytes: i32 = "offsets.topic.segment.bytes",
        offsets_topic_compression_codec: i32 = "offsets.topic.compression.codec",
        offsets_load_buffer_size: i32 = "offsets.load.buffer.size",
        offsets_retention_minutes: i32 = "offsets.retention.minutes",
        offsets_retention_check_interval_ms: i64 = "offsets.retention.check.interval.ms",
        offsets_commit_timeout_ms: i32 = "offsets.commit.timeout.ms",
        offset_metadata_max_bytes: i32 = "offset.metadata.max.bytes",
        group_min_session_timeout_ms: i32 = "group.min.session.timeout.ms",
        group_max_session_timeout_ms: i32 = "group.max.session.timeout.ms",
        group_initial_rebalance_delay_ms: i32 = "group.initial.rebalance.delay.ms",
        group_max_size: i32 = "group.max.size",
    }
}

settings! {
    /// The topics that transactions and share groups keep their state in.
    pub struct StateTopicSettings {
        transaction_state_log_num_partitions: i32 = "transaction.state.log.num.partitions",
        transaction_state_log_replication_factor: i16 = "transaction.state.log.replication.factor",
        transaction_state_log_min_isr: i32 = "transaction.state.log.min.isr",
        transaction_state_log_segment_bytes: i32 = "transaction.state.log.segment.bytes",
        share_coordinator_state_topic_num_partitions: i32 = "share.coordinator.state.topic.num.partitions",
        share_coordinator_state_topic_replication_factor: i16 = "share.coordinator.state.topic.replication.factor",
        share_coordinator_state_topic_min_isr: i16 = "share.coordinator.state.topic.min.isr",
        share_coordinator_state_topic_segment_bytes: i32 = "share.coordinator.state.topic.segment.bytes",
    }
}

settings! {
    /// The controller quorum and its metadata log.
    pub struct QuorumSettings {
        controller_listener_names: Vec<String> = "controller.listener.names",
        metadata_log_segment_bytes: i32 = "metadata.log.segment.bytes",
        metadata_log_segment_ms: i64 = "metadata.log.segment.ms",
        metadata_log_max_record_bytes_between_snapshots: i64 = "metadata.log.max.record.bytes.between.snapshots",
        metadata_log_max_snapshot_interval_ms: i64 = "metadata.log.max.snapshot.interval.ms",
    }
}

#[cfg(test)]
pub(crate) const KEYS_ACTED_ON: &[&[&str]] = &[
    ServerSettings::KEYS,
    TopicCreationSettings::KEYS,
    NetworkSettings::KEYS,
    LogSettings::KEYS,
    ReplicationSettings::KEYS,
    GroupSettings::KEYS,
    StateTopicSettings::KEYS,
    QuorumSettings::KEYS,
];

/// Parses `max.connections.per.ip.overrides`: `host:count` pairs.
pub(crate) fn parse_connection_overrides(text: &str) -> Result<Vec<(String, i32)>, ValueError> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (host, count) = entry.rsplit_once(':').unwrap_or((entry, ""));
            let is_host =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '%' | '.' | '_' | ':');
            if host.is_empty() || !host.chars().all(is_host) {
                return Err(ValueError::new(format!(
                    "max.connections.per.ip.overrides contains invalid addresses : {host}"
                )));
            }
            let count = count.parse().map_err(|_| {
                ValueError::new(format!(
                    "max.connections.per.ip.overrides: {entry} is not of the form host:count"
                ))
            })?;
            Ok((host.to_owned(), count))
        })
        .collect()
}
