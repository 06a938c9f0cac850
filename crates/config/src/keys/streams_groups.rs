//! The streams group protocol (KIP-1071).

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Milliseconds without a heartbeat after which a member is removed from its streams group.
    Int "group.streams.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Shortest session timeout in milliseconds that a streams group may configure.
    Int "group.streams.min.session.timeout.ms" = 45_000, medium, at_least(1);

    /// Longest session timeout in milliseconds that a streams group may configure.
    Int "group.streams.max.session.timeout.ms" = 60_000, medium, at_least(1);

    /// Milliseconds between heartbeats that streams members are told to keep.
    Int "group.streams.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Shortest heartbeat interval in milliseconds that a streams group may configure.
    Int "group.streams.min.heartbeat.interval.ms" = 5000, medium, at_least(1);

    /// Longest heartbeat interval in milliseconds that a streams group may configure.
    Int "group.streams.max.heartbeat.interval.ms" = 15_000, medium, at_least(1);

    /// Milliseconds between two computed assignments of a streams group.
    Int "group.streams.assignment.interval.ms" = 1000, medium, at_least(0), cluster_wide;

    /// Shortest assignment interval in milliseconds that a streams group may configure.
    Int "group.streams.min.assignment.interval.ms" = 0, medium, at_least(0);

    /// Longest assignment interval in milliseconds that a streams group may configure.
    Int "group.streams.max.assignment.interval.ms" = 15_000, medium, at_least(0);

    /// Milliseconds that an empty streams group waits for more members before its first rebalance.
    Int "group.streams.initial.rebalance.delay.ms" = 3000, medium, at_least(0);

    /// How many members a streams group may have.
    Int "group.streams.max.size" = 2147483647, medium, at_least(1);

    /// Standby replicas of each task.
    Int "group.streams.num.standby.replicas" = 0, medium, at_least(0);

    /// Most standby replicas that a streams group may configure.
    Int "group.streams.max.standby.replicas" = 2, medium, at_least(0);
};
