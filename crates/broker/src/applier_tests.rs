//! The applier in a process of its own, whose limit on open files it may change.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wire::ErrorCode;
use wire::records::metadata::{MetadataRecord, PartitionRecord, RemoveTopicRecord, TopicRecord};

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

async fn broker(dir: &str) -> (Broker, ControllerNode) {
    let given = [("log.dirs", dir)].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let config = BrokerConfig::new(given.into_iter().collect()).unwrap();
    let logs = Logs::open(&config).unwrap();
    let node = ControllerNode::open(&config, &logs).await.unwrap();
    let levels = LogLevels::new("info", Box::new(|_| {}));
    let broker = Broker::new(config, logs, node.channel(), levels);
    (broker, node)
}

/// Applies what `records` change of the image.
fn apply(broker: &Broker, records: &[MetadataRecord]) {
    let mut image = Image::clone(&broker.image());
    for record in records {
        image.apply(record).unwrap();
    }
    let delta = Delta::between(&broker.image(), &image);
    broker.apply(Arc::new(image), &delta);
}

async fn open_later(dir: &str) {
    let (broker, _node) = broker(dir).await;

    let limit = getrlimit(Resource::Nofile);
    let next_descriptor = File::open("/dev/null").unwrap().as_raw_fd();
    let none_left = Rlimit {
        current: Some(next_descriptor as u64),
        ..limit
    };
    setrlimit(Resource::Nofile, none_left).unwrap();
    apply(&broker, &topic_of(broker.node_id, 7));
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

/// A log that could not be opened, of a topic that is deleted then, leaves nothing to the next topic of that name.
#[tokio::test]
async fn a_topic_begins_anew_after_one_whose_log_could_not_be_opened() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().to_str().unwrap();
    let starts = temp.path().join("log-start-offset-checkpoint");
    let (first, _node) = broker(dir).await;
    let leader = first.node_id;
    apply(&first, &topic_of(leader, 7));
    drop((first, _node));
    std::fs::write(&starts, "0\n1\nt 0 1000000\n").unwrap();
    let log = temp.path().join("t-0/00000000000000000000.log");
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();

    let (second, _node) = broker(dir).await;
    apply(&second, &topic_of(leader, 7));
    let state = second.partition("t", 0).err();
    assert_eq!(state, Some(ErrorCode::KafkaStorageError));
    second.logs.checkpoint_log_starts(&second.topics);
    let told = std::fs::read_to_string(&starts).unwrap();
    assert!(told.contains("t 0 1000000"), "it is needed yet: {told}");
    let removed = RemoveTopicRecord {
        topic_id: Uuid::from_u128(7),
    };
    apply(&second, &[MetadataRecord::RemoveTopic(removed)]);
    assert!(!log.exists());
    apply(&second, &topic_of(leader, 8));
    let partition = second.partition("t", 0).unwrap();
    assert_eq!(partition.log().log_end(), 0);
    second.logs.checkpoint_log_starts(&second.topics);
    let told = std::fs::read_to_string(&starts).unwrap();
    assert!(!told.contains("t 0"), "{told}");
    second.logs.close(&second.topics, 1);
    assert!(temp.path().join(".kafka_cleanshutdown").exists());
}

/// A topic "t" of one partition that `leader` leads in epoch 3.
fn topic_of(leader: i32, id: u128) -> [MetadataRecord; 2] {
    let topic_id = Uuid::from_u128(id);
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
