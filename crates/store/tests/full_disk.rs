//! A write that fails half-way, as on a full disk, leaves no trace, and writing resumes when there
//! is room again. So does a log that could not be made.
//!
//! The room is a limit on file sizes, which holds for a whole process: the test runs itself anew
//! under a shell that sets it, and that ignores the signal that comes with it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::path::Path;
use std::process::Command;

use format::BatchBuilder;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store::{
    AppendArgs, AppendError, Checkpoint, Durability, FileCache, Log, LogConfig, LogDir, LogOptions,
    Origin, PartitionName,
};
use uuid::Uuid;

const CHILD_DIR: &str = "FULL_DISK_DIR";
/// In blocks of 512 bytes or 1024, as the shell has it; the batches below leave room for either.
const LIMIT_BLOCKS: u32 = 8;

#[test]
fn a_full_disk_heals() {
    if let Ok(dir) = std::env::var(CHILD_DIR) {
        fill(Path::new(&dir));
        return begin(&Path::new(&dir).join("dir"));
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

    limit_file_size(None);
    append(&log, 10_000).unwrap();
    assert_eq!(log.sync().unwrap(), 3);
    drop(log);
    let log = Log::open(&path, options, Checkpoint::UNKNOWN, 0).unwrap();
    assert_eq!(log.log_end(), 3);
}

/// Makes a log where only empty files can be, and again where there is room.
fn begin(path: &Path) {
    let dir = LogDir::open(path).unwrap();
    let (name, topic_id) = (PartitionName::new("t", 0), Uuid::from_u128(7));
    let create = || {
        let options = LogOptions {
            config: LogConfig::default(),
            durability: Durability::Fsync,
            files: FileCache::new(4),
        };
        dir.create_log(&name, topic_id, options, 0)
    };
    limit_file_size(Some(0));
    create().unwrap_err();
    dir.purge(0).unwrap();
    assert_eq!(dir.partitions().unwrap(), []);
    limit_file_size(None);
    create().unwrap();
    let found = dir.partitions().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].name, found[0].topic_id), (&name, Some(topic_id)));
}

/// `None` takes the limit away.
fn limit_file_size(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit {
        current: bytes.or(maximum),
        maximum,
    };
    setrlimit(Resource::Fsize, limit).unwrap();
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
