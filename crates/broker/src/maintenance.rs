//! What happens by the clock: retention, checkpoints, removal of deleted files, expiry of producers, another try at logs
//! that could not be opened.
//!
//! One thread; each task has its own period, which stays as it is at start: none of these keys is dynamic.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use config::BrokerConfig;
use parking_lot::{Condvar, Mutex};
use replica::Vital;

use crate::broker::Broker;
use crate::clock;

/// The shortest pause between two looks at the clock.
const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Maintenance {
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Stop {
    asked: Mutex<bool>,
    wake: Condvar,
}

/// What a task does.
type Chore = fn(&Broker);

pub(crate) struct Task {
    period: Duration,
    run: Chore,
    due: Instant,
}

impl Maintenance {
    pub(crate) fn start(broker: Arc<Broker>, tasks: Vec<Task>) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let asked = stop.clone();
        let thread = std::thread::Builder::new()
            .name("maintenance".into())
            .spawn(move || run(&broker, tasks, &asked))?;
        Ok(Self { stop, thread })
    }

    pub(crate) fn stop(self) {
        *self.stop.asked.lock() = true;
        self.stop.wake.notify_one();
        if self.thread.join().is_err() {
            tracing::error!("the maintenance thread panicked");
        }
    }
}

fn run(broker: &Broker, mut tasks: Vec<Task>, stop: &Stop) {
    let _vital = Vital::job("maintenance");
    loop {
        let mut asked = stop.asked.lock();
        if !*asked {
            stop.wake.wait_for(&mut asked, TICK);
        }
        if *asked {
            return;
        }
        drop(asked);
        for task in &mut tasks {
            if task.due <= Instant::now() {
                (task.run)(broker);
                task.due = Instant::now() + task.period.max(TICK);
            }
        }
    }
}

/// Kafka's keys set the periods of its own tasks, as they are at start; looking after files and directories is ours.
pub(crate) fn tasks(config: &BrokerConfig) -> Vec<Task> {
    const SECOND: Duration = Duration::from_secs(1);
    const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(5);
    let (now, log) = (Instant::now(), &config.log);
    let marks_ms = config
        .replication
        .replica_high_watermark_checkpoint_interval_ms;
    let configured: [(i64, Chore); 6] = [
        (log.retention_check_interval_ms, apply_retention),
        (log.flush_scheduler_interval_ms, flush_aged),
        (
            log.flush_offset_checkpoint_interval_ms.into(),
            checkpoint_recovery,
        ),
        (
            log.flush_start_offset_checkpoint_interval_ms.into(),
            checkpoint_starts,
        ),
        (
            log.producer_id_expiration_check_interval_ms.into(),
            expire_producers,
        ),
        (marks_ms, checkpoint_marks),
    ];
    let configured = configured.map(|(period_ms, run)| {
        let period = ms(period_ms);
        let due = now + ms(log.initial_task_delay_ms).min(period);
        Task { period, run, due }
    });
    let own: [(Duration, Chore); 3] = [
        (SECOND, purge),
        (SECOND, watch_dirs),
        (OPEN_AGAIN_AFTER, Broker::open_left_out_logs),
    ];
    let own = own.map(|(period, run)| Task {
        period,
        run,
        due: now,
    });
    configured.into_iter().chain(own).collect()
}

fn ms(period_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(period_ms).unwrap_or(0))
}

fn apply_retention(broker: &Broker) {
    for topic in broker.topics.all() {
        for partition in topic.partitions() {
            match partition.apply_retention(clock::now_ms()) {
                Ok(0) => {}
                Ok(segments) => {
                    tracing::info!(topic = %topic.name, partition = partition.index, segments, "retention")
                }
                Err(error) => {
                    tracing::error!(topic = %topic.name, partition = partition.index, %error, "retention failed");
                }
            }
        }
    }
}

/// Kafka's `flush.ms`: of use in page-cache mode only, since otherwise nothing stays unsynced.
fn flush_aged(broker: &Broker) {
    for topic in broker.topics.all() {
        for partition in topic.partitions() {
            partition.flush_if_due();
        }
    }
}

fn checkpoint_recovery(broker: &Broker) {
    broker.logs.checkpoint_recovery_points(&broker.topics);
}

fn checkpoint_starts(broker: &Broker) {
    broker.logs.checkpoint_log_starts(&broker.topics);
}

fn checkpoint_marks(broker: &Broker) {
    broker.logs.checkpoint_high_watermarks(&broker.topics);
}

fn expire_producers(broker: &Broker) {
    for partition in broker
        .topics
        .all()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        partition.log().expire_producers(clock::now_ms());
    }
}

/// Unlinks files whose `file.delete.delay.ms` is over.
fn purge(broker: &Broker) {
    for partition in broker
        .topics
        .all()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        if let Err(error) = partition.log().purge(clock::now_ms()) {
            tracing::error!(topic = %partition.topic, partition = partition.index, %error, "files not unlinked");
        }
    }
    broker.logs.purge(clock::now_ms());
}

/// A failed sync or write takes the whole directory offline: its partitions answer KAFKA_STORAGE_ERROR until a restart.
fn watch_dirs(broker: &Broker) {
    let partitions: Vec<_> = broker
        .topics
        .all()
        .iter()
        .flat_map(|topic| topic.partitions())
        .collect();
    for partition in partitions
        .iter()
        .filter(|partition| partition.log().failed())
    {
        broker.logs.fail(broker.logs.dir_of(partition));
    }
    for (index, dir) in broker.logs.dirs().iter().enumerate() {
        if !dir.newly_failed() {
            continue;
        }
        tracing::error!(dir = %dir.path().display(), "log directory offline");
        let lost = partitions
            .iter()
            .filter(|partition| broker.logs.dir_of(partition) == index);
        lost.for_each(|partition| partition.take_offline());
    }
    if broker.logs.dirs().iter().all(|dir| dir.is_offline()) {
        tracing::error!("every log directory is offline: the broker ends");
        std::process::exit(1);
    }
}
