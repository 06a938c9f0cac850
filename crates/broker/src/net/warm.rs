//! Keeps cold reads off the connection workers: what is not in the page cache is brought there by a blocking thread first.
//!
//! The first and the last page of a range are asked for without waiting. Both resident means hot: what lies between was
//! written or read ahead with them. How far to read ahead is left to the kernel, which sees one sequential reader.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::task::JoinHandle;

/// Read at a time by a blocking thread; also its buffer.
const STEP_BYTES: usize = 128 * 1024;

/// Whether `from..to` of the file can be read without waiting for the disk.
pub(super) fn is_hot(file: &File, from: u64, to: u64) -> bool {
    from >= to || (is_resident(file, from) && is_resident(file, to - 1))
}

/// Brings `from..to` of the file into memory.
pub(super) async fn populate(file: &Arc<File>, from: u64, to: u64) -> io::Result<()> {
    let file = file.clone();
    aside(move || read_through(&file, from, to))
        .await
        .unwrap_or(Err(io::ErrorKind::Interrupted.into()))
}

/// What `job` answers, done by a thread that may wait for the disk. It is not begun any more once nobody waits for it.
pub(crate) async fn aside<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let mut job = Aside(tokio::task::spawn_blocking(job));
    (&mut job.0).await.ok()
}

struct Aside<T>(JoinHandle<T>);

impl<T> Drop for Aside<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A file system that cannot tell says yes: its reads may block, as they would have.
fn is_resident(file: &File, position: u64) -> bool {
    let mut byte = [0];
    let read = preadv2(
        file,
        &mut [IoSliceMut::new(&mut byte)],
        position,
        ReadWriteFlags::NOWAIT,
    );
    !matches!(read, Err(Errno::AGAIN))
}

fn read_through(file: &File, from: u64, to: u64) -> io::Result<()> {
    let mut buffer = vec![0; STEP_BYTES];
    let mut position = from;
    while position < to {
        let step = usize::try_from(to - position)
            .unwrap_or(STEP_BYTES)
            .min(STEP_BYTES);
        let (room, _) = buffer.split_at_mut(step);
        match file.read_at(room, position)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => position += read as u64,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::fs::{Advice, fadvise};

    use super::*;

    #[tokio::test]
    async fn a_range_is_resident_afterwards() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        file.write_all_at(&vec![7; 300_000], 0).unwrap();
        file.sync_all().unwrap();
        fadvise(&*file, 0, None, Advice::DontNeed).unwrap();
        populate(&file, 1000, 300_000).await.unwrap();
        assert!(is_hot(&file, 1000, 300_000));
        assert!(
            is_hot(&file, 299_000, 300_001),
            "the last page is there, the end is the reader's matter"
        );
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let (done, order) = std::sync::mpsc::channel();
        let first = done.clone();
        runtime.block_on(async {
            let busy = tokio::spawn(aside(move || {
                gone.recv().unwrap();
                first.send(1).unwrap();
            }));
            tokio::task::yield_now().await;
            let second = done.clone();
            let left = tokio::spawn(aside(move || second.send(2).unwrap()));
            tokio::task::yield_now().await;
            left.abort();
            tokio::task::yield_now().await;
            go.send(()).unwrap();
            busy.await.unwrap();
            assert_eq!(aside(|| 3).await, Some(3));
        });
        drop(done);
        assert_eq!(order.iter().collect::<Vec<_>>(), [1]);
    }
}
