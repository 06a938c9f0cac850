//! Compaction.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Whether compacted topics are compacted.
    Boolean "log.cleaner.enable" = true, medium;

    /// How many threads compact logs.
    Int "log.cleaner.threads" = 1, medium, at_least(0), cluster_wide;

    /// Milliseconds to sleep when no log needs compaction.
    Long "log.cleaner.backoff.ms" = 15_000, medium, at_least(0), cluster_wide;

    /// Bytes of memory for the key maps of all compaction threads together.
    Long "log.cleaner.dedupe.buffer.size" = 134_217_728, medium, cluster_wide;

    /// Bytes of memory for the read and write buffers of all compaction threads together.
    Int "log.cleaner.io.buffer.size" = 524_288, medium, at_least(0), cluster_wide;

    /// Share of the key map that may be filled before a pass ends.
    Double "log.cleaner.io.buffer.load.factor" = 0.9, medium, cluster_wide;

    /// Bytes per second that compaction may read and write on average.
    Double "log.cleaner.io.max.bytes.per.second" = "1.7976931348623157E308", medium, cluster_wide;

    /// Least share of uncompacted bytes at which a log is compacted.
    Double "log.cleaner.min.cleanable.ratio" = 0.5, medium, within(0.0, 1.0), cluster_wide;

    /// Milliseconds that a record is safe from compaction after its append.
    Long "log.cleaner.min.compaction.lag.ms" = 0, medium, at_least(0), cluster_wide;

    /// Milliseconds after which a record must become eligible for compaction.
    Long "log.cleaner.max.compaction.lag.ms" = 9223372036854775807, medium, at_least(1), cluster_wide;

    /// Milliseconds that the tombstone of a deleted key is kept.
    Long "log.cleaner.delete.retention.ms" = 86_400_000, medium, at_least(0), cluster_wide;
};
