//! The controller quorum and its metadata log.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Listeners on which controllers are reached; brokers use the first.
    List "controller.listener.names", high, required, filled;

    /// Voters of a static quorum, as a list of `id@host:port`.
    List "controller.quorum.voters" = "", high, quorum_voters;

    /// Controllers to ask first for the quorum, as a list of `host:port`.
    List "controller.quorum.bootstrap.servers" = "", high, host_ports;

    /// Whether a controller adds itself to the voters.
    Boolean "controller.quorum.auto.join.enable" = false, low;

    /// Milliseconds without a leader after which a voter starts an election.
    Int "controller.quorum.election.timeout.ms" = 1000, high, at_least(0);

    /// Longest pause in milliseconds before another election.
    Int "controller.quorum.election.backoff.max.ms" = 1000, high, at_least(0);

    /// Milliseconds without contact after which a voter drops its leader, or a leader steps down.
    Int "controller.quorum.fetch.timeout.ms" = 2000, high, at_least(0);

    /// Milliseconds that a request within the quorum may wait for its answer.
    Int "controller.quorum.request.timeout.ms" = 2000, medium, at_least(0);

    /// Milliseconds before a failed request within the quorum is tried again.
    Int "controller.quorum.retry.backoff.ms" = 20, low, at_least(0);

    /// Milliseconds that the quorum's leader gathers records before a write.
    Int "controller.quorum.append.linger.ms" = 25, medium, at_least(0);

    /// Largest answer in bytes to a fetch of the metadata log.
    Int "controller.quorum.fetch.max.bytes" = 1_048_576, low, at_least(1);

    /// Largest piece in bytes of a metadata snapshot that one request fetches.
    Int "controller.quorum.fetch.snapshot.max.bytes" = 1_048_576, low, at_least(1);

    /// Milliseconds between two log lines about the controller's speed.
    Long "controller.performance.sample.period.ms" = 60_000, medium, at_least(100), internal;

    /// Milliseconds that a controller event may take before it is logged.
    Long "controller.performance.always.log.threshold.ms" = 2000, medium, at_least(0), internal;

    /// Directory of the metadata log; unset means the first of `log.dirs`.
    String "metadata.log.dir", high;

    /// Size in bytes at which a segment of the metadata log is closed.
    Int "metadata.log.segment.bytes" = 1_073_741_824, high, at_least(8_388_608);

    /// Milliseconds after which a segment of the metadata log is closed.
    Long "metadata.log.segment.ms" = 604_800_000, high;

    /// Bytes of new records after which a metadata snapshot is written.
    Long "metadata.log.max.record.bytes.between.snapshots" = 20_971_520, high, at_least(1);

    /// Milliseconds after which a metadata snapshot is written if there are new records; 0 turns it off.
    Long "metadata.log.max.snapshot.interval.ms" = 3_600_000, high, at_least(0);

    /// Bytes that metadata log and snapshots may hold before the oldest are deleted.
    Long "metadata.max.retention.bytes" = 104_857_600, high;

    /// Milliseconds that segments and snapshots of the metadata log are kept.
    Long "metadata.max.retention.ms" = 604_800_000, high;

    /// Milliseconds of silence after which a no-op record is written; 0 turns it off.
    Int "metadata.max.idle.interval.ms" = 500, low, at_least(0);

    /// Segment size in bytes of the metadata log, for tests.
    Int "internal.metadata.log.segment.bytes", low, internal;

    /// Largest batch in bytes of the metadata log, for tests.
    Int "internal.metadata.max.batch.size.in.bytes" = 8_388_608, low, internal;

    /// Milliseconds before a dropped file of the metadata log is deleted, for tests.
    Long "internal.metadata.delete.delay.millis" = 60_000, low, internal;
};
