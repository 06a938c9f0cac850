//! Segments' logs that recovery set aside for somebody to look at: their names, and how long they are kept.
//!
//! One may be the only copy of acknowledged records. So it is kept for `retention.ms` from when it was set aside, and until
//! retention would have removed it from the log; where nothing is deleted by time, until somebody removes the file, or the
//! partition is deleted.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use format::NO_TIMESTAMP;
use uuid::Uuid;

use crate::log::Log;
use crate::names::{FileKind, file_name, parse_file_name};
use crate::scan::HeaderScan;
use crate::sync::remove_if_there;

const STRAY_SUFFIX: &str = ".stray";

/// Where the segment's log is set aside, within the partition's directory: a name that neither we nor Kafka read.
pub(crate) fn new_name(base_offset: i64) -> PathBuf {
    let log = file_name(base_offset, FileKind::Log);
    format!("{log}.{}{STRAY_SUFFIX}", Uuid::new_v4().simple()).into()
}

pub(crate) fn is_stray(name: &str) -> bool {
    let unique = name.strip_suffix(STRAY_SUFFIX);
    let log = unique.and_then(|unique| Some(unique.rsplit_once('.')?.0));
    log.and_then(parse_file_name)
        .is_some_and(|(_, kind)| kind == FileKind::Log)
}

impl Log {
    /// Unlinks what has been set aside for long enough.
    pub(crate) fn drop_strays(&self, now_ms: i64) {
        let config = self.config();
        if !config.cleanup_delete || config.retention_ms < 0 {
            return;
        }
        let due_ms = now_ms.saturating_sub(config.retention_ms);
        let dir = self.path();
        self.strays.lock().retain(|name| {
            let path = dir.join(name);
            let dropped = is_due(&path, due_ms).and_then(|is_due| {
                if is_due {
                    tracing::warn!(path = %path.display(), "dropping what was set aside: retention is over");
                    remove_if_there(&path)?;
                }
                Ok(is_due)
            });
            match dropped {
                Ok(is_dropped) => !is_dropped,
                // Somebody has looked at it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "what was set aside is not dropped");
                    true
                }
            }
        });
    }
}

/// Whether the file was set aside before `due_ms`, and has no record that is younger, as far as it can be read.
fn is_due(path: &Path, due_ms: i64) -> io::Result<bool> {
    // A file's renaming counts as its change.
    if fs::metadata(path)?.ctime().saturating_mul(1000) >= due_ms {
        return Ok(false);
    }
    let times = HeaderScan::open(path)?
        .map_while(Result::ok)
        .map(|batch| batch.header.max_timestamp);
    Ok(times.max().unwrap_or(NO_TIMESTAMP) < due_ms)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::test_support::*;
    use crate::{Checkpoint, LogConfig};

    fn strays(dir: &Path) -> usize {
        let names = file_names(dir);
        names.iter().filter(|name| is_stray(name)).count()
    }

    #[test]
    fn only_what_recovery_set_aside_is_a_stray() {
        let name = new_name(7).into_os_string().into_string().unwrap();
        assert!(is_stray(&name), "{name}");
        assert_eq!(parse_file_name(&name), None);
        for other in [
            "00000000000000000007.log",
            "00000000000000000007.log.stray",
            "00000000000000000007.index.0.stray",
            "notes.0.stray",
        ] {
            assert!(!is_stray(other), "{other}");
        }
    }

    #[test]
    fn what_was_set_aside_goes_when_retention_is_over_and_not_before() {
        const RETENTION_MS: i64 = 1_000_000;
        let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let now_ms = i64::try_from(since_epoch.as_millis()).unwrap();
        let in_a_day_ms = now_ms + 24 * 60 * 60 * 1000;
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("t-0");
        let config = |retention_ms, cleanup_delete| LogConfig {
            retention_ms,
            cleanup_delete,
            ..small_segments()
        };
        let log = open(&dir, config(-1, true));
        for _ in 0..20 {
            append(&log, batch(NOW_MS, 2, 40));
        }
        append(&log, batch(in_a_day_ms, 2, 40));
        log.sync().unwrap();
        let all = log.segment_count();
        drop(log);
        let checkpoint = Checkpoint {
            recovery_point: 1_000,
            log_start: 1_000,
            clean: false,
        };
        let reopened = |config| Log::open(&dir, options(config), checkpoint, NOW_MS).unwrap();
        for log in [
            reopened(config(-1, true)),
            reopened(config(0, false)),
            reopened(config(RETENTION_MS, true)),
        ] {
            log.apply_retention(now_ms + RETENTION_MS - 10_000, 1_000)
                .unwrap();
            assert_eq!(strays(&dir), all);
        }
        // As an administrator may do.
        let names = file_names(&dir);
        let first = names.iter().find(|name| is_stray(name)).unwrap();
        let log = reopened(config(RETENTION_MS, true));
        fs::remove_file(dir.join(first)).unwrap();
        log.apply_retention(now_ms + RETENTION_MS + 10_000, 1_000)
            .unwrap();
        assert_eq!(strays(&dir), 1, "one has a younger record");
        log.apply_retention(in_a_day_ms + RETENTION_MS + 1, 1_000)
            .unwrap();
        assert_eq!(strays(&dir), 0);
        assert!(log.strays.lock().is_empty());
    }
}
