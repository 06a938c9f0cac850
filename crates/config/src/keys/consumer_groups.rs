//! The consumer group protocol (KIP-848).

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Milliseconds without a heartbeat after which a consumer is removed from its group.
    Int "group.consumer.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Shortest session timeout in milliseconds that a group may configure.
    Int "group.consumer.min.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Longest session timeout in milliseconds that a group may configure.
    Int "group.consumer.max.session.timeout.ms" = 60_000, medium, at_least(1);

    /// Milliseconds between heartbeats that consumers are told to keep.
    Int "group.consumer.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Shortest heartbeat interval in milliseconds that a group may configure.
    Int "group.consumer.min.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Longest heartbeat interval in milliseconds that a group may configure.
    Int "group.consumer.max.heartbeat.interval.ms" = 15_000, medium, at_least(1);

    /// Milliseconds between two computed assignments of a consumer group.
    Int "group.consumer.assignment.interval.ms" = 1000, medium, at_least(0), cluster_wide;

    /// Shortest assignment interval in milliseconds that a consumer group may configure.
    Int "group.consumer.min.assignment.interval.ms" = 0, medium, at_least(0);

    /// Longest assignment interval in milliseconds that a consumer group may configure.
    Int "group.consumer.max.assignment.interval.ms" = 15_000, medium, at_least(0);

    /// How many members a consumer group may have.
    Int "group.consumer.max.size" = 2147483647, medium, at_least(1);

    /// Assignors that consumers may name; the first is the default.
    List "group.consumer.assignors" = "uniform,range", medium, filled;

    /// Which way a living group may change between the classic and the consumer protocol.
    String "group.consumer.migration.policy" = "bidirectional", medium, one_of_any_case(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]);

    /// Milliseconds between evaluations of subscribed regular expressions.
    Int "group.consumer.regex.refresh.interval.ms" = 600_000, medium, at_least(10_000), internal;
};
