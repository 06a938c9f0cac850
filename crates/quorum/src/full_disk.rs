//! Waiting for a full disk to heal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::AppendError;

/// How long an append waits, each time.
const PAUSE: Duration = Duration::from_millis(250);

/// A full disk heals; Raft, however, takes any failure to append for the end. Gives up once the node stops.
pub(crate) fn patiently<T>(
    is_stopping: &AtomicBool,
    mut append: impl FnMut() -> Result<T, AppendError>,
) -> Result<T, AppendError> {
    loop {
        match append() {
            Err(error) if error.is_transient() && !is_stopping.load(Ordering::Relaxed) => {
                tracing::warn!(%error, "the metadata log waits");
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const ENOSPC: i32 = 28;

    fn full() -> AppendError {
        AppendError::Io(io::Error::from_raw_os_error(ENOSPC))
    }

    #[test]
    fn a_full_disk_is_waited_for_until_it_heals_or_the_node_stops() {
        let is_stopping = AtomicBool::new(false);
        let mut left = 2;
        let healed = patiently(&is_stopping, || match left {
            0 => Ok("appended"),
            _ => {
                left -= 1;
                Err(full())
            }
        });
        assert_eq!(healed.unwrap(), "appended");
        let mut tries = 0;
        let stopped = patiently::<()>(&is_stopping, || {
            tries += 1;
            is_stopping.store(tries == 2, Ordering::Relaxed);
            Err(full())
        });
        assert!(stopped.unwrap_err().is_transient());
        assert_eq!(tries, 2);
    }

    #[test]
    fn another_failure_is_told_at_once() {
        let is_stopping = AtomicBool::new(false);
        let failed = patiently::<()>(&is_stopping, || {
            Err(AppendError::Io(io::ErrorKind::InvalidInput.into()))
        });
        assert!(!failed.unwrap_err().is_transient());
    }
}
