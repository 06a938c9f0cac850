//! Followers, in-sync replicas and leader election.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// How many threads fetch from each other broker.
    Int "num.replica.fetchers" = 1, high, at_least(1), cluster_wide;

    /// Bytes that a follower's fetch waits for.
    Int "replica.fetch.min.bytes" = 1, high;

    /// Bytes that a follower asks for per partition.
    Int "replica.fetch.max.bytes" = 1_048_576, medium, at_least(0);

    /// Largest answer in bytes to a follower's fetch.
    Int "replica.fetch.response.max.bytes" = 10_485_760, medium, at_least(0);

    /// Longest time in milliseconds that a follower's fetch waits for data.
    Int "replica.fetch.wait.max.ms" = 500, high;

    /// Milliseconds that a follower waits after an error of a partition.
    Int "replica.fetch.backoff.ms" = 1000, medium, at_least(0);

    /// Milliseconds that a follower may lag behind before it leaves the in-sync replicas.
    Long "replica.lag.time.max.ms" = 30_000, high;

    /// Milliseconds that a follower's request may wait for its answer.
    Int "replica.socket.timeout.ms" = 30_000, high;

    /// Size in bytes of the receive buffer of a follower's connection.
    Int "replica.socket.receive.buffer.bytes" = 65_536, high;

    /// Milliseconds between two writes of the high watermark checkpoint.
    Long "replica.high.watermark.checkpoint.interval.ms" = 5000, high;

    /// Class that picks the replica a consumer should read from; unset means the leader.
    String "replica.selector.class", medium;

    /// Whether an empty follower starts after the last tiered offset.
    Boolean "follower.fetch.last.tiered.offset.enable" = false, medium, cluster_wide;

    /// Whether a replica that is not in sync may become leader, losing records.
    Boolean "unclean.leader.election.enable" = false, high, cluster_wide;

    /// Milliseconds between looks for leaderless partitions that may elect uncleanly.
    Long "unclean.leader.election.interval.ms" = 300_000, medium, at_least(1), internal;

    /// Whether leadership is moved back to the preferred replicas.
    Boolean "auto.leader.rebalance.enable" = true, high;

    /// Seconds between looks for leaders that are not the preferred replica.
    Long "leader.imbalance.check.interval.seconds" = 300, high, at_least(1);

    /// Milliseconds that a controller's request to a broker may wait.
    Int "controller.socket.timeout.ms" = 30_000, medium;
};
