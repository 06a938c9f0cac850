//! The task of one shard: takes jobs, appends what they decide, and lets the answers out when that is committed.
//!
//! While one append becomes durable the next jobs are already decided and appended; all that came in meanwhile goes into
//! one batch. If an append fails the shard's state is ahead of its log, so it is thrown away and loaded anew, after a
//! pause that grows while appends keep failing: a full disk stays full for a while, and loading reads the whole partition.
//!
//! *Invariant: `held` is ordered by offset, and an answer in it rests on nothing at or beyond that offset.*

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coordinator::{Effects, Now, Shard, Token};
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use replica::{Cause, Vital};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};

use super::deleted_topics::DeletedTopics;
use super::error::CoordinatorError;
use super::seat::Seat;
use super::{journal, loader};
use crate::clock;
use crate::parked::Parked;

/// How many jobs may wait for a shard; who comes later waits to be let in.
const QUEUED_JOBS: usize = 1024;

/// How long to wait before a partition that could not be loaded, or written, is loaded again …
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// … at most, while that keeps failing.
const MAX_LOAD_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// How long the task sleeps when the shard has no deadline.
const NO_DEADLINE: Duration = Duration::from_secs(3600);

/// Gets to know whether what an answer rests on has been committed.
pub(super) type Held = Box<dyn FnOnce(Result<(), CoordinatorError>) + Send>;

/// A request to a shard. One that is answered through its token holds nothing itself.
pub(super) type Job = Box<dyn FnOnce(&mut Shard, &mut Turn<'_>) -> Option<Held> + Send>;

type Answer<T> = oneshot::Sender<Result<T, CoordinatorError>>;

/// What a job may use besides the shard.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) effects: &'a mut Effects,
    pub(super) waiting: &'a mut Waiting,
}

/// The requests that the shard has yet to answer.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) joins: HashMap<Token, Answer<JoinGroupResponse>>,
    pub(super) syncs: HashMap<Token, Answer<SyncGroupResponse>>,
}

/// The way to a shard's task.
pub(super) struct ShardHandle {
    pub(super) leader_epoch: i32,
    pub(super) commit_timeout: Duration,
    jobs: mpsc::Sender<Job>,
    is_loaded: Arc<AtomicBool>,
    stop: Arc<Notify>,
}

impl ShardHandle {
    /// Starts the task once that of `former`, the same partition under an earlier epoch, has ended.
    pub(super) fn start(
        runtime: &Handle,
        seat: Seat,
        former: Option<Arc<Self>>,
        deleted_topics: Arc<DeletedTopics>,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUED_JOBS);
        let handle = Self {
            leader_epoch: seat.leader_epoch,
            commit_timeout: seat.settings.commit_timeout,
            jobs,
            is_loaded: Arc::default(),
            stop: Arc::default(),
        };
        let (is_loaded, stop) = (Arc::clone(&handle.is_loaded), Arc::clone(&handle.stop));
        runtime.spawn(async move {
            if let Some(former) = former {
                former.stop();
                former.ended().await;
            }
            tokio::select! {
                () = stop.notified() => {}
                () = Vital::task("group coordinator", run(&seat, queue, &is_loaded, &deleted_topics)) => {}
            }
        });
        handle
    }

    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Returns when the task has ended.
    pub(super) async fn ended(&self) {
        self.jobs.closed().await;
    }

    pub(super) async fn send(&self, job: Job) -> Result<(), CoordinatorError> {
        if self.jobs.is_closed() {
            return Err(CoordinatorError::NotCoordinator);
        }
        if !self.is_loaded.load(Ordering::Acquire) {
            return Err(CoordinatorError::LoadInProgress);
        }
        self.jobs
            .send(job)
            .await
            .map_err(|_| CoordinatorError::NotCoordinator)
    }
}

/// Serves the partition for as long as this broker leads it.
async fn run(
    seat: &Seat,
    mut jobs: mpsc::Receiver<Job>,
    is_loaded: &AtomicBool,
    deleted_topics: &Arc<DeletedTopics>,
) {
    let mut pause = LOAD_AGAIN_AFTER;
    while seat.is_held() {
        if let Some(mut task) = ShardTask::load(seat).await {
            task.forget(deleted_topics);
            is_loaded.store(true, Ordering::Release);
            task.serve(&mut jobs, deleted_topics).await;
            is_loaded.store(false, Ordering::Release);
            if task.has_written {
                pause = LOAD_AGAIN_AFTER;
            }
        }
        // Whoever waits for this task looks for the coordinator again rather than sitting out the pause.
        while jobs.try_recv().is_ok() {}
        if seat.is_held() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_LOAD_AGAIN_AFTER);
        }
    }
}

struct ShardTask<'a> {
    seat: &'a Seat,
    shard: Shard,
    waiting: Waiting,
    held: VecDeque<(i64, Held)>,
    /// The end of what this shard has read or written.
    written_end: i64,
    /// Set while `held` is not empty: due when its first offset is committed or the leadership is lost.
    commit: Option<Parked>,
    /// Set when an append has succeeded.
    has_written: bool,
    /// Set when an append has failed.
    has_diverged: bool,
}

