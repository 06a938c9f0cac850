//! Keys of a group.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Milliseconds without a heartbeat after which a consumer is removed from the group.
    Int "consumer.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Milliseconds between heartbeats that the group's consumers are told to keep.
    Int "consumer.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Milliseconds between two computed assignments of the consumer group.
    Int "consumer.assignment.interval.ms" = 1000, medium, at_least(0);

    /// Milliseconds without a heartbeat after which a member is removed from the share group.
    Int "share.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Milliseconds between heartbeats that the share group's members are told to keep.
    Int "share.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Milliseconds between two computed assignments of the share group.
    Int "share.assignment.interval.ms" = 1000, medium, at_least(0);

    /// Where a share group starts to read: `latest`, `earliest` or `by_duration:` and an ISO 8601 duration.
    String "share.auto.offset.reset" = "latest", medium, share_offset_reset;

    /// How often a record is delivered to the share group before it is given up.
    Int "share.delivery.count.limit" = 5, medium, at_least(2);

    /// Whether the share group sees records of open transactions.
    String "share.isolation.level" = "read_uncommitted", medium, one_of(&["read_committed", "read_uncommitted"]);

    /// How many records of one partition the share group may hold at once.
    Int "share.partition.max.record.locks" = 2000, medium, at_least(100);

    /// Milliseconds that a member of the share group holds a record it was given.
    Int "share.record.lock.duration.ms" = 30_000, medium, at_least(1000);

    /// Whether a member may extend its hold on a record.
    Boolean "share.renew.acknowledge.enable" = true, medium;

    /// Milliseconds without a heartbeat after which a member is removed from the streams group.
    Int "streams.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Milliseconds between heartbeats that the streams group's members are told to keep.
    Int "streams.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Milliseconds between two computed assignments of the streams group.
    Int "streams.assignment.interval.ms" = 1000, medium, at_least(0);

    /// Milliseconds that the empty streams group waits for more members before its first rebalance.
    Int "streams.initial.rebalance.delay.ms" = 3000, medium, at_least(0);

    /// Standby replicas of each task of the streams group.
    Int "streams.num.standby.replicas" = 0, medium, at_least(0);
};
