use super::*;
use crate::LogConfig;
use crate::test_support::*;

fn create_log(log_dir: &LogDir, name: &PartitionName, topic_id: u128) -> Result<Log, OpenError> {
    let options = options(LogConfig::default());
    log_dir.create_log(name, Uuid::from_u128(topic_id), options, NOW_MS)
}

#[test]
fn a_directory_is_used_once() {
    let dir = tempfile::tempdir().unwrap();
    let held = LogDir::open(dir.path()).unwrap();
    assert!(matches!(
        LogDir::open(dir.path()),
        Err(LogDirError::Locked(_))
    ));
    drop(held);
    LogDir::open(dir.path()).unwrap();
}

#[test]
fn checkpoints_and_the_mark_survive_a_clean_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let name = PartitionName::new("topic", 3);
    let topic_id = Uuid::from_u128(77);
    let log_dir = LogDir::open(dir.path()).unwrap();
    assert_eq!(log_dir.clean_shutdown(), None);
    let log = log_dir
        .create_log(&name, topic_id, options(LogConfig::default()), NOW_MS)
        .unwrap();
    append(&log, batch(NOW_MS, 5, 10));
    log.delete_records_before(2).unwrap();
    log.close().unwrap();
    log_dir
        .write_recovery_points([(name.clone(), log.recovery_point())])
        .unwrap();
    log_dir
        .write_log_starts([(name.clone(), log.log_start())])
        .unwrap();
    log_dir.write_high_watermarks([(name.clone(), 4)]).unwrap();
    log_dir.close(42).unwrap();
    drop(log_dir);
    let text = |file: &str| fs::read_to_string(dir.path().join(file)).unwrap();
    assert_eq!(
        text(RECOVERY_POINTS),
        "0\n2\ntopic 3 5\n#crc32c -380023860 0\n"
    );
    assert_eq!(text(CLEAN_SHUTDOWN), "{\"version\":0,\"brokerEpoch\":42}");

    let log_dir = LogDir::open(dir.path()).unwrap();
    assert_eq!(
        log_dir.clean_shutdown(),
        Some(CleanShutdown { broker_epoch: 42 })
    );
    assert_eq!(log_dir.high_watermark(&name), Some(4));
    let found = log_dir.partitions().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].name, found[0].topic_id), (&name, Some(topic_id)));
    let log = log_dir
        .open_log(&name, options(LogConfig::default()), NOW_MS)
        .unwrap();
    assert_eq!(
        (log.log_start(), log.log_end(), log.recovery_point()),
        (2, 5, 5)
    );
    drop(log_dir);
    assert_eq!(
        LogDir::open(dir.path()).unwrap().clean_shutdown(),
        None,
        "the mark holds once"
    );
}

#[test]
fn a_deleted_log_is_renamed_then_removed() {
    let dir = tempfile::tempdir().unwrap();
    let log_dir = LogDir::open(dir.path()).unwrap();
    let name = PartitionName::new("topic", 0);
    let log = log_dir
        .create_log(&name, Uuid::nil(), options(LogConfig::default()), NOW_MS)
        .unwrap();
    append(&log, batch(NOW_MS, 5, 10));
    log_dir.delete_log(&log, &name, NOW_MS).unwrap();
    let found = log_dir.partitions().unwrap();
    assert_eq!((found.len(), found[0].kind), (1, PartitionKind::Deleted));
    assert_eq!(read_all(&log, 0), [(0, 4)]);
    log_dir.purge(NOW_MS + 59_999).unwrap();
    assert!(found[0].path.is_dir());
    log_dir.purge(NOW_MS + 60_000).unwrap();
    assert!(!found[0].path.exists());
}

#[test]
fn a_new_log_never_takes_up_what_another_topic_left() {
    let dir = tempfile::tempdir().unwrap();
    let log_dir = LogDir::open(dir.path()).unwrap();
    let name = PartitionName::new("topic", 0);
    let create = |topic_id| create_log(&log_dir, &name, topic_id);
    let former = create(1).unwrap();
    append(&former, batch(NOW_MS, 5, 10));
    drop(former);
    assert_eq!(create(2).unwrap().log_end(), 0);
    let mut found = log_dir.partitions().unwrap();
    found.sort_by_key(|found| found.topic_id);
    let kinds: Vec<_> = found.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [PartitionKind::Stray, PartitionKind::Current]);
}

#[test]
fn a_new_log_waits_until_no_checkpoint_has_the_offsets_of_an_older_one() {
    let dir = tempfile::tempdir().unwrap();
    let log_dir = LogDir::open(dir.path()).unwrap();
    let name = PartitionName::new("topic", 0);
    let create = |topic_id| create_log(&log_dir, &name, topic_id);
    let old = create(1).unwrap();
    log_dir.write_log_starts([(name.clone(), 1_000)]).unwrap();
    log_dir
        .write_recovery_points([(name.clone(), 1_000)])
        .unwrap();
    log_dir.delete_log(&old, &name, NOW_MS).unwrap();
    // No file can be made where a directory is.
    let in_the_way = dir.path().join(format!("{LOG_STARTS}.tmp"));
    fs::create_dir(&in_the_way).unwrap();
    assert!(log_dir.write_log_starts([]).is_err());
    assert!(create(2).is_err());
    fs::remove_dir(&in_the_way).unwrap();
    let log = create(2).unwrap();
    append(&log, batch(NOW_MS, 5, 10));
    log.sync().unwrap();
    drop((log, log_dir));
    let log_dir = LogDir::open(dir.path()).unwrap();
    let log = log_dir
        .open_log(&name, options(LogConfig::default()), NOW_MS)
        .unwrap();
    assert_eq!((log.log_start(), log.log_end()), (0, 5));
}

#[test]
fn what_cannot_be_removed_keeps_nothing_else_and_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let log_dir = LogDir::open(dir.path()).unwrap();
    let found: Vec<FoundPartition> = ["bad-0", "good-0"]
        .map(|name| FoundPartition {
            name: PartitionName::new(name, 0),
            kind: PartitionKind::Deleted,
            topic_id: None,
            is_marked: false,
            path: dir.path().join(name),
        })
        .into();
    // No directory, and so not removed as one.
    fs::write(&found[0].path, b"").unwrap();
    fs::create_dir(&found[1].path).unwrap();
    found.iter().for_each(|found| log_dir.delete_found(found));
    assert!(log_dir.purge(NOW_MS).is_err());
    assert!(!found[1].path.exists());
    fs::remove_file(&found[0].path).unwrap();
    fs::create_dir(&found[0].path).unwrap();
    log_dir.purge(NOW_MS + REMOVE_AGAIN_AFTER_MS).unwrap();
    assert!(!found[0].path.exists());
}

#[test]
fn a_log_that_cannot_be_opened_is_deleted_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let log_dir = LogDir::open(dir.path()).unwrap();
    let name = PartitionName::new("topic", 0);
    log_dir.delete_unopened(&name, NOW_MS).unwrap();
    fs::create_dir(dir.path().join("topic-0")).unwrap();
    log_dir.delete_unopened(&name, NOW_MS).unwrap();
    let found = log_dir.partitions().unwrap();
    assert_eq!((found.len(), found[0].kind), (1, PartitionKind::Deleted));
    log_dir.purge(NOW_MS).unwrap();
    assert!(!found[0].path.exists());
}
