use super::*;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Committed;
use crate::sidecar::Sidecar;

pub(crate) fn options(log_dir: &Path) -> QuorumOptions {
    QuorumOptions {
        log_dir: log_dir.to_owned(),
        directory_id: Uuid::from_u128(11),
        node_id: 1,
        endpoints: vec![Endpoint {
            name: "CONTROLLER".to_owned(),
            host: "localhost".to_owned(),
            port: 9093,
        }],
        segment_bytes: 1 << 20,
        segment_ms: i64::MAX,
        files: FileCache::new(100),
    }
}

async fn open(dir: &Path) -> Quorum {
    Quorum::open(options(dir)).await.unwrap()
}

async fn ready(quorum: &Quorum) -> i32 {
    let mut leadership = quorum.leadership();
    let ready = tokio::time::timeout(Duration::from_secs(10), leadership.wait_for(|l| l.ready));
    ready.await.unwrap().unwrap().epoch
}

fn records(text: &str) -> Vec<Bytes> {
    text.split(' ')
        .map(|word| Bytes::copy_from_slice(word.as_bytes()))
        .collect()
}

/// Everything committed up to `end_offset`, snapshots in brackets.
async fn observe(quorum: &Quorum, end_offset: i64) -> Vec<String> {
    let mut observer = quorum.committed();
    let mut seen = Vec::new();
    let mut position = 0;
    while position < end_offset {
        let step = tokio::time::timeout(Duration::from_secs(10), observer.next());
        let step = step.await.unwrap().unwrap();
        let join = |records: &[Bytes]| {
            let words = records.iter().map(|record| str::from_utf8(record).unwrap());
            words.collect::<Vec<_>>().join(" ")
        };
        match &step {
            Committed::Snapshot { records, .. } => seen.push(format!("[{}]", join(records))),
            Committed::Batch {
                base_offset,
                records,
                ..
            } => {
                assert_eq!(*base_offset, position);
                if !records.is_empty() {
                    seen.push(join(records));
                }
            }
        }
        position = step.end_offset();
    }
    seen
}

/// Has two leaders after one another agree on something, and stops. Answers where the metadata log is.
pub(crate) fn committed_twice(log_dir: &Path) -> std::path::PathBuf {
    for words in ["a bc", "d"] {
        runtime().block_on(async {
            let quorum = open(log_dir).await;
            let epoch = ready(&quorum).await;
            quorum.propose(records(words), epoch).await.unwrap();
            quorum.shut_down().await.unwrap();
        });
    }
    log_dir.join(METADATA_LOG_DIR)
}

/// As [`committed_twice`], and then has a third leader agree on something and killed, before it notes that anywhere.
pub(crate) fn committed_then_killed(log_dir: &Path) -> std::path::PathBuf {
    let dir = committed_twice(log_dir);
    let runtime = runtime();
    let quorum = runtime.block_on(async {
        let quorum = open(log_dir).await;
        let epoch = ready(&quorum).await;
        quorum.propose(records("e fgh"), epoch).await.unwrap();
        quorum
    });
    crash(runtime, quorum);
    dir
}

/// As after SIGKILL: nothing is closed, and the tasks are gone.
fn crash(runtime: tokio::runtime::Runtime, quorum: Quorum) {
    runtime.shutdown_background();
    drop(quorum);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_new_quorum_leads_at_once_and_agrees() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let started = Instant::now();
        let quorum = open(dir.path()).await;
        assert_eq!(ready(&quorum).await, 1);
        assert!(
            started.elapsed() < Duration::from_millis(900),
            "{:?}",
            started.elapsed()
        );

        // KRaftVersion, KRaftVoters, LeaderChange come first.
        assert_eq!(quorum.propose(records("a b"), 1).await, Ok(4));
        assert_eq!(quorum.propose(records("c"), 1).await, Ok(5));
        assert_eq!(
            quorum.propose(records("d"), 2).await,
            Err(ProposeError::NotLeader(2))
        );
        assert_eq!(
            quorum.propose(Vec::new(), 1).await,
            Err(ProposeError::Empty)
        );
        assert_eq!(observe(&quorum, 6).await, ["a b", "c"]);

        let status = quorum.status();
        assert_eq!((status.leader_id, status.leader_epoch), (Some(1), 1));
        assert_eq!((status.high_watermark, status.log_end_offset), (6, 6));
        assert_eq!(status.voters.len(), 1);
        assert_eq!(status.voters[0].endpoints[0].port, 9093);
        assert_eq!(status.voters[0].log_end_offset, 6);
        quorum.shut_down().await.unwrap();
    });
    let quorum_state =
        std::fs::read_to_string(dir.path().join(METADATA_LOG_DIR).join("quorum-state"));
    let expected = r#"{"leaderId":1,"leaderEpoch":1,"votedId":1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAACw","data_version":1}"#;
    assert_eq!(quorum_state.unwrap(), expected);
}

