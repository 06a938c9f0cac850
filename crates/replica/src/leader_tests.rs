use std::time::Duration;

use format::{BatchBuilder, Compression};
use store::{Checkpoint, Durability, FileCache, LogConfig, LogOptions};

use super::*;

struct Fixture {
    _dir: tempfile::TempDir,
    disk: Arc<Disk>,
    partition: Arc<Partition>,
}

fn fixture(durability: Durability) -> Fixture {
    fixture_with(durability, LogConfig::default())
}

fn fixture_with(durability: Durability, config: LogConfig) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions {
        config,
        durability,
        files: FileCache::new(16),
    };
    let log = Log::open(&dir.path().join("t-0"), options, Checkpoint::UNKNOWN, 0).unwrap();
    let disk = Disk::start("test").unwrap();
    let partition = Partition::new("t".into(), Uuid::nil(), 0, Arc::new(log), disk.clone());
    partition.become_leader(0);
    Fixture {
        _dir: dir,
        disk,
        partition,
    }
}

fn batch() -> Vec<u8> {
    let mut builder = BatchBuilder::new(0).compression(Compression::None, None);
    builder.append(1, Some(b"k"), Some(b"v"), &[]);
    builder.build().unwrap().to_vec()
}

fn append(partition: &Arc<Partition>) -> Result<Appended, AppendError> {
    partition.append(&mut batch(), Origin::Client, 1)
}

#[test]
fn in_page_cache_mode_an_append_is_visible_at_once() {
    let fixture = fixture(Durability::PageCache);
    append(&fixture.partition).unwrap();
    assert_eq!(fixture.partition.high_watermark(), 1);
}

#[test]
fn flush_ms_syncs_what_the_page_cache_has() {
    let config = |flush_ms| LogConfig {
        flush_ms,
        ..LogConfig::default()
    };
    for (flush_ms, synced_end) in [(0, 1), (60_000, 0)] {
        let fixture = fixture_with(Durability::PageCache, config(flush_ms));
        append(&fixture.partition).unwrap();
        fixture.partition.flush_if_due();
        fixture.disk.stop();
        assert_eq!(fixture.partition.log().synced_end(), synced_end);
    }
}

#[tokio::test]
async fn in_fsync_mode_the_high_watermark_follows_the_sync() {
    let fixture = fixture(Durability::Fsync);
    let appended = append(&fixture.partition).unwrap();
    let waiter = Waiter::new(1);
    fixture
        .partition
        .await_offset(Cause::HighWatermark, appended.last_offset + 1, &waiter);
    tokio::time::timeout(Duration::from_secs(10), waiter.due())
        .await
        .unwrap();
    assert_eq!(fixture.partition.high_watermark(), 1);
    assert_eq!(fixture.partition.log().durable_end(), 1);
    fixture.disk.stop();
}

#[tokio::test]
async fn a_fetch_is_woken_when_enough_bytes_are_visible() {
    let fixture = fixture(Durability::Fsync);
    let waiter = Waiter::new(2 * batch().len() as i64);
    fixture.partition.await_bytes(&waiter);
    append(&fixture.partition).unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(50), waiter.due())
            .await
            .is_err()
    );
    append(&fixture.partition).unwrap();
    tokio::time::timeout(Duration::from_secs(10), waiter.due())
        .await
        .unwrap();
    fixture.partition.unregister(&waiter);
}

#[tokio::test]
async fn losing_leadership_wakes_and_refuses() {
    let fixture = fixture(Durability::Fsync);
    let waiter = Waiter::new(1);
    fixture
        .partition
        .await_offset(Cause::HighWatermark, 5, &waiter);
    fixture.partition.resign();
    tokio::time::timeout(Duration::from_secs(1), waiter.due())
        .await
        .unwrap();
    assert!(matches!(
        append(&fixture.partition),
        Err(AppendError::Leadership(LeadershipError::NotLeader))
    ));
}

#[test]
fn leader_epochs_are_compared() {
    let fixture = fixture(Durability::PageCache);
    fixture.partition.become_leader(3);
    assert_eq!(fixture.partition.check_leader_epoch(-1), Ok(3));
    assert_eq!(
        fixture.partition.check_leader_epoch(2),
        Err(LeadershipError::FencedEpoch)
    );
    assert_eq!(
        fixture.partition.check_leader_epoch(4),
        Err(LeadershipError::UnknownEpoch)
    );
    fixture.partition.become_leader(2);
    assert_eq!(
        fixture.partition.leader_epoch(),
        Ok(3),
        "an older epoch changes nothing"
    );
}

#[test]
fn a_flusher_stops_under_load() {
    let fixture = fixture(Durability::Fsync);
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stopped.load(Ordering::Acquire) {
                append(&fixture.partition).unwrap();
            }
        });
        std::thread::sleep(Duration::from_millis(20));
        fixture.disk.stop();
        stopped.store(true, Ordering::Release);
    });
    assert!(fixture.partition.log().durable_end() > 0);
}

#[test]
fn a_deleted_log_fails_nobody() {
    let fixture = fixture(Durability::Fsync);
    append(&fixture.partition).unwrap();
    fixture.partition.resign();
    std::fs::remove_dir_all(fixture.partition.log().path()).unwrap();
    assert!(fixture.partition.sync().is_ok());
    fixture.disk.stop();
    assert!(!fixture.disk.failed());
}

#[tokio::test]
async fn a_partition_lost_before_the_wait_began_ends_it() {
    let fixture = fixture(Durability::Fsync);
    fixture.disk.stop();
    append(&fixture.partition).unwrap();
    fixture.partition.take_offline();
    let waiter = Waiter::new(1);
    fixture
        .partition
        .await_offset(Cause::HighWatermark, 1, &waiter);
    let due = tokio::time::timeout(Duration::from_secs(5), waiter.due()).await;
    assert!(due.is_ok());
}

#[test]
fn a_resigned_partition_hides_that_its_files_are_gone_but_not_that_its_disk_failed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t-0");
    let open = || {
        let options = LogOptions {
            config: LogConfig::default(),
            durability: Durability::Fsync,
            files: FileCache::new(16),
        };
        Log::open(&path, options, Checkpoint::UNKNOWN, 0).unwrap()
    };
    open().close().unwrap();
    let file = path.join("00000000000000000000.log");
    let disk = Disk::start("test").unwrap();
    for is_lost in [true, false] {
        if is_lost {
            // Takes every write, and refuses to be synced.
            std::fs::remove_file(&file).unwrap();
            std::os::unix::fs::symlink("/dev/null", &file).unwrap();
        }
        let log = Arc::new(open());
        let partition = Partition::new("t".into(), Uuid::nil(), 0, log, disk.clone());
        partition.become_leader(0);
        // The flusher has none of it.
        let args = AppendArgs {
            leader_epoch: 0,
            now_ms: 1,
            origin: Origin::Client,
        };
        partition.log.append(&mut batch(), args).unwrap();
        partition.resign();
        if !is_lost {
            std::fs::remove_dir_all(&path).unwrap();
        }
        assert_eq!(partition.sync().is_err(), is_lost);
        let _ = std::fs::remove_file(&file);
    }
    disk.stop();
}
