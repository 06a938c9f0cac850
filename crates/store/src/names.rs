//! Names of the files and directories of a log, as Kafka spells them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

pub(crate) const DELETED_SUFFIX: &str = ".deleted";
pub(crate) const CLEANED_SUFFIX: &str = ".cleaned";
pub(crate) const SWAP_SUFFIX: &str = ".swap";

/// Digits of the base offset in a file's name.
const OFFSET_DIGITS: usize = 20;

/// The files that are named by an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    Log,
    Index,
    TimeIndex,
    TxnIndex,
    /// A producer snapshot; its offset need not be a segment's.
    Snapshot,
}

impl FileKind {
    /// The files of a segment besides its log, and the snapshot taken when it began.
    pub(crate) const BESIDES_LOG: [Self; 4] =
        [Self::Index, Self::TimeIndex, Self::TxnIndex, Self::Snapshot];

    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Log => ".log",
            Self::Index => ".index",
            Self::TimeIndex => ".timeindex",
            Self::TxnIndex => ".txnindex",
            Self::Snapshot => ".snapshot",
        }
    }

    fn of_suffix(suffix: &str) -> Option<Self> {
        [Self::Log]
            .into_iter()
            .chain(Self::BESIDES_LOG)
            .find(|kind| kind.suffix() == suffix)
    }
}

pub(crate) fn file_name(offset: i64, kind: FileKind) -> String {
    format!("{offset:0width$}{}", kind.suffix(), width = OFFSET_DIGITS)
}

/// What a file's name says, `None` if it names no file of a segment.
pub(crate) fn parse_file_name(name: &str) -> Option<(i64, FileKind)> {
    let (digits, suffix) = name.split_at_checked(OFFSET_DIGITS)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, FileKind::of_suffix(suffix)?))
}

/// A partition's directory, which is renamed when the partition is deleted or moved; files opened
/// lazily follow it.
#[derive(Debug)]
pub(crate) struct PartitionDir(RwLock<Arc<Path>>);

impl PartitionDir {
    pub(crate) fn new(path: &Path) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::from(path))))
    }

    pub(crate) fn path(&self) -> Arc<Path> {
        Arc::clone(&self.0.read())
    }

    pub(crate) fn file(&self, offset: i64, kind: FileKind) -> PathBuf {
        self.path().join(file_name(offset, kind))
    }

    /// Renames the directory on disk, and for every file opened from now on.
    pub(crate) fn rename(&self, to: &Path) -> std::io::Result<()> {
        let mut path = self.0.write();
        std::fs::rename(&*path, to)?;
        *path = Arc::from(to);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        assert_eq!(file_name(0, FileKind::Log), "00000000000000000000.log");
        assert_eq!(
            file_name(i64::MAX, FileKind::TimeIndex),
            "09223372036854775807.timeindex"
        );
        for kind in [FileKind::Log, FileKind::Snapshot, FileKind::TxnIndex] {
            assert_eq!(parse_file_name(&file_name(42, kind)), Some((42, kind)));
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        for name in [
            "",
            "leader-epoch-checkpoint",
            "00000000000000000000.log.deleted",
            "0000000000000000000a.log",
            "+0000000000000000001.log",
            "99999999999999999999.log",
            "0000000000000000000é.log",
        ] {
            assert_eq!(parse_file_name(name), None, "{name}");
        }
    }
}