#[test]
fn what_was_acknowledged_outlives_kills_in_new_epochs() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for start in 1..=4 {
        let runtime = runtime();
        let quorum = runtime.block_on(async {
            let quorum = open(dir.path()).await;
            let epoch = ready(&quorum).await;
            assert_eq!(epoch, start, "each start is an epoch of its own");
            let mut last_offset = 0;
            for proposal in 0..5 {
                let text = format!("{start}.{proposal} x");
                last_offset = quorum.propose(records(&text), epoch).await.unwrap();
                expected.push(text);
            }
            assert_eq!(observe(&quorum, last_offset + 1).await, expected);
            quorum
        });
        crash(runtime, quorum);
    }
}

#[test]
fn a_torn_tail_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let first = runtime();
    let quorum = first.block_on(async {
        let quorum = open(dir.path()).await;
        let epoch = ready(&quorum).await;
        quorum.propose(records("kept"), epoch).await.unwrap();
        quorum
    });
    crash(first, quorum);
    let log = dir
        .path()
        .join(METADATA_LOG_DIR)
        .join("00000000000000000000.log");
    let whole = std::fs::read(&log).unwrap();
    let unfinished = log.with_file_name("00000000000000000009-0000000001.checkpoint.tmp");
    std::fs::write(&unfinished, b"half").unwrap();
    let mut file = OpenOptions::new().append(true).open(&log).unwrap();
    // A batch that was being written: half of the first one.
    file.write_all(&whole[..90]).unwrap();
    runtime().block_on(async {
        let quorum = open(dir.path()).await;
        let epoch = ready(&quorum).await;
        let last_offset = quorum.propose(records("more"), epoch).await.unwrap();
        assert_eq!(observe(&quorum, last_offset + 1).await, ["kept", "more"]);
    });
    assert!(!unfinished.exists());
}

#[test]
fn a_checkpoint_stands_for_what_it_covers() {
    let dir = tempfile::tempdir().unwrap();
    let first = runtime();
    let quorum = first.block_on(async {
        let quorum = open(dir.path()).await;
        let epoch = ready(&quorum).await;
        let mut observer = quorum.committed();
        let covered = quorum.propose(records("a b"), epoch).await.unwrap() + 1;
        quorum.propose(records("c"), epoch).await.unwrap();

        // Not where a batch ends, and not in that epoch.
        assert!(
            quorum
                .write_snapshot(covered - 1, epoch, records("x"))
                .await
                .is_err()
        );
        assert!(
            quorum
                .write_snapshot(covered, epoch + 1, records("x"))
                .await
                .is_err()
        );
        quorum
            .write_snapshot(covered, epoch, records("sum"))
            .await
            .unwrap();
        assert_eq!(observe(&quorum, covered + 1).await, ["[sum]", "c"]);
        // Who follows the log need not start over, as long as the log is there.
        while let Committed::Batch { end_offset, .. } = observer.next().await.unwrap() {
            if end_offset > covered {
                break;
            }
        }
        quorum
    });
    crash(first, quorum);
    runtime().block_on(async {
        let quorum = open(dir.path()).await;
        let epoch = ready(&quorum).await;
        let end_offset = quorum.propose(records("d"), epoch).await.unwrap() + 1;
        assert_eq!(observe(&quorum, end_offset).await, ["[sum]", "c", "d"]);
        quorum
            .write_snapshot(end_offset, epoch, records("all"))
            .await
            .unwrap();
        assert_eq!(observe(&quorum, end_offset).await, ["[all]"]);
        let names = std::fs::read_dir(dir.path().join(METADATA_LOG_DIR)).unwrap();
        let checkpoints = names
            .filter(|file| file.as_ref().unwrap().path().extension() == Some("checkpoint".as_ref()))
            .count();
        assert_eq!(checkpoints, 1);
    });
}

