//! The names of partition directories.

use std::fmt;

use uuid::Uuid;

use crate::limits::MAX_FILE_NAME_BYTES;

const DELETE_SUFFIX: &str = "-delete";
const FUTURE_SUFFIX: &str = "-future";
const STRAY_SUFFIX: &str = "-stray";

/// A partition: its directory is named `topic-partition`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionName {
    pub topic: String,
    pub partition: i32,
}

/// What a partition's directory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionKind {
    /// The partition's log.
    Current,
    /// A copy being made on the way to another log dir.
    Future,
    /// Waiting to be removed.
    Deleted,
    /// Left over from a topic that is gone.
    Stray,
}

impl fmt::Display for PartitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl PartitionName {
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }

    /// The directory name of the partition once it is deleted: unique, so that a topic of the same
    /// name can come and go before this one is removed.
    pub(crate) fn deleted_name(&self, unique: Uuid) -> String {
        self.unique_name(unique, DELETE_SUFFIX)
    }

    pub(crate) fn stray_name(&self, unique: Uuid) -> String {
        self.unique_name(unique, STRAY_SUFFIX)
    }

    fn unique_name(&self, unique: Uuid, suffix: &str) -> String {
        let suffix = format!("-{}.{}{suffix}", self.partition, unique.simple());
        // A topic's name may be as long as a file's; what is cut off is of no use any more.
        let room = MAX_FILE_NAME_BYTES.saturating_sub(suffix.len());
        let topic = self.topic.get(..room).unwrap_or(&self.topic);
        format!("{topic}{suffix}")
    }

    /// What a directory's name says; `None` if it is no partition's.
    pub(crate) fn parse(dir_name: &str) -> Option<(Self, PartitionKind)> {
        for (suffix, kind) in [
            (DELETE_SUFFIX, PartitionKind::Deleted),
            (FUTURE_SUFFIX, PartitionKind::Future),
            (STRAY_SUFFIX, PartitionKind::Stray),
        ] {
            if let Some(name) = dir_name.strip_suffix(suffix) {
                let (name, _unique) = name.rsplit_once('.')?;
                return Some((Self::parse_current(name)?, kind));
            }
        }
        Some((Self::parse_current(dir_name)?, PartitionKind::Current))
    }

    fn parse_current(name: &str) -> Option<Self> {
        let (topic, digits) = name.rsplit_once('-')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if topic.is_empty() || !is_number {
            return None;
        }
        Some(Self::new(topic, digits.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let name = PartitionName::new("a-b.c", 12);
        assert_eq!(name.to_string(), "a-b.c-12");
        let unique = Uuid::from_u128(7);
        for (dir_name, kind) in [
            (name.to_string(), PartitionKind::Current),
            (name.deleted_name(unique), PartitionKind::Deleted),
            (name.stray_name(unique), PartitionKind::Stray),
            (format!("{name}.abc-future"), PartitionKind::Future),
        ] {
            assert_eq!(PartitionName::parse(&dir_name), Some((name.clone(), kind)));
        }
    }

    #[test]
    fn a_deleted_name_fits_the_file_system() {
        let name = PartitionName::new("t".repeat(249), 123_456);
        let deleted = name.deleted_name(Uuid::from_u128(7));
        assert_eq!(deleted.len(), MAX_FILE_NAME_BYTES);
        let (_, kind) = PartitionName::parse(&deleted).unwrap();
        assert_eq!(kind, PartitionKind::Deleted);
    }

    #[test]
    fn other_directories_are_left_alone() {
        for name in [
            "",
            "topic",
            "-1",
            "topic-",
            "topic-x",
            "topic-+1",
            "topic-99999999999",
        ] {
            assert_eq!(PartitionName::parse(name), None, "{name}");
        }
    }
}
