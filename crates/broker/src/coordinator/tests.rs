//! The coordinator over a log of its own.

use std::path::Path;
use std::time::Duration;

use config::{BrokerConfig, Properties};
use coordinator::{OffsetCommit, OffsetCommitPartitionError, OffsetCommitRequest, Protocol};
use replica::Disk;
use store::{Checkpoint, Durability, FileCache, Log, LogConfig, LogOptions};
use wire::records::metadata::{PartitionRecord, TopicRecord};

use super::*;

/// A coordinator that leads partition 0 of an offsets topic in `dir`, its only one.
struct Fixture {
    groups: Arc<GroupCoordinator>,
    topic: Arc<Topic>,
    partition: Arc<Partition>,
}

fn partition(dir: &Path, index: i32, segment_bytes: u32) -> Arc<Partition> {
    let options = LogOptions {
        config: LogConfig {
            segment_bytes,
            ..LogConfig::default()
        },
        durability: Durability::Fsync,
        files: FileCache::new(8),
    };
    let log = Arc::new(Log::open(dir, options, Checkpoint::UNKNOWN, 0).unwrap());
    let disk = Disk::start("test").unwrap();
    Partition::new(CONSUMER_OFFSETS.into(), Uuid::nil(), index, log, disk)
}

impl Fixture {
    /// Answers the configuration before.
    fn set_segment_bytes(&self, segment_bytes: u32) -> Arc<LogConfig> {
        let log = self.partition.log();
        let config = log.config();
        log.set_config(LogConfig {
            segment_bytes,
            ..LogConfig::clone(&config)
        });
        config
    }

    async fn new(dir: &Path, leader_epoch: i32, given: &[(&str, &str)]) -> Self {
        let segment_bytes = LogConfig::default().segment_bytes;
        Self::with_segments(dir, leader_epoch, given, segment_bytes).await
    }

    async fn with_segments(
        dir: &Path,
        leader_epoch: i32,
        given: &[(&str, &str)],
        segment_bytes: u32,
    ) -> Self {
        let given: Properties = given
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let config = BrokerConfig::new(given).unwrap();
        let topic = Topic::new(
            CONSUMER_OFFSETS.into(),
            Uuid::nil(),
            config.topic_defaults.clone(),
        );
        let partition = partition(dir, 0, segment_bytes);
        partition.become_leader(leader_epoch);
        let groups = Arc::new(GroupCoordinator::new(Handle::current(), &config.groups));
        groups.lay_out(Uuid::nil(), 1);
        let fixture = Self {
            groups,
            topic,
            partition,
        };
        fixture.elect(leader_epoch).await;
        fixture
    }

    async fn elect(&self, leader_epoch: i32) {
        self.groups
            .elected(&self.topic, Arc::clone(&self.partition), leader_epoch);
        while self.fetch().await == Err(CoordinatorError::LoadInProgress) {
            tokio::task::yield_now().await;
        }
    }

    async fn commit(&self, offset: i64, metadata: &str) -> Result<(), CoordinatorError> {
        let results = self.try_commit("g", offset, metadata).await?;
        assert_eq!(results, [Ok(())]);
        Ok(())
    }

    async fn try_commit(
        &self,
        group_id: &str,
        offset: i64,
        metadata: &str,
    ) -> Result<Vec<Result<(), OffsetCommitPartitionError>>, CoordinatorError> {
        let commit = OffsetCommit {
            topic: "t".into(),
            topic_id: Uuid::nil(),
            partition: 0,
            offset,
            leader_epoch: -1,
            metadata: Some(metadata.into()),
        };
        let request = OffsetCommitRequest {
            group_id: group_id.into(),
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: None,
            retention_time_ms: None,
            offsets: vec![commit],
        };
        let decide = move |shard: &mut Shard, turn: &mut Turn<'_>| {
            shard
                .commit_offsets(&request, turn.now, turn.effects)
                .unwrap()
        };
        self.groups.call(group_id, decide).await
    }

    async fn fetch(&self) -> Result<i64, CoordinatorError> {
        let fetch = |shard: &mut Shard, _: &mut Turn<'_>| {
            shard.fetch_offsets("g", "t", Uuid::nil(), &[0])[0].offset
        };
        self.groups.call("g", fetch).await
    }
}