#[test]
fn a_missing_checkpoint_is_named_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let first = runtime();
    let (quorum, end_offset, epoch) = first.block_on(async {
        let quorum = open(dir.path()).await;
        let epoch = ready(&quorum).await;
        let end_offset = quorum.propose(records("a"), epoch).await.unwrap() + 1;
        quorum
            .write_snapshot(end_offset, epoch, records("sum"))
            .await
            .unwrap();
        (quorum, end_offset, epoch)
    });
    let path = CheckpointId { end_offset, epoch }.path(&dir.path().join(METADATA_LOG_DIR));
    std::fs::remove_file(&path).unwrap();
    // Who reads it while the node runs is told, too.
    let observed = first.block_on(async { quorum.committed().next().await });
    let error = observed.unwrap_err().to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    crash(first, quorum);
    let refused = runtime().block_on(Quorum::open(options(dir.path())));
    let error = refused.err().unwrap().to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn the_log_behind_a_checkpoint_goes_and_the_quorum_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let quorum = open(dir.path()).await;
        let epoch = ready(&quorum).await;
        let mut observer = quorum.committed();
        assert!(observer.next().await.is_ok());
        let mut end_offset = 0;
        for _ in 0..ENTRIES_KEPT + 50 {
            end_offset = quorum.propose(records("n"), epoch).await.unwrap() + 1;
        }
        quorum
            .write_snapshot(end_offset, epoch, records("sum"))
            .await
            .unwrap();
        let mut purged = quorum.raft.metrics();
        purged
            .wait_for(|metrics| metrics.purged.is_some())
            .await
            .unwrap();
        assert!(quorum.disk.log_start() > 40);
        // One who had read a little gets the checkpoint for the rest.
        let step = loop {
            match observer.next().await.unwrap() {
                Committed::Batch { .. } => {}
                snapshot => break snapshot,
            }
        };
        assert_eq!(step.end_offset(), end_offset);
        quorum.shut_down().await.unwrap();
    });
    runtime().block_on(async {
        let quorum = open(dir.path()).await;
        let epoch = ready(&quorum).await;
        let end_offset = quorum.propose(records("after"), epoch).await.unwrap() + 1;
        assert_eq!(observe(&quorum, end_offset).await, ["[sum]", "after"]);
    });
}

#[test]
fn a_node_with_another_disk_is_told_that_it_is_no_voter() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let quorum = open(dir.path()).await;
        ready(&quorum).await;
        quorum.shut_down().await.unwrap();
        let stranger = QuorumOptions {
            directory_id: Uuid::from_u128(12),
            ..options(dir.path())
        };
        let refused = Quorum::open(stranger).await;
        assert!(matches!(refused, Err(OpenError::NotAVoter { .. })));
    });
}

#[test]
fn a_log_that_cannot_be_written_ends_the_quorum_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let quorum = Quorum {
            max_batch_bytes: usize::MAX,
            ..open(dir.path()).await
        };
        let epoch = ready(&quorum).await;
        // More than a segment may hold, and nobody looks before: the append fails, and Raft cannot go on.
        let huge = vec![Bytes::from(vec![0; 2 << 20])];
        let refused = quorum.propose(huge, epoch).await;
        assert!(
            matches!(refused, Err(ProposeError::Failed(_))),
            "{refused:?}"
        );
        let reason = tokio::time::timeout(Duration::from_secs(5), quorum.failure())
            .await
            .unwrap();
        assert!(reason.contains("segment"), "{reason}");
        let mut leadership = quorum.leadership();
        let gone = leadership.wait_for(|leadership| !leadership.ready);
        tokio::time::timeout(Duration::from_secs(5), gone)
            .await
            .unwrap()
            .unwrap();
    });
}

#[test]
fn a_sidecar_of_the_future_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let write = |version: u16| {
        let state = format!(
            r#"{{"version":{version},"vote":null,"committed":null,"purged":null,"first_index":0,"first_offset":0,"memberships":[],"checkpoint":null}}"#
        );
        let crc = format::crc::crc32c(state.as_bytes());
        std::fs::write(
            dir.path().join("raft-state"),
            format!("{state}\n{crc:08x}\n"),
        )
        .unwrap();
    };
    write(3);
    assert!(Sidecar::open(dir.path()).is_err());
    write(2);
    assert!(Sidecar::open(dir.path()).is_ok());
}
