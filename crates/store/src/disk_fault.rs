//! Which failures of a disk are final.
//!
//! After a failed fsync nothing heals: the pages that it should have covered may be gone from the page cache, and a later
//! fsync would not tell. Nor is a disk trusted again that once answered EIO.

use std::fs::File;
use std::io;

use rustix::io::Errno;
use thiserror::Error;

/// What stands inside of an [`io::Error`] that came from an fsync.
#[derive(Debug, Error)]
#[error("fsync failed: {0}")]
struct FsyncFailed(io::Error);

/// Fsyncs `file`; that it failed can be told from the error.
pub(crate) fn fsync(file: &File) -> io::Result<()> {
    file.sync_all()
        .map_err(|error| io::Error::new(error.kind(), FsyncFailed(error)))
}

/// Whether the disk below is to be taken for lost until a restart.
pub fn is_final(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::IO.raw_os_error())
        || error
            .get_ref()
            .is_some_and(|inner| inner.is::<FsyncFailed>())
}
