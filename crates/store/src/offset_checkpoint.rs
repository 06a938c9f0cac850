//! One of a log dir's offset checkpoints: what its file says, and how that changes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::checkpoint::{self, Sync};
use crate::partition_name::PartitionName;

/// See the module.
#[derive(Debug)]
pub(crate) struct OffsetCheckpoint {
    path: PathBuf,
    file: Mutex<Contents>,
}

#[derive(Debug)]
struct Contents {
    /// What the file says, or may say where a write of it failed.
    offsets: HashMap<PartitionName, i64>,
    /// This process wrote it as it is; the file could be missing or damaged else.
    is_written: bool,
}

impl OffsetCheckpoint {
    /// One that cannot be read says nothing, which costs time but no data.
    pub(crate) fn read(path: PathBuf) -> Self {
        let offsets = read(&path).unwrap_or_else(|error| {
            tracing::error!(%error, "ignoring a checkpoint");
            HashMap::new()
        });
        Self {
            path,
            file: Mutex::new(Contents {
                offsets,
                is_written: false,
            }),
        }
    }

    pub(crate) fn get(&self, name: &PartitionName) -> Option<i64> {
        self.file.lock().offsets.get(name).copied()
    }

    /// Has the file say this and nothing else; it is left alone if it does already.
    pub(crate) fn write(
        &self,
        offsets: impl IntoIterator<Item = (PartitionName, i64)>,
    ) -> io::Result<()> {
        let offsets = offsets.into_iter().collect();
        let mut file = self.file.lock();
        if file.is_written && file.offsets == offsets {
            return Ok(());
        }
        self.replace(&mut file, offsets)
    }

    /// Has the file say nothing of the partition, for another log to take the name.
    pub(crate) fn forget(&self, name: &PartitionName) -> io::Result<()> {
        let mut file = self.file.lock();
        if file.is_written && !file.offsets.contains_key(name) {
            return Ok(());
        }
        let mut offsets = file.offsets.clone();
        offsets.remove(name);
        self.replace(&mut file, offsets)
    }

    fn replace(&self, file: &mut Contents, offsets: HashMap<PartitionName, i64>) -> io::Result<()> {
        let lines = offsets
            .iter()
            .map(|(name, offset)| format!("{} {} {offset}", name.topic, name.partition));
        let text = checkpoint::format_offsets(lines);
        let replaced = checkpoint::replace_file(&self.path, text.as_bytes(), Sync::Now);
        file.is_written = replaced.is_ok();
        if replaced.is_ok() {
            file.offsets = offsets;
        } else {
            // The old file is there, or the new one.
            file.offsets.extend(offsets);
        }
        replaced
    }
}

fn read(path: &Path) -> io::Result<HashMap<PartitionName, i64>> {
    let entries = checkpoint::read_offsets(path, |fields| {
        let [topic, partition, offset] = fields else {
            return None;
        };
        let name = PartitionName::new(*topic, partition.parse().ok()?);
        Some((name, offset.parse().ok()?))
    })?;
    Ok(entries.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_is_written_once_for_each_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        let checkpoint = OffsetCheckpoint::read(path.clone());
        let name = |partition| PartitionName::new("t", partition);
        let one = [(name(0), 1)];
        let two = [(name(0), 1), (name(1), 2)];
        for (offsets, is_change) in [
            (&one[..0], true),
            (&one[..0], false),
            (&two[..], true),
            (&two[..], false),
            (&one[..], true),
        ] {
            let _ = fs::remove_file(&path);
            checkpoint.write(offsets.to_vec()).unwrap();
            assert_eq!(path.exists(), is_change, "{offsets:?}");
        }
        assert_eq!(OffsetCheckpoint::read(path).get(&name(0)), Some(1));
    }

    #[test]
    fn a_name_is_not_forgotten_before_the_file_has_forgotten_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        let (old, other) = (PartitionName::new("t", 0), PartitionName::new("u", 0));
        let checkpoint = OffsetCheckpoint::read(path.clone());
        checkpoint
            .write([(old.clone(), 1_000), (other.clone(), 5)])
            .unwrap();
        // No file can be made where a directory is.
        let in_the_way = dir.path().join("checkpoint.tmp");
        fs::create_dir(&in_the_way).unwrap();
        assert!(checkpoint.write([(other.clone(), 6)]).is_err());
        assert!(checkpoint.forget(&old).is_err());
        fs::remove_dir(&in_the_way).unwrap();
        checkpoint.forget(&old).unwrap();
        let read = OffsetCheckpoint::read(path);
        assert_eq!((read.get(&old), read.get(&other).is_some()), (None, true));
    }

    #[test]
    fn a_damaged_checkpoint_says_nothing_and_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        fs::write(&path, "0\n2\nt 0 5\n").unwrap();
        let name = PartitionName::new("t", 0);
        let checkpoint = OffsetCheckpoint::read(path.clone());
        assert_eq!(checkpoint.get(&name), None);
        checkpoint.forget(&name).unwrap();
        assert!(fs::read_to_string(path).unwrap().starts_with("0\n1\n#"));
    }
}
