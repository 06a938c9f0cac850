//! A write that fails half-way, as on a full disk, leaves no trace, and writing resumes when there
//! is room again.
//!
//! The room is a limit on file sizes, which holds for a whole process: the test runs itself anew
//! under a shell that sets it, and that ignores the signal that comes with it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use format::BatchBuilder;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store::{
    AppendArgs, AppendError, Checkpoint, Durability, FileCache, Log, LogConfig, LogOptions, Origin,
};

const CHILD_DIR: &str = "FULL_DISK_DIR";
/// In blocks of 512 bytes or 1024, as the shell has it; the batches below leave room for either.
const LIMIT_BLOCKS: u32 = 8;

#[test]
fn a_full_disk_heals() {
    if let Ok(dir) = std::env::var(CHILD_DIR) {
        return fill(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let script = format!("trap '' XFSZ; ulimit -S -f {LIMIT_BLOCKS}; exec \"$0\" --nocapture");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD_DIR, dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

fn fill(dir: &Path) {
    let options = LogOptions {
        config: LogConfig::default(),
        durability: Durability::Fsync,
        files: FileCache::new(4),
    };
    let path = dir.join("t-0");
    let log = Log::open(&path, options.clone(), Checkpoint::UNKNOWN, 0).unwrap();
    let size_bytes = append(&log, 1000).unwrap();
    let refused = append(&log, 10_000);
    assert!(matches!(refused, Err(AppendError::Io(_))), "{refused:?}");
    let file = path.join("00000000000000000000.log");
    assert_eq!(file.metadata().unwrap().len(), size_bytes);
    assert!(!log.failed());
    append(&log, 100).unwrap();

    let limit = getrlimit(Resource::Fsize);
    let wide = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Fsize, wide).unwrap();
    append(&log, 10_000).unwrap();
    assert_eq!(log.sync().unwrap(), 3);
    drop(log);
    let log = Log::open(&path, options, Checkpoint::UNKNOWN, 0).unwrap();
    assert_eq!(log.log_end(), 3);
}

/// Appends one record. Returns the size of the log.
fn append(log: &Log, value_bytes: usize) -> Result<u64, AppendError> {
    let mut builder = BatchBuilder::new(0);
    builder.append(1, None, Some(&vec![7; value_bytes]), &[]);
    let args = AppendArgs {
        leader_epoch: 0,
        now_ms: 0,
        origin: Origin::Client,
    };
    log.append(&mut builder.build().unwrap().to_vec(), args)?;
    Ok(log.size_bytes())
}
