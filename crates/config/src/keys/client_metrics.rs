//! Keys of a client metrics subscription (KIP-714).

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Milliseconds between two pushes of metrics by a client.
    Int "interval.ms" = 300_000, medium;

    /// Patterns of the form `selector=regex` that a client must match.
    List "match" = "", medium;

    /// Prefixes of the metric names that clients are asked for; `*` means all.
    List "metrics" = "", medium;
};
