//! Keys of a topic.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// What happens to old segments: `delete`, `compact`, both, or nothing when empty.
    List "cleanup.policy" = "delete", medium, list_of(&["compact", "delete"]);

    /// Codec in which batches are stored, or `producer` to keep the one they came in.
    String "compression.type" = "producer", medium, one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]);

    /// Level used when the broker compresses with gzip.
    Int "compression.gzip.level" = -1, medium, gzip_level;

    /// Level used when the broker compresses with lz4.
    Int "compression.lz4.level" = 9, medium, between(1, 17);

    /// Level used when the broker compresses with zstd.
    Int "compression.zstd.level" = 3, medium, between(-131_072, 22);

    /// Milliseconds that the tombstone of a deleted key is kept in a compacted topic.
    Long "delete.retention.ms" = 86_400_000, medium, at_least(0);

    /// Milliseconds between dropping a file from a log and deleting it.
    Long "file.delete.delay.ms" = 60_000, medium, at_least(0);

    /// Records after which a log is flushed to disk.
    Long "flush.messages" = 9223372036854775807, medium, at_least(1);

    /// Milliseconds after which a record is flushed to disk.
    Long "flush.ms" = 9223372036854775807, medium, at_least(0);

    /// Replicas whose fetching is throttled on the follower, as `partition:broker` pairs or `*`.
    List "follower.replication.throttled.replicas" = "", medium, throttled_replicas;

    /// Replicas whose fetching is throttled on the leader, as `partition:broker` pairs or `*`.
    List "leader.replication.throttled.replicas" = "", medium, throttled_replicas;

    /// Bytes of records between two index entries.
    Int "index.interval.bytes" = 4096, medium, at_least(0);

    /// Segment size in bytes without a lower bound, for tests.
    Int "internal.segment.bytes", medium, internal;

    /// Bytes that stay on local disk once they are tiered; -2 means `retention.bytes`.
    Long "local.retention.bytes" = -2, medium, at_least(-2);

    /// Milliseconds that a segment stays on local disk once it is tiered; -2 means `retention.ms`.
    Long "local.retention.ms" = -2, medium, at_least(-2);

    /// Milliseconds after which a record must become eligible for compaction.
    Long "max.compaction.lag.ms" = 9223372036854775807, medium, at_least(1);

    /// Largest batch of records in bytes, as compressed, that the topic accepts.
    Int "max.message.bytes" = 1_048_588, medium, at_least(0);

    /// Milliseconds that a record's timestamp may lie ahead of the broker's clock.
    Long "message.timestamp.after.max.ms" = 3_600_000, medium, at_least(0);

    /// Milliseconds that a record's timestamp may lie behind the broker's clock.
    Long "message.timestamp.before.max.ms" = 9223372036854775807, medium, at_least(0);

    /// Whether a record carries the producer's time or the time of its append.
    String "message.timestamp.type" = "CreateTime", medium, one_of(&["CreateTime", "LogAppendTime"]);

    /// Least share of uncompacted bytes at which a log is compacted.
    Double "min.cleanable.dirty.ratio" = 0.5, medium, within(0.0, 1.0);

    /// Milliseconds that a record is safe from compaction after its append.
    Long "min.compaction.lag.ms" = 0, medium, at_least(0);

    /// How many replicas must be in sync for a write with acks=all to be accepted.
    Int "min.insync.replicas" = 1, medium, at_least(1);

    /// Whether the space of a new segment is reserved at once.
    Boolean "preallocate" = false, medium;

    /// Whether copying to remote storage has stopped, leaving the tiered data readable.
    Boolean "remote.log.copy.disable" = false, medium;

    /// Whether tiered data are deleted when tiered storage is turned off.
    Boolean "remote.log.delete.on.disable" = false, medium;

    /// Whether closed segments are copied to remote storage.
    Boolean "remote.storage.enable" = false, medium;

    /// Bytes that a partition may hold before its oldest segments are deleted; -1 means no bound.
    Long "retention.bytes" = -1, medium;

    /// Milliseconds that a segment is kept; -1 means for ever.
    Long "retention.ms" = 604_800_000, medium, at_least(-1);

    /// Size in bytes at which a segment is closed and a new one begun.
    Int "segment.bytes" = 1_073_741_824, medium, at_least(1_048_576);

    /// Largest size in bytes of an offset index.
    Int "segment.index.bytes" = 10_485_760, medium, at_least(4);

    /// Largest number of milliseconds taken off the roll time at random.
    Long "segment.jitter.ms" = 0, medium, at_least(0);

    /// Milliseconds after which a segment is closed even if it is not full.
    Long "segment.ms" = 604_800_000, medium, at_least(1);

    /// Whether a replica that is not in sync may become leader, losing records.
    Boolean "unclean.leader.election.enable" = false, medium;
};
