//! Fetches of a broker in this process, whose log is in the page cache or is not.

use std::fs::File;
use std::path::Path;

use config::BrokerConfig;
use controller::image::directory;
use controller::{Delta, Image};
use format::BatchBuilder;
use rustix::fs::{Advice, fadvise};
use store::Origin;
use uuid::Uuid;
use wire::records::metadata::{MetadataRecord, PartitionRecord, TopicRecord};
use wire::request::{FetchPartition, FetchTopic};
use wire::{ApiKey, RequestHeader};

use super::*;
use crate::broker::Broker;
use crate::controller::ControllerNode;
use crate::log_levels::LogLevels;
use crate::logs::Logs;
use crate::net::connection::Peer;

/// A broker with one topic of two partitions.
struct Fixture {
    dir: tempfile::TempDir,
    broker: Arc<Broker>,
    _node: ControllerNode,
}

impl Fixture {
    async fn new() -> Self {
        // On the file system that has been built on: others may be in memory altogether.
        let built = std::env::current_exe().unwrap();
        let dir = tempfile::tempdir_in(built.parent().unwrap()).unwrap();
        let given = [
            ("log.dirs", dir.path().to_str().unwrap()),
            ("log.durability", "page-cache"),
            ("fetch.max.bytes", "100000"),
        ];
        let given = given.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = BrokerConfig::new(given.into_iter().collect()).unwrap();
        let logs = Logs::open(&config).unwrap();
        let node = ControllerNode::open(&config, &logs).await.unwrap();
        let levels = LogLevels::new("info", Box::new(|_| {}));
        let broker = Broker::new(config, logs, node.channel(), levels);
        let topic_id = Uuid::from_u128(7);
        let mut image = Image::clone(&broker.image());
        let topic = TopicRecord {
            name: "t".into(),
            topic_id,
        };
        image.apply(&MetadataRecord::Topic(topic)).unwrap();
        for partition_id in 0..2 {
            let partition = PartitionRecord {
                partition_id,
                topic_id,
                replicas: vec![broker.node_id],
                isr: vec![broker.node_id],
                leader: broker.node_id,
                leader_epoch: 1,
                directories: vec![directory::UNASSIGNED],
                ..PartitionRecord::default()
            };
            image.apply(&MetadataRecord::Partition(partition)).unwrap();
        }
        let delta = Delta::between(&broker.image(), &image);
        broker.apply(Arc::new(image), &delta);
        Self {
            dir,
            broker: Arc::new(broker),
            _node: node,
        }
    }

    /// Appends so many batches of a little over a thousand bytes.
    fn append(&self, partition: i32, batches: usize) {
        let partition = self.broker.partition("t", partition).unwrap();
        for _ in 0..batches {
            let mut builder = BatchBuilder::new(0);
            builder.append(1, None, Some(&[0; 1000]), &[]);
            let mut batch = builder.build().unwrap().to_vec();
            partition.append(&mut batch, Origin::Client, 1).unwrap();
        }
    }

    /// Has the page cache forget the partition's log.
    fn forget(&self, partition: i32) {
        let path = format!("t-{partition}/00000000000000000000.log");
        let file = File::open(self.dir.path().join(Path::new(&path))).unwrap();
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    }

    /// A Fetch of partitions, each from an offset on and of at most so many bytes.
    fn fetch(&self, min_bytes: i32, max_bytes: i32, wanted: &[(i32, i64, i32)]) -> Fetch {
        let partition = |&(partition, fetch_offset, partition_max_bytes): &_| FetchPartition {
            partition,
            fetch_offset,
            partition_max_bytes,
            ..FetchPartition::default()
        };
        let request = FetchRequest {
            max_wait_ms: 60_000,
            min_bytes,
            max_bytes,
            topics: vec![FetchTopic {
                topic: "t".into(),
                partitions: wanted.iter().map(partition).collect(),
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        };
        let call = Call {
            broker: self.broker.clone(),
            peer: Arc::new(Peer {
                address: ([127, 0, 0, 1], 1).into(),
                listener: "PLAINTEXT".into(),
            }),
            header: RequestHeader {
                api_key: ApiKey::Fetch,
                api_version: 12,
                correlation_id: 1,
                client_id: None,
                body_offset: 0,
                is_unknown_api_versions: false,
            },
        };
        Fetch::open(call, request).ok().unwrap()
    }
}

#[tokio::test]
async fn what_can_bring_no_more_does_not_wait_for_it() {
    let fixture = Fixture::new().await;
    fixture.append(0, 50);
    let waits = |min_bytes, max_bytes, wanted: &[_]| {
        let fetch = fixture.fetch(min_bytes, max_bytes, wanted);
        fetch
            .may_wait(&fetch.read(Reach::Memory).unwrap())
            .is_some()
    };
    assert!(
        waits(99_000, i32::MAX, &[(0, 0, 99_000)]),
        "half of it is there"
    );
    assert!(
        !waits(10_000, i32::MAX, &[(0, 0, 10_000)]),
        "nine whole batches"
    );
    assert!(!waits(10_000, i32::MAX, &[(1, 0, 10_000), (0, 0, 5_000)]));
    assert!(
        !waits(10_000, 5_000, &[(0, 0, 10_000)]),
        "the request's limit"
    );
    assert!(waits(10_000, i32::MAX, &[(0, 45, 10_000)]), "at the end");
    fixture.append(0, 50);
    assert!(
        !waits(i32::MAX, i32::MAX, &[(0, 0, i32::MAX)]),
        "the broker's limit"
    );
}

#[tokio::test]
async fn what_is_not_in_the_page_cache_is_read_by_another_thread() {
    let fixture = Fixture::new().await;
    fixture.append(0, 50);
    fixture.forget(0);
    let fetch = fixture.fetch(1, i32::MAX, &[(0, 0, 10_000)]);
    assert!(fetch.read(Reach::Memory).is_none());
    let reply = fetch.answer_from_disk().await.unwrap();
    assert!((9_000..11_000).contains(&reply.size_bytes()));
    let again = fixture.fetch(1, i32::MAX, &[(0, 0, 10_000)]);
    assert_eq!(again.read(Reach::Memory).unwrap().bytes / 1000, 9);
}

#[tokio::test]
async fn nothing_is_looked_up_for_partitions_that_the_answer_has_no_room_for() {
    let fixture = Fixture::new().await;
    fixture.append(0, 50);
    fixture.append(1, 50);
    fixture.forget(1);
    let size = fixture
        .fetch(1, 1, &[(0, 0, 1)])
        .read(Reach::Memory)
        .unwrap()
        .bytes;
    let full = i32::try_from(size).unwrap();
    let fetch = fixture.fetch(1, full, &[(0, 0, full), (1, 0, full)]);
    let found = fetch.read(Reach::Memory).unwrap();
    let [first, second] = found.partitions.as_slice() else {
        panic!("two partitions are asked for");
    };
    assert_eq!((first.bytes(), second.bytes()), (size, 0));
    assert_eq!(second.result.as_ref().ok().unwrap().high_watermark, 50);
    let roomy = fixture.fetch(1, full * 2, &[(0, 0, full), (1, 0, full)]);
    assert!(roomy.read(Reach::Memory).is_none(), "this one looks");
}
