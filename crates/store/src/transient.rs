//! Which failures of a write pass by themselves. After any other the disk is not to be trusted.

use std::io;

use rustix::io::Errno;

/// Nothing is wrong with the disk: there is no room, or this process has too much open.
pub(crate) fn is_transient(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::NOSPC
                | Errno::DQUOT
                | Errno::FBIG
                | Errno::MFILE
                | Errno::NFILE
                | Errno::NOMEM
                | Errno::INTR
        )
    )
}
