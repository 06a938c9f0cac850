//! `.lock`: keeps other processes out of a log dir.
//!
//! A POSIX record lock on the whole file, which is what Java takes: a real Kafka and a second
//! Tidelog both see it. Such a lock belongs to a process and is lost when that process closes any
//! descriptor of the file, so within this process a directory is only opened once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, fcntl_lock};

const FILE_NAME: &str = ".lock";

/// The directories that this process holds.
static HELD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

#[derive(Debug)]
pub(crate) struct DirLock {
    dir: PathBuf,
    /// `None` once it is released.
    file: Option<File>,
}

impl DirLock {
    /// `None` if the directory is taken.
    pub(crate) fn take(dir: &Path) -> io::Result<Option<Self>> {
        let dir = fs::canonicalize(dir)?;
        let mut held = HELD.lock();
        if held.contains(&dir) {
            return Ok(None);
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join(FILE_NAME))?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        held.insert(dir.clone());
        Ok(Some(Self {
            dir,
            file: Some(file),
        }))
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // Closed before anybody in this process may take it again: closing a descriptor later
        // would release that lock too.
        let mut held = HELD.lock();
        self.file = None;
        held.remove(&self.dir);
    }
}
