//! Tiered storage.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Whether tiered storage is available on this broker.
    Boolean "remote.log.storage.system.enable" = false, medium;

    /// Class that stores segments remotely.
    String "remote.log.storage.manager.class.name", medium, non_empty;

    /// Class path of the remote storage class.
    String "remote.log.storage.manager.class.path", medium;

    /// Prefix of the keys that are handed to the remote storage class.
    String "remote.log.storage.manager.impl.prefix" = "rsm.config.", medium, non_empty;

    /// Class that keeps the metadata of remote segments.
    String "remote.log.metadata.manager.class.name" = "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", medium, non_empty;

    /// Class path of the remote metadata class.
    String "remote.log.metadata.manager.class.path", medium;

    /// Prefix of the keys that are handed to the remote metadata class.
    String "remote.log.metadata.manager.impl.prefix" = "rlmm.config.", medium, non_empty;

    /// Listener on which the remote metadata class reaches this broker.
    String "remote.log.metadata.manager.listener.name", medium, non_empty;

    /// Largest size in bytes of the custom metadata of a remote segment.
    Int "remote.log.metadata.custom.metadata.max.bytes" = 128, low, at_least(0);

    /// Bytes of local disk for indexes fetched from remote storage.
    Long "remote.log.index.file.cache.total.size.bytes" = 1_073_741_824, low, at_least(1), cluster_wide;

    /// Milliseconds that an unused remote index stays cached.
    Long "remote.log.index.file.cache.ttl.ms" = 900_000, low, at_least(-1), internal;

    /// Threads that look up the highest tiered offset for followers; superseded by the next key.
    Int "remote.log.manager.thread.pool.size" = 2, medium, at_least(1);

    /// Threads that look up the highest tiered offset for followers.
    Int "remote.log.manager.follower.thread.pool.size" = 2, medium, at_least(1), cluster_wide;

    /// Threads that copy segments to remote storage.
    Int "remote.log.manager.copier.thread.pool.size" = 10, medium, at_least(1), cluster_wide;

    /// Threads that delete expired remote segments.
    Int "remote.log.manager.expiration.thread.pool.size" = 10, medium, at_least(1), cluster_wide;

    /// Milliseconds between looks for segments to copy or delete.
    Long "remote.log.manager.task.interval.ms" = 30_000, low, at_least(1);

    /// Milliseconds before a failed remote task is tried again.
    Long "remote.log.manager.task.retry.backoff.ms" = 500, low, at_least(1), internal;

    /// Longest pause in milliseconds between two attempts of a remote task.
    Long "remote.log.manager.task.retry.backoff.max.ms" = 30_000, low, at_least(1), internal;

    /// Random share added to the pause between two attempts of a remote task.
    Double "remote.log.manager.task.retry.jitter" = 0.2, low, within(0.0, 0.5), internal;

    /// Bytes per second that may be copied to remote storage.
    Long "remote.log.manager.copy.max.bytes.per.second" = 9223372036854775807, medium, at_least(1), cluster_wide;

    /// Samples over which the copy rate is measured.
    Int "remote.log.manager.copy.quota.window.num" = 11, medium, at_least(1);

    /// Seconds that each sample of the copy rate covers.
    Int "remote.log.manager.copy.quota.window.size.seconds" = 1, medium, at_least(1);

    /// Bytes per second that may be fetched from remote storage.
    Long "remote.log.manager.fetch.max.bytes.per.second" = 9223372036854775807, medium, at_least(1), cluster_wide;

    /// Samples over which the remote fetch rate is measured.
    Int "remote.log.manager.fetch.quota.window.num" = 11, medium, at_least(1);

    /// Seconds that each sample of the remote fetch rate covers.
    Int "remote.log.manager.fetch.quota.window.size.seconds" = 1, medium, at_least(1);

    /// Threads that read from remote storage.
    Int "remote.log.reader.threads" = 10, medium, at_least(1), cluster_wide;

    /// How many remote reads may wait before further ones are refused.
    Int "remote.log.reader.max.pending.tasks" = 100, medium, at_least(1);

    /// Milliseconds that a fetch may wait for remote storage.
    Int "remote.fetch.max.wait.ms" = 500, medium, at_least(1), cluster_wide;

    /// Milliseconds that a ListOffsets request may wait for remote storage.
    Long "remote.list.offsets.request.timeout.ms" = 30_000, medium, at_least(1), cluster_wide;
};