impl<'a> ShardTask<'a> {
    async fn load(seat: &'a Seat) -> Option<Self> {
        let _permit = seat.loads.acquire().await.ok()?;
        let partition = Arc::clone(&seat.partition);
        let settings = seat.settings;
        let loading = tokio::task::spawn_blocking(move || loader::load(&partition, &settings));
        match loading.await {
            Ok(Ok((shard, written_end))) => {
                let (waiting, held) = (Waiting::default(), VecDeque::new());
                let mut task = Self {
                    seat,
                    shard,
                    waiting,
                    held,
                    written_end,
                    commit: None,
                    has_written: false,
                    has_diverged: false,
                };
                task.turn(|shard, turn| {
                    shard.loaded(turn.now, turn.effects);
                    None
                });
                Some(task)
            }
            Ok(Err(error)) => {
                tracing::error!(partition = seat.partition.index, %error, "offsets partition not loaded");
                None
            }
            Err(error) => {
                tracing::error!(partition = seat.partition.index, %error, "loading an offsets partition failed");
                None
            }
        }
    }

    /// Returns when the leadership is lost or the shard has to be loaded anew.
    async fn serve(&mut self, jobs: &mut mpsc::Receiver<Job>, deleted_topics: &Arc<DeletedTopics>) {
        let mut taken = Vec::new();
        while !self.has_diverged {
            tokio::select! {
                biased;
                () = due(self.commit.as_ref()) => {
                    if !self.seat.is_held() {
                        return;
                    }
                    self.release();
                }
                () = tokio::time::sleep(self.until_deadline()) => {
                    self.turn(|shard, turn| {
                        shard.tick(turn.now, turn.effects);
                        None
                    });
                }
                () = deleted_topics.wait() => self.forget(deleted_topics),
                count = jobs.recv_many(&mut taken, QUEUED_JOBS) => {
                    if count == 0 {
                        return;
                    }
                    self.turns(taken.drain(..));
                }
            }
        }
    }

    /// Forgets what was committed for topics that are gone; what fails is kept for the next time.
    fn forget(&mut self, deleted_topics: &Arc<DeletedTopics>) {
        let topics = deleted_topics.take();
        if topics.is_empty() {
            return;
        }
        let deleted_topics = Arc::clone(deleted_topics);
        self.turn(move |shard, turn| {
            for (name, id) in &topics {
                shard.forget_topic(name, *id, turn.now, turn.effects);
            }
            Some(Box::new(move |committed| {
                if committed.is_err() {
                    deleted_topics.add(topics);
                }
            }))
        });
    }

    fn until_deadline(&self) -> Duration {
        match self.shard.next_deadline_ms() {
            Some(deadline_ms) => {
                let left_ms = deadline_ms.saturating_sub(clock::steady_ms());
                Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
            }
            None => NO_DEADLINE,
        }
    }

    fn turn(&mut self, job: impl FnOnce(&mut Shard, &mut Turn<'_>) -> Option<Held>) {
        self.turns(std::iter::once(job));
    }

    /// Runs `jobs` and appends what all of them decide as one.
    fn turns<J>(&mut self, jobs: impl Iterator<Item = J>)
    where
        J: FnOnce(&mut Shard, &mut Turn<'_>) -> Option<Held>,
    {
        let now = clock::now();
        self.shard.set_max_batch_bytes(self.seat.max_batch_bytes());
        let mut effects = Effects::default();
        let mut held = Vec::new();
        for job in jobs {
            let mut turn = Turn {
                now,
                effects: &mut effects,
                waiting: &mut self.waiting,
            };
            held.extend(job(&mut self.shard, &mut turn));
        }
        held.extend(
            effects
                .joins
                .into_iter()
                .filter_map(|(token, answer)| hold(&mut self.waiting.joins, token, answer)),
        );
        held.extend(
            effects
                .syncs
                .into_iter()
                .filter_map(|(token, answer)| hold(&mut self.waiting.syncs, token, answer)),
        );
        if !effects.records.is_empty() {
            match journal::append(self.seat, &effects.records, now.wall_ms) {
                Ok(end) => {
                    self.written_end = end;
                    self.has_written = true;
                }
                Err(error) => {
                    let partition = self.seat.partition.index;
                    tracing::error!(partition, %error, "a group's records were not appended");
                    self.has_diverged = true;
                    // As Kafka answers where its log fails.
                    let refusal = CoordinatorError::NotCoordinator;
                    held.into_iter().for_each(|held| held(Err(refusal)));
                    return;
                }
            }
        }
        self.held
            .extend(held.into_iter().map(|held| (self.written_end, held)));
        self.release();
    }

    /// Lets out the answers whose offset is committed, and waits for the next.
    fn release(&mut self) {
        let high_watermark = self.seat.partition.high_watermark();
        while let Some((_, held)) = self
            .held
            .pop_front_if(|(offset, _)| *offset <= high_watermark)
        {
            held(Ok(()));
        }
        let next = self
            .held
            .front()
            .map(|(offset, _)| vec![(Arc::clone(&self.seat.partition), *offset)]);
        self.commit = next.map(|target| Parked::for_offsets(target, Cause::HighWatermark));
    }
}

/// Whoever still waits looks for another coordinator, or for this one once it is loaded again.
impl Drop for ShardTask<'_> {
    fn drop(&mut self) {
        for (_, held) in self.held.drain(..) {
            held(Err(CoordinatorError::NotCoordinator));
        }
    }
}

/// The answer to the request of `token`, to be held until it is committed.
fn hold<T: Send + 'static>(
    waiting: &mut HashMap<Token, Answer<T>>,
    token: Token,
    response: T,
) -> Option<Held> {
    let answer = waiting.remove(&token)?;
    Some(Box::new(move |committed| {
        _ = answer.send(committed.map(|()| response))
    }))
}

async fn due(commit: Option<&Parked>) {
    match commit {
        Some(commit) => commit.waiter.due().await,
        None => std::future::pending().await,
    }
}
