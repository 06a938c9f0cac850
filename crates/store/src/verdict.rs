//! What a failure says of the disk below, for all who write to it.

use std::fs::File;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use thiserror::Error;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong with it: there is no room, or this process has too much open. It passes by itself.
    Passes,
    /// It says nothing of other files: one is not there, say, or does not hold what it should.
    Local,
    /// It is to be taken for lost until a restart. After a failed fsync nothing heals: the pages that it should have
    /// covered may be gone from the page cache, and a later fsync would not tell. Nor is a disk trusted again that once
    /// answered EIO, or that the system no longer writes to.
    Lost,
}

impl Verdict {
    pub fn of(error: &io::Error) -> Self {
        let inner = error.get_ref();
        if inner.is_some_and(|inner| inner.is::<FsyncFailed>()) {
            return Self::Lost;
        }
        match Errno::from_io_error(error) {
            Some(
                Errno::NOSPC
                | Errno::DQUOT
                | Errno::FBIG
                | Errno::MFILE
                | Errno::NFILE
                | Errno::NOMEM
                | Errno::INTR,
            ) => Self::Passes,
            Some(Errno::IO | Errno::ROFS) => Self::Lost,
            _ => Self::Local,
        }
    }
}

/// What stands inside of an [`io::Error`] that came from an fsync.
#[derive(Debug, Error)]
#[error("fsync failed: {0}")]
struct FsyncFailed(io::Error);

/// Fsyncs `file`; that it failed can be told from the error.
pub(crate) fn fsync(file: &File) -> io::Result<()> {
    file.sync_all().map_err(fsync_failed)
}

/// As [`fsync`], of what is needed to read the contents.
pub(crate) fn fdatasync(file: &File) -> io::Result<()> {
    file.sync_data().map_err(fsync_failed)
}

fn fsync_failed(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), FsyncFailed(error))
}

const PAUSE: Duration = Duration::from_millis(10);

/// Tries again until the process has a descriptor to spare: what is to be synced must not be given
/// up for the lack of one.
pub(crate) fn patiently<T>(attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if is_out_of_descriptors(&error) => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_passes_and_a_broken_one_is_lost() {
        let of = |errno: Errno| Verdict::of(&errno.into());
        assert_eq!(of(Errno::NOSPC), Verdict::Passes);
        assert_eq!(of(Errno::MFILE), Verdict::Passes);
        assert_eq!(of(Errno::IO), Verdict::Lost);
        assert_eq!(of(Errno::ROFS), Verdict::Lost);
        assert_eq!(of(Errno::NOENT), Verdict::Local);
        let damaged = io::Error::from(io::ErrorKind::InvalidData);
        assert_eq!(Verdict::of(&damaged), Verdict::Local);
    }

    #[test]
    fn a_failed_fsync_is_final_whatever_its_reason() {
        let full = Errno::NOSPC.into();
        let failed = io::Error::new(io::ErrorKind::StorageFull, FsyncFailed(full));
        assert_eq!(Verdict::of(&failed), Verdict::Lost);
    }
}
