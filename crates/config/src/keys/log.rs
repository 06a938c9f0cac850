//! Where logs lie, when they roll, what is kept, and when they are flushed.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Directories for the logs, used when `log.dirs` is unset.
    List "log.dir" = "/tmp/kafka-logs", high, filled;

    /// Directories for the logs; unset means those of `log.dir`.
    List "log.dirs", high, filled;

    /// Directories that take no new partitions; `*` means all of them.
    List "cordoned.log.dirs" = "", medium, nullable, per_broker;

    /// Milliseconds that the controller may stay unaware of a failed directory before the broker stops.
    Long "log.dir.failure.timeout.ms" = 30_000, low, at_least(1);

    /// Size in bytes at which a segment is closed and a new one begun.
    Int "log.segment.bytes" = 1_073_741_824, high, at_least(1_048_576), cluster_wide;

    /// Milliseconds after which a segment is closed even if it is not full; unset means `log.roll.hours`.
    Long "log.roll.ms", high, cluster_wide;

    /// Hours after which a segment is closed even if it is not full.
    Int "log.roll.hours" = 168, high, at_least(1);

    /// Largest number of milliseconds taken off the roll time at random; unset means `log.roll.jitter.hours`.
    Long "log.roll.jitter.ms", high, cluster_wide;

    /// Largest number of hours taken off the roll time at random.
    Int "log.roll.jitter.hours" = 0, high, at_least(0);

    /// Milliseconds that a segment is kept; -1 means for ever, unset means `log.retention.minutes`.
    Long "log.retention.ms", high, cluster_wide;

    /// Minutes that a segment is kept; unset means `log.retention.hours`.
    Int "log.retention.minutes", high;

    /// Hours that a segment is kept.
    Int "log.retention.hours" = 168, high;

    /// Bytes that a partition may hold before its oldest segments are deleted; -1 means no bound.
    Long "log.retention.bytes" = -1, high, cluster_wide;

    /// Milliseconds between looks for segments to delete.
    Long "log.retention.check.interval.ms" = 300_000, medium, at_least(1);

    /// What happens to old segments: `delete`, `compact`, both, or nothing when empty.
    List "log.cleanup.policy" = "delete", medium, list_of(&["compact", "delete"]), cluster_wide;

    /// Milliseconds between dropping a file from a log and deleting it.
    Long "log.segment.delete.delay.ms" = 60_000, high, at_least(0), cluster_wide;

    /// Largest size in bytes of an offset index.
    Int "log.index.size.max.bytes" = 10_485_760, medium, at_least(4), cluster_wide;

    /// Bytes of records between two index entries.
    Int "log.index.interval.bytes" = 4096, medium, at_least(0), cluster_wide;

    /// Whether the space of a new segment is reserved at once.
    Boolean "log.preallocate" = false, medium, cluster_wide;

    /// Records after which a log is flushed to disk.
    Long "log.flush.interval.messages" = 9223372036854775807, high, at_least(1), cluster_wide;

    /// Milliseconds after which a record is flushed to disk; unset means `log.flush.scheduler.interval.ms`.
    Long "log.flush.interval.ms", high, cluster_wide;

    /// Milliseconds between looks for logs to flush.
    Long "log.flush.scheduler.interval.ms" = 9223372036854775807, high;

    /// Milliseconds between two writes of the recovery point checkpoint.
    Int "log.flush.offset.checkpoint.interval.ms" = 60_000, high, at_least(0);

    /// Milliseconds between two writes of the log start offset checkpoint.
    Int "log.flush.start.offset.checkpoint.interval.ms" = 60_000, high, at_least(0);

    /// Whether a record carries the producer's time or the time of its append.
    String "log.message.timestamp.type" = "CreateTime", medium, one_of(&["CreateTime", "LogAppendTime"]), cluster_wide;

    /// Milliseconds that a record's timestamp may lie behind the broker's clock.
    Long "log.message.timestamp.before.max.ms" = 9223372036854775807, medium, at_least(0), cluster_wide;

    /// Milliseconds that a record's timestamp may lie ahead of the broker's clock.
    Long "log.message.timestamp.after.max.ms" = 3_600_000, medium, at_least(0), cluster_wide;

    /// Milliseconds that a segment stays on local disk once it is tiered; -2 means `log.retention.ms`.
    Long "log.local.retention.ms" = -2, medium, at_least(-2), cluster_wide;

    /// Bytes that stay on local disk once they are tiered; -2 means `log.retention.bytes`.
    Long "log.local.retention.bytes" = -2, medium, at_least(-2), cluster_wide;

    /// Milliseconds after the start before retention, flush and checkpoint tasks first run.
    Long "log.initial.task.delay.ms" = 30_000, low, at_least(0), internal;

    /// How many threads recover the logs of one directory at start and flush them at the end.
    Int "num.recovery.threads.per.data.dir" = 2, high, at_least(1), cluster_wide;

    /// How many threads move replicas between directories; unset means one a directory.
    Int "num.replica.alter.log.dirs.threads", high;
};
