//! The applier in a process of its own, whose limit on open files it may change.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wire::ErrorCode;
use wire::records::metadata::{MetadataRecord, PartitionRecord, TopicRecord};

use super::*;
use crate::controller::ControllerNode;
use crate::log_levels::LogLevels;
use crate::logs::Logs;

const CHILD_DIR: &str = "APPLIER_DIR";

#[test]
fn a_log_that_could_not_be_opened_is_opened_later() {
    if let Ok(dir) = std::env::var(CHILD_DIR) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(open_later(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let name = "applier::tests::a_log_that_could_not_be_opened_is_opened_later";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD_DIR, dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

async fn open_later(dir: &str) {
    let given = [("log.dirs", dir)].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let config = BrokerConfig::new(given.into_iter().collect()).unwrap();
    let logs = Logs::open(&config).unwrap();
    let node = ControllerNode::open(&config, &logs).await.unwrap();
    let levels = LogLevels::new("info", Box::new(|_| {}));
    let broker = Broker::new(config, logs, node.channel(), levels);
    let mut image = Image::empty(broker.logs.cluster_id());
    for record in topic_of(broker.node_id) {
        image.apply(&record).unwrap();
    }
    let delta = Delta::between(&broker.image(), &image);

    let limit = getrlimit(Resource::Nofile);
    let next_descriptor = File::open("/dev/null").unwrap().as_raw_fd();
    let none_left = Rlimit {
        current: Some(next_descriptor as u64),
        ..limit
    };
    setrlimit(Resource::Nofile, none_left).unwrap();
    broker.apply(Arc::new(image), &delta);
    let state = || {
        broker
            .partition("t", 0)
            .map(|partition| partition.leader_epoch())
    };
    let first = state();
    broker.open_left_out_logs();
    let second = state();
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(first, Err(ErrorCode::KafkaStorageError));
    assert_eq!(second, Err(ErrorCode::KafkaStorageError));
    broker.open_left_out_logs();
    assert_eq!(state(), Ok(Ok(3)));
    assert!(broker.left_out.lock().is_empty());
}

/// A topic "t" of one partition that `leader` leads in epoch 3.
fn topic_of(leader: i32) -> [MetadataRecord; 2] {
    let topic_id = Uuid::from_u128(7);
    let topic = TopicRecord {
        name: "t".into(),
        topic_id,
    };
    let partition = PartitionRecord {
        partition_id: 0,
        topic_id,
        replicas: vec![leader],
        isr: vec![leader],
        leader,
        leader_epoch: 3,
        partition_epoch: 0,
        directories: vec![directory::UNASSIGNED],
        ..PartitionRecord::default()
    };
    [
        MetadataRecord::Topic(topic),
        MetadataRecord::Partition(partition),
    ]
}
