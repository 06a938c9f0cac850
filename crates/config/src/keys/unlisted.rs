//! Keys that Kafka reads without defining them for its brokers: dynamic replication throttles and the standard authorizer's own.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Bytes per second that throttled replicas may be sent by their leaders on this broker.
    Long "leader.replication.throttled.rate" = 9223372036854775807, medium, at_least(0), cluster_wide, unlisted;

    /// Bytes per second that throttled replicas on this broker may fetch.
    Long "follower.replication.throttled.rate" = 9223372036854775807, medium, at_least(0), cluster_wide, unlisted;

    /// Bytes per second that moves between log directories may write.
    Long "replica.alter.log.dirs.io.max.bytes.per.second" = 9223372036854775807, medium, at_least(0), cluster_wide, unlisted;

    /// Principals that every request is allowed to, separated by semicolons.
    String "super.users" = "", medium, untyped;

    /// Whether a resource without any ACL is open to everyone.
    Boolean "allow.everyone.if.no.acl.found" = false, medium, untyped;
};
