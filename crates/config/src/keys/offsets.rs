//! Committed offsets and the classic group protocol.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Partitions of `__consumer_offsets`; fixed once the topic exists.
    Int "offsets.topic.num.partitions" = 50, high, at_least(1);

    /// Replicas of each partition of `__consumer_offsets`.
    Short "offsets.topic.replication.factor" = 3, high, at_least(1);

    /// Segment size in bytes of `__consumer_offsets`.
    Int "offsets.topic.segment.bytes" = 104_857_600, high, at_least(1);

    /// Number of the codec in which `__consumer_offsets` is written.
    Int "offsets.topic.compression.codec" = 0, high;

    /// Bytes read at a time while a partition of `__consumer_offsets` is loaded.
    Int "offsets.load.buffer.size" = 5_242_880, high, at_least(1);

    /// Minutes that committed offsets outlive their group's last member or last commit.
    Int "offsets.retention.minutes" = 10_080, high, at_least(1);

    /// Milliseconds between looks for expired offsets.
    Long "offsets.retention.check.interval.ms" = 600_000, high, at_least(1);

    /// Milliseconds that a commit may wait for its replicas.
    Int "offsets.commit.timeout.ms" = 5000, high, at_least(1);

    /// Largest size in bytes of the metadata stored with an offset.
    Int "offset.metadata.max.bytes" = 4096, high;

    /// Shortest session timeout in milliseconds that a member may ask for.
    Int "group.min.session.timeout.ms" = 6000, medium;

    /// Longest session timeout in milliseconds that a member may ask for.
    Int "group.max.session.timeout.ms" = 1_800_000, medium;

    /// Milliseconds that an empty group waits for more members before its first rebalance.
    Int "group.initial.rebalance.delay.ms" = 3000, medium;

    /// How many members a classic group may have.
    Int "group.max.size" = 2147483647, medium, at_least(1);

    /// How many threads run the group coordinator.
    Int "group.coordinator.threads" = 4, high, at_least(1);

    /// How many threads run the group coordinator's background work.
    Int "group.coordinator.background.threads" = 2, high, at_least(1);

    /// Milliseconds that the group coordinator gathers records before a write; -1 adapts to the load.
    Int "group.coordinator.append.linger.ms" = -1, medium, at_least(-1);

    /// Largest write buffer in bytes that the group coordinator keeps for reuse.
    Int "group.coordinator.cached.buffer.max.bytes" = 1_048_588, medium, at_least(524_288), cluster_wide;

    /// Group protocols that are enabled.
    List "group.coordinator.rebalance.protocols" = "classic,consumer,streams", medium, list_of(&["consumer", "classic", "share", "streams"]), filled;
};