#[tokio::test]
async fn what_is_committed_is_durable_and_served_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    for (leader_epoch, codec) in ["0", "1", "2", "3", "4"].into_iter().enumerate() {
        let fixture = Fixture::new(
            dir.path(),
            leader_epoch as i32,
            &[("offsets.topic.compression.codec", codec)],
        )
        .await;
        let before = i64::try_from(leader_epoch).unwrap() - 1;
        assert_eq!(fixture.fetch().await, Ok(before));
        assert_eq!(fixture.commit(before + 1, "").await, Ok(()));
        assert_eq!(
            fixture.partition.log().durable_end(),
            fixture.partition.log().log_end()
        );
        assert_eq!(fixture.fetch().await, Ok(before + 1));
        fixture.groups.shut_down().await;
        assert_eq!(
            fixture.commit(9, "").await,
            Err(CoordinatorError::NotCoordinator)
        );
        fixture.partition.log().close().unwrap();
    }
}

#[tokio::test]
async fn a_later_epoch_takes_over_and_an_earlier_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(dir.path(), 1, &[]).await;
    fixture.commit(5, "").await.unwrap();
    fixture.partition.become_leader(2);
    fixture.elect(2).await;
    assert_eq!(fixture.fetch().await, Ok(5));
    fixture.elect(1).await;
    assert_eq!(fixture.commit(6, "").await, Ok(()));
    fixture.groups.resigned(0);
    assert_eq!(fixture.fetch().await, Err(CoordinatorError::NotCoordinator));
}

#[tokio::test]
async fn a_decision_too_large_to_be_written_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(dir.path(), 1, &[("message.max.bytes", "1000")]).await;
    let large = "x".repeat(1000);
    let (before, refused, after) = tokio::join!(
        fixture.try_commit("other", 5, ""),
        fixture.try_commit("g", 6, &large),
        fixture.try_commit("g", 7, ""),
    );
    assert_eq!(before, Ok(vec![Ok(())]));
    assert_eq!(
        refused,
        Ok(vec![Err(OffsetCommitPartitionError::RecordTooLarge)])
    );
    assert_eq!(after, Ok(vec![Ok(())]));
    assert_eq!(
        fixture.fetch().await,
        Ok(7),
        "nothing had to be loaded anew"
    );
}

#[tokio::test]
async fn what_one_turn_decides_may_outgrow_a_segment() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture::with_segments(dir.path(), 1, &[], 1000).await;
    let metadata = "x".repeat(300);
    let commit = |offset| fixture.commit(offset, &metadata);
    let committed = tokio::join!(commit(4), commit(5), commit(6), commit(7));
    assert_eq!(committed, (Ok(()), Ok(()), Ok(()), Ok(())));
    assert_eq!(fixture.fetch().await, Ok(7));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_not_loaded_over_and_over() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(dir.path(), 1, &[]).await;
    fixture.commit(5, "").await.unwrap();
    // No batch fits into a segment any more, and a removal is not asked for its size.
    let config = fixture.set_segment_bytes(10);
    let delete = |shard: &mut Shard, turn: &mut Turn<'_>| {
        shard.delete_group("g", turn.now, turn.effects).unwrap();
    };
    assert_eq!(
        fixture.groups.call("g", delete).await,
        Err(CoordinatorError::NotCoordinator)
    );
    let log = fixture.partition.log();
    log.set_config(LogConfig::clone(&config));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        fixture.fetch().await,
        Err(CoordinatorError::LoadInProgress),
        "it pauses before it loads"
    );
    while fixture.fetch().await == Err(CoordinatorError::LoadInProgress) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        fixture.fetch().await,
        Ok(5),
        "a failed decision leaves no trace"
    );
    assert_eq!(fixture.commit(7, "").await, Ok(()));
}

#[tokio::test]
async fn a_member_that_waits_is_answered_or_told_to_look_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(dir.path(), 1, &[("group.initial.rebalance.delay.ms", "1")]).await;
    let request = |member_id: &str| JoinRequest {
        group_id: "g".into(),
        member_id: member_id.into(),
        group_instance_id: None,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "p".into(),
        protocols: vec![Protocol {
            name: "n".into(),
            metadata: Default::default(),
        }],
        reason: None,
        requires_known_member_id: false,
        supports_skipping_assignment: true,
    };
    let joined = fixture.groups.join(request("")).await.unwrap();
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));

    let groups = Arc::clone(&fixture.groups);
    let second = tokio::spawn(async move { groups.join(request("")).await });
    while fixture
        .groups
        .call("g", |shard, _| {
            shard.describe_group("g").unwrap().members.len()
        })
        .await
        != Ok(2)
    {
        tokio::task::yield_now().await;
    }
    fixture.groups.shut_down().await;
    assert_eq!(second.await.unwrap(), Err(CoordinatorError::NotCoordinator));
}

/// Where group "f" falls among two partitions; "g" falls on the other.
const PARTITION_OF_F: i32 = 0;

impl Fixture {
    /// What "g" and "f" have committed for the topic.
    async fn offsets(&self) -> [Result<i64, CoordinatorError>; 2] {
        let offset = |group: &'static str| {
            let fetch = move |shard: &mut Shard, _: &mut Turn<'_>| {
                shard.fetch_offsets(group, "t", Uuid::nil(), &[0])[0].offset
            };
            self.groups.call(group, fetch)
        };
        [offset("g").await, offset("f").await]
    }
}

