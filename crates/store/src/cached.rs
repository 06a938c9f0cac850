//! Reads of log and index files that, within [`only`], do not wait for the disk: what is not in memory is answered with
//! `WouldBlock`, and whoever may wait reads again.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::path::Path;

use parking_lot::{Mutex, MutexGuard};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

thread_local! {
    static ONLY: Cell<bool> = const { Cell::new(false) };
}

/// Runs `read` so that it does not wait for the disk, as far as the system can tell beforehand that it would.
pub(crate) fn only<T>(read: impl FnOnce() -> T) -> T {
    let _end = End(ONLY.replace(true));
    read()
}

struct End(bool);

impl Drop for End {
    fn drop(&mut self) {
        ONLY.set(self.0);
    }
}

/// Locks what another thread may hold while it waits for the disk.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> io::Result<MutexGuard<'_, T>> {
    if ONLY.get() {
        return mutex.try_lock().ok_or(io::ErrorKind::WouldBlock.into());
    }
    Ok(mutex.lock())
}

/// What a file is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    ReadWrite,
}

/// Opens a file that is there.
pub(crate) fn open(path: &Path, access: Access) -> io::Result<File> {
    if ONLY.get() {
        let flags = match access {
            Access::Read => OFlags::RDONLY | OFlags::CLOEXEC,
            Access::ReadWrite => OFlags::RDWR | OFlags::CLOEXEC,
        };
        match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED) {
            Ok(file) => return Ok(file.into()),
            Err(Errno::AGAIN) => return Err(io::ErrorKind::WouldBlock.into()),
            // An old kernel; or a real error, which is met again.
            Err(_) => {}
        }
    }
    File::options()
        .read(true)
        .write(access == Access::ReadWrite)
        .open(path)
}

/// Fills `buffer` with the bytes at `position`.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    if ONLY.get() {
        let wanted = buffer.len();
        let read = preadv2(
            file,
            &mut [IoSliceMut::new(buffer)],
            position,
            ReadWriteFlags::NOWAIT,
        );
        match read {
            Ok(read) if read == wanted => return Ok(()),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::AGAIN) => return Err(io::ErrorKind::WouldBlock.into()),
            // A file system that cannot tell; or a real error, which is met again.
            Err(_) => {}
        }
    }
    file.read_exact_at(buffer, position)
}
