//! Keys that Kafka does not have.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// When a write counts as durable: `fsync` once it is on disk, `page-cache` once the operating system has it.
    String "log.durability" = "fsync", high, one_of(&["fsync", "page-cache"]);

    /// How much of an incoming batch is checked: `header` its framing, `full` every record in it.
    String "log.record.validation" = "header", high, one_of(&["header", "full"]);

    /// How often all logs are read to find damage on the disk, which is told with file and position; for the first time when the node has run that long. -1: never.
    Long "log.scrub.interval.ms" = 604_800_000, low, at_least(-1);
};