#[tokio::test]
async fn a_deleted_topic_is_forgotten_by_each_shard_as_soon_as_it_is_loaded() {
    let (dir, second_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fixture = Fixture::new(dir.path(), 1, &[]).await;
    fixture.try_commit("f", 5, "").await.unwrap();
    // The fixture's partition keeps both groups; so does a copy of it, which is another partition.
    fixture.try_commit("g", 6, "").await.unwrap();
    fixture.partition.log().sync().unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), second_dir.path().join(file.file_name())).unwrap();
    }
    let second = partition(second_dir.path(), 1, LogConfig::default().segment_bytes);
    second.become_leader(1);
    fixture.groups.lay_out(Uuid::from_u128(2), 2);
    assert_eq!(fixture.groups.partition_of("f"), Some(PARTITION_OF_F));
    let loads = fixture.groups.loads.acquire_many(2).await.unwrap();
    fixture.groups.elected(&fixture.topic, second, 1);
    let loading = Err(CoordinatorError::LoadInProgress);
    assert_eq!(fixture.offsets().await, [loading, Ok(5)]);

    fixture.groups.forget_topic(&"t".into(), Uuid::from_u128(9));
    while fixture.offsets().await != [loading, Ok(-1)] {
        tokio::task::yield_now().await;
    }
    drop(loads);
    while fixture.offsets().await[0] == loading {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.offsets().await, [Ok(-1), Ok(-1)]);
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_forgotten_after_the_next_load() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(dir.path(), 1, &[]).await;
    fixture.commit(5, "").await.unwrap();
    let config = fixture.set_segment_bytes(10);
    fixture.groups.forget_topic(&"t".into(), Uuid::from_u128(9));
    while fixture.fetch().await != Err(CoordinatorError::LoadInProgress) {
        tokio::task::yield_now().await;
    }
    let log = fixture.partition.log();
    log.set_config(LogConfig::clone(&config));
    while fixture.fetch().await == Err(CoordinatorError::LoadInProgress) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(fixture.fetch().await, Ok(-1));
}

/// Before the partition is given up, and could not be forgotten; or after.
#[tokio::test]
async fn a_deleted_topic_is_forgotten_when_the_partition_is_led_again() {
    for is_before in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let fixture = Fixture::new(dir.path(), 1, &[]).await;
        fixture.commit(5, "").await.unwrap();
        let config = fixture.set_segment_bytes(10);
        let forget = || fixture.groups.forget_topic(&"t".into(), Uuid::from_u128(9));
        if is_before {
            forget();
            while fixture.fetch().await != Err(CoordinatorError::LoadInProgress) {
                tokio::task::yield_now().await;
            }
        }
        fixture.groups.resigned(0);
        if !is_before {
            forget();
        }
        let log = fixture.partition.log();
        log.set_config(LogConfig::clone(&config));
        fixture.partition.become_leader(2);
        fixture.elect(2).await;
        assert_eq!(fixture.fetch().await, Ok(-1), "{is_before}");
    }
}

/// `__consumer_offsets` as metadata has it.
fn offsets_topic(topic_id: Uuid, partition_count: i32) -> Image {
    let mut image = Image::empty("cluster");
    let topic = TopicRecord {
        name: CONSUMER_OFFSETS.into(),
        topic_id,
    };
    image.apply(&topic.into()).unwrap();
    for partition_id in 0..partition_count {
        let partition = PartitionRecord {
            partition_id,
            topic_id,
            replicas: vec![1],
            isr: vec![1],
            leader: 1,
            directories: vec![Uuid::from_u128(77)],
            ..PartitionRecord::default()
        };
        image.apply(&partition.into()).unwrap();
    }
    image
}

#[tokio::test]
async fn groups_stay_where_they_are_when_the_offsets_topic_grows() {
    let settings = BrokerConfig::new(Properties::new()).unwrap().groups;
    let groups = GroupCoordinator::new(Handle::current(), &settings);
    assert_eq!(groups.partition_of("g"), None);
    let (id, other) = (Uuid::from_u128(5), Uuid::from_u128(6));
    let mut before = Image::empty("cluster");
    for (topic_id, count, of_g) in [(id, 2, 1), (id, 50, 1), (other, 50, 3)] {
        let image = offsets_topic(topic_id, count);
        let delta = Delta::between(&before, &image);
        groups.apply(&Topics::default(), 1, &image, &delta);
        assert_eq!(groups.partition_of("g"), Some(of_g), "{topic_id} {count}");
        before = image;
    }
}
