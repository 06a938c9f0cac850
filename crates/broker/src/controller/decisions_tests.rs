use std::path::Path;
use std::time::Duration;

use ::controller::image::{ConfigResource, ConfigResourceType};
use quorum::{Committed, QuorumOptions};
use store::FileCache;
use tokio::sync::oneshot;
use wire::records::metadata::ConfigRecord;

use super::*;
use crate::controller::Follower;

const SEGMENT_BYTES: u32 = 1 << 20;
const VALUE_BYTES: usize = 30_000;

struct World {
    quorum: Quorum,
    jobs: mpsc::Sender<Job>,
    /// Where the log ended before anything was decided.
    start: i64,
}

type Answered = oneshot::Receiver<Result<i64, ErrorCode>>;

async fn world(dir: &Path) -> World {
    let options = QuorumOptions {
        log_dir: dir.to_owned(),
        directory_id: Uuid::from_u128(11),
        node_id: 1,
        endpoints: Vec::new(),
        segment_bytes: SEGMENT_BYTES,
        segment_ms: i64::MAX,
        files: FileCache::new(100),
    };
    let quorum = Quorum::open(options).await.unwrap();
    let mut leadership = quorum.leadership();
    let ready = tokio::time::timeout(Duration::from_secs(10), leadership.wait_for(|l| l.ready));
    let epoch = ready.await.unwrap().unwrap().epoch;
    let start = quorum.status().high_watermark;
    let mut follower = Follower::new(quorum.committed(), Image::empty("cluster"));
    follower.fold_to(start).await.unwrap();
    let image = follower.image().clone();
    let (_, images) = watch::channel(Arc::new(image.clone()));
    let jobs = DecisionLoop::new(quorum.clone(), images, epoch, image).start();
    World {
        quorum,
        jobs,
        start,
    }
}

fn group_config(group: &str, value: String) -> MetadataRecord {
    MetadataRecord::Config(ConfigRecord {
        resource_type: ConfigResourceType::Group.id(),
        resource_name: group.to_owned(),
        name: "consumer.session.timeout.ms".to_owned(),
        value: Some(value),
    })
}

fn large(group: &str, count: usize) -> Vec<MetadataRecord> {
    let record = |index| group_config(&format!("{group}-{index}"), "x".repeat(VALUE_BYTES));
    (0..count).map(record).collect()
}

impl World {
    /// Queues a decision that comes to these records.
    fn queue(&self, extent: Extent, records: Vec<MetadataRecord>) -> Answered {
        self.queue_seeing(extent, move |_| records)
    }

    fn queue_seeing(
        &self,
        extent: Extent,
        decide: impl FnOnce(&Image) -> Vec<MetadataRecord> + Send + 'static,
    ) -> Answered {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |image, _| Decided {
            records: decide(image),
            extent,
            answer: Box::new(move |committed| _ = answer.send(committed)),
        });
        self.jobs.try_send(job).ok().unwrap();
        answered
    }

    /// How many records each batch has that was committed since the start, up to `last_offset`.
    async fn committed(&self, last_offset: i64) -> Vec<usize> {
        let mut observer = self.quorum.committed();
        let mut counts = Vec::new();
        loop {
            let step = observer.next().await.unwrap();
            let end_offset = step.end_offset();
            if let Committed::Batch {
                base_offset,
                records,
                ..
            } = step
                && base_offset >= self.start
            {
                counts.push(records.len());
            }
            if end_offset > last_offset {
                return counts;
            }
        }
    }
}

#[tokio::test]
async fn what_is_queued_goes_into_as_many_batches_as_it_takes() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let first = world.queue(Extent::OneBatch, large("first", 20));
    let second = world.queue(Extent::OneBatch, large("second", 20));
    let third = world.queue_seeing(Extent::OneBatch, |image| {
        let name = ConfigResource {
            kind: ConfigResourceType::Group,
            name: "second-19".into(),
        };
        assert!(
            image.config(&name).is_some(),
            "it is decided after the second"
        );
        large("third", 10)
    });
    assert_eq!(first.await.unwrap(), Ok(world.start + 19));
    assert_eq!(second.await.unwrap(), Ok(world.start + 39));
    assert_eq!(third.await.unwrap(), Ok(world.start + 49));
    assert_eq!(world.committed(world.start + 49).await, [20, 30]);
}

#[tokio::test]
async fn a_request_that_one_batch_has_no_room_for_is_refused_alone() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let small = |index: usize| group_config(&index.to_string(), "5".to_owned());
    let before = world.queue(Extent::OneBatch, large("before", 1));
    let bytes = world.queue(Extent::OneBatch, large("bytes", 40));
    let records = world.queue(
        Extent::OneBatch,
        (0..=MAX_RECORDS_PER_REQUEST).map(small).collect(),
    );
    let after = world.queue(Extent::OneBatch, large("after", 1));
    assert_eq!(before.await.unwrap(), Ok(world.start));
    assert_eq!(bytes.await.unwrap(), Err(ErrorCode::PolicyViolation));
    assert_eq!(records.await.unwrap(), Err(ErrorCode::PolicyViolation));
    assert_eq!(after.await.unwrap(), Ok(world.start + 1));
    assert_eq!(world.committed(world.start + 1).await, [2]);
}

#[tokio::test]
async fn what_a_broker_changes_at_its_start_may_take_several_batches() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let before = world.queue(Extent::OneBatch, large("before", 10));
    let registered = world.queue(Extent::Any, large("registered", 80));
    let after = world.queue(Extent::OneBatch, large("after", 1));
    assert_eq!(before.await.unwrap(), Ok(world.start + 9));
    assert_eq!(registered.await.unwrap(), Ok(world.start + 89));
    assert_eq!(after.await.unwrap(), Ok(world.start + 90));
    assert_eq!(world.committed(world.start + 90).await, [10, 34, 34, 13]);
}

#[tokio::test]
async fn a_record_that_nobody_could_read_is_never_proposed() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let unreadable = group_config("long", "x".repeat(40_000));
    let refused = world.queue(Extent::OneBatch, vec![unreadable]);
    let after = world.queue(Extent::OneBatch, large("after", 1));
    assert_eq!(refused.await.unwrap(), Err(ErrorCode::UnknownServerError));
    assert_eq!(after.await.unwrap(), Ok(world.start));
}
