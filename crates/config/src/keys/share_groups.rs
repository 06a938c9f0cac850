//! Share groups (KIP-932) and their coordinator.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Milliseconds without a heartbeat after which a member is removed from its share group.
    Int "group.share.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Shortest session timeout in milliseconds that a share group may configure.
    Int "group.share.min.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Longest session timeout in milliseconds that a share group may configure.
    Int "group.share.max.session.timeout.ms" = 60_000, medium, at_least(1);

    /// Milliseconds between heartbeats that share group members are told to keep.
    Int "group.share.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Shortest heartbeat interval in milliseconds that a share group may configure.
    Int "group.share.min.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Longest heartbeat interval in milliseconds that a share group may configure.
    Int "group.share.max.heartbeat.interval.ms" = 15_000, medium, at_least(1);

    /// Milliseconds between two computed assignments of a share group.
    Int "group.share.assignment.interval.ms" = 1000, medium, at_least(0), cluster_wide;

    /// Shortest assignment interval in milliseconds that a share group may configure.
    Int "group.share.min.assignment.interval.ms" = 0, medium, at_least(0);

    /// Longest assignment interval in milliseconds that a share group may configure.
    Int "group.share.max.assignment.interval.ms" = 15_000, medium, at_least(0);

    /// How many members a share group may have.
    Int "group.share.max.size" = 200, medium, between(1, 1000);

    /// How many share sessions a broker keeps at once.
    Int "group.share.max.share.sessions" = 2000, medium, at_least(1);

    /// The one assignor that share groups use.
    List "group.share.assignors" = "simple", medium, filled;

    /// How often a record is delivered before it is given up.
    Int "group.share.delivery.count.limit" = 5, medium, between(2, 10);

    /// Lowest delivery count limit that a share group may configure.
    Int "group.share.min.delivery.count.limit" = 2, medium, between(2, 5);

    /// Highest delivery count limit that a share group may configure.
    Int "group.share.max.delivery.count.limit" = 10, medium, between(5, 25);

    /// Milliseconds that a member holds a record it was given.
    Int "group.share.record.lock.duration.ms" = 30_000, medium, between(1000, 3_600_000);

    /// Shortest record lock in milliseconds that a share group may configure.
    Int "group.share.min.record.lock.duration.ms" = 15_000, medium, between(1000, 30_000);

    /// Longest record lock in milliseconds that a share group may configure.
    Int "group.share.max.record.lock.duration.ms" = 60_000, medium, between(30_000, 3_600_000);

    /// How many records of one partition may be held at once.
    Int "group.share.partition.max.record.locks" = 2000, medium, between(100, 10_000);

    /// Lowest number of held records that a share group may configure.
    Int "group.share.min.partition.max.record.locks" = 100, medium, between(100, 2000);

    /// Highest number of held records that a share group may configure.
    Int "group.share.max.partition.max.record.locks" = 4000, medium, between(2000, 10_000);

    /// Class that stores the state of share groups.
    String "group.share.persister.class.name" = "org.apache.kafka.server.share.persister.DefaultStatePersister", medium, internal;

    /// Milliseconds before a failed initialization of share state is tried again.
    Int "group.share.initialize.retry.interval.ms" = 30_000, low, at_least(1), internal;

    /// Partitions of `__share_group_state`; fixed once the topic exists.
    Int "share.coordinator.state.topic.num.partitions" = 50, high, at_least(1);

    /// Replicas of each partition of `__share_group_state`.
    Short "share.coordinator.state.topic.replication.factor" = 3, high, at_least(1);

    /// In-sync replicas that a write to `__share_group_state` needs.
    Short "share.coordinator.state.topic.min.isr" = 2, high, at_least(1);

    /// Segment size in bytes of `__share_group_state`.
    Int "share.coordinator.state.topic.segment.bytes" = 104_857_600, high, at_least(1);

    /// Number of the codec in which `__share_group_state` is written.
    Int "share.coordinator.state.topic.compression.codec" = 0, high;

    /// Milliseconds between deletions of superseded records of `__share_group_state`.
    Int "share.coordinator.state.topic.prune.interval.ms" = 300_000, low, at_least(1), internal;

    /// Bytes read at a time while a partition of `__share_group_state` is loaded.
    Int "share.coordinator.load.buffer.size" = 5_242_880, high, at_least(1);

    /// How many update records are written between two snapshot records.
    Int "share.coordinator.snapshot.update.records.per.snapshot" = 500, medium, between(0, 500);

    /// Milliseconds between snapshots of share partitions that see no updates.
    Int "share.coordinator.cold.partition.snapshot.interval.ms" = 300_000, low, at_least(1), internal;

    /// How many threads run the share coordinator.
    Int "share.coordinator.threads" = 1, medium, at_least(1);

    /// Milliseconds that a write to `__share_group_state` may wait for its replicas.
    Int "share.coordinator.write.timeout.ms" = 5000, high, at_least(1);

    /// Milliseconds that the share coordinator gathers records before a write; -1 adapts to the load.
    Int "share.coordinator.append.linger.ms" = -1, medium, at_least(-1);

    /// Largest write buffer in bytes that the share coordinator keeps for reuse.
    Int "share.coordinator.cached.buffer.max.bytes" = 1_048_588, medium, at_least(524_288), cluster_wide;
};
