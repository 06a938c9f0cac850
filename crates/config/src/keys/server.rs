//! The node itself, topic creation, policies and plug-ins.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Number of this node, unique in the cluster.
    Int "node.id", high, required, at_least(0);

    /// Older name of `node.id`; when both are set they must agree.
    Int "broker.id" = -1, high;

    /// Roles of this process: `broker`, `controller` or both.
    List "process.roles", high, required, list_of(&["broker", "controller"]), filled;

    /// Rack or availability zone of this broker, used to spread replicas.
    String "broker.rack", medium;

    /// Milliseconds between this broker's heartbeats to the controller.
    Int "broker.heartbeat.interval.ms" = 2000, medium;

    /// Milliseconds without a heartbeat after which the controller fences a broker.
    Int "broker.session.timeout.ms" = 9000, medium;

    /// Milliseconds within which a starting broker must be registered, or it stops.
    Int "initial.broker.registration.timeout.ms" = 60_000, medium;

    /// Whether a broker hands over its leaderships before it stops.
    Boolean "controlled.shutdown.enable" = true, medium;

    /// Whether a Metadata request may create a topic that does not exist.
    Boolean "auto.create.topics.enable" = true, high;

    /// How many partitions a topic gets when its creator names no number.
    Int "num.partitions" = 1, medium, at_least(1);

    /// How many replicas a partition gets when its creator names no number.
    Int "default.replication.factor" = 1, medium;

    /// Whether topics may be deleted.
    Boolean "delete.topic.enable" = true, high;

    /// Largest batch of records in bytes, as compressed, that a topic accepts by default.
    Int "message.max.bytes" = 1_048_588, high, at_least(0), cluster_wide;

    /// How many replicas must be in sync for a write with acks=all to be accepted.
    Int "min.insync.replicas" = 1, high, at_least(1), cluster_wide;

    /// Codec in which batches are stored, or `producer` to keep the one they came in.
    String "compression.type" = "producer", high, one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), cluster_wide;

    /// Level used when the broker compresses with gzip.
    Int "compression.gzip.level" = -1, medium, gzip_level, cluster_wide;

    /// Level used when the broker compresses with lz4.
    Int "compression.lz4.level" = 9, medium, between(1, 17), cluster_wide;

    /// Level used when the broker compresses with zstd.
    Int "compression.zstd.level" = 3, medium, between(-131_072, 22), cluster_wide;

    /// Class that may refuse a topic creation.
    Class "create.topic.policy.class.name", low;

    /// Class that may refuse a change of configuration.
    Class "alter.config.policy.class.name", low;

    /// Class that decides what a principal may do; empty allows everything.
    String "authorizer.class.name" = "", low, non_null;

    /// Names of the providers that resolve `${...}` placeholders in values.
    List "config.providers" = "", low, cluster_wide;

    /// Classes that add security providers to the process.
    String "security.providers", low;

    /// Milliseconds within which the server must have started.
    Long "server.max.startup.time.ms" = 9223372036854775807, medium, at_least(0), internal;

    /// Whether API versions that are still in development are served.
    Boolean "unstable.api.versions.enable" = false, high, internal;

    /// Whether feature levels that are still in development are allowed.
    Boolean "unstable.feature.versions.enable" = false, high, internal;
};
