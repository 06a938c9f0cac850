//! Which failures of a write pass by themselves. After any other the disk is not to be trusted.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

/// Nothing is wrong with the disk: there is no room, or this process has too much open.
pub fn is_transient(error: &io::Error) -> bool {
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
