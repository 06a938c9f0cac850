//! The group coordinator of this broker: one task for each partition of `__consumer_offsets` that it leads.
//!
//! A request is sent to its group's task, which decides it against the partition's [`Shard`], appends what was decided,
//! and answers when that is committed. Read downward: here, [`shard_task`], [`journal`]; at the start of a
//! task, [`loader`].
//!
//! *Invariant: no answer leaves before everything that it rests on is committed.*

mod deleted_topics;
mod error;
mod journal;
mod loader;
mod seat;
mod shard_task;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use config::GroupSettings;
use controller::{Delta, Image};
use coordinator::{JoinRequest, Shard, SyncRequest, partition_of_group};
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use parking_lot::Mutex;
use replica::Partition;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

use deleted_topics::DeletedTopics;
pub(crate) use error::CoordinatorError;
use seat::{Seat, ShardSettings};
pub(crate) use shard_task::Turn;
use shard_task::{Job, ShardHandle};

use crate::internal_topics::CONSUMER_OFFSETS;
use crate::topics::{Topic, Topics};

/// How many partitions are loaded at a time.
const CONCURRENT_LOADS: usize = 2;

pub(crate) struct GroupCoordinator {
    /// Where the shards' tasks run.
    runtime: Handle,
    settings: ShardSettings,
    loads: Arc<Semaphore>,
    layout: Mutex<Option<Layout>>,
    shards: Mutex<HashMap<i32, Arc<ShardHandle>>>,
    /// What the shard of each partition has yet to forget, whether there is one at the moment or not; but of no partition
    /// that another broker leads, which forgets by itself.
    deleted_topics: Mutex<HashMap<i32, Arc<DeletedTopics>>>,
    next_token: AtomicU64,
}

/// Over how many partitions the groups are spread.
#[derive(Clone, Copy)]
struct Layout {
    /// That of `__consumer_offsets`.
    topic_id: Uuid,
    partition_count: i32,
}

/// What handlers ask for.
impl GroupCoordinator {
    /// Which partition of `__consumer_offsets` keeps the group; `None` while there is no such topic.
    pub(crate) fn partition_of(&self, group_id: &str) -> Option<i32> {
        let layout = (*self.layout.lock())?;
        Some(partition_of_group(group_id, layout.partition_count))
    }

    /// Runs `decide` on the shard of `group_id` and returns its result once all that it rests on is committed.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        group_id: &str,
        decide: impl FnOnce(&mut Shard, &mut Turn<'_>) -> T + Send + 'static,
    ) -> Result<T, CoordinatorError> {
        Self::call_shard(&*self.shard(group_id)?, decide).await
    }

    /// Runs `decide` on every shard of this broker.
    pub(crate) async fn call_all<T: Send + 'static>(
        &self,
        decide: impl Fn(&mut Shard, &mut Turn<'_>) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, CoordinatorError> {
        let shards: Vec<_> = self.shards.lock().values().cloned().collect();
        let mut results = Vec::with_capacity(shards.len());
        for shard in shards {
            match Self::call_shard(&shard, decide.clone()).await {
                Ok(result) => results.push(result),
                Err(CoordinatorError::NotCoordinator) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(results)
    }

    pub(crate) async fn join(
        &self,
        request: JoinRequest,
    ) -> Result<JoinGroupResponse, CoordinatorError> {
        let shard = self.shard(&request.group_id)?;
        let token = self.next_token.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |shard, turn| {
            turn.waiting.joins.insert(token, answer);
            shard.join(request, token, Uuid::new_v4(), turn.now, turn.effects);
            None
        });
        shard.send(job).await?;
        answered
            .await
            .unwrap_or(Err(CoordinatorError::NotCoordinator))
    }

    pub(crate) async fn sync(
        &self,
        request: SyncRequest,
    ) -> Result<SyncGroupResponse, CoordinatorError> {
        let shard = self.shard(&request.group_id)?;
        let token = self.next_token.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |shard, turn| {
            turn.waiting.syncs.insert(token, answer);
            shard.sync(request, token, turn.now, turn.effects);
            None
        });
        shard.send(job).await?;
        answered
            .await
            .unwrap_or(Err(CoordinatorError::NotCoordinator))
    }

    async fn call_shard<T: Send + 'static>(
        shard: &ShardHandle,
        decide: impl FnOnce(&mut Shard, &mut Turn<'_>) -> T + Send + 'static,
    ) -> Result<T, CoordinatorError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |shard, turn| {
            let result = decide(shard, turn);
            Some(Box::new(move |committed| {
                _ = answer.send(committed.map(|()| result))
            }))
        });
        shard.send(job).await?;
        match tokio::time::timeout(shard.commit_timeout, answered).await {
            Ok(answer) => answer.unwrap_or(Err(CoordinatorError::NotCoordinator)),
            Err(_) => Err(CoordinatorError::NotAvailable),
        }
    }

    fn shard(&self, group_id: &str) -> Result<Arc<ShardHandle>, CoordinatorError> {
        let partition = self
            .partition_of(group_id)
            .ok_or(CoordinatorError::NotCoordinator)?;
        self.shards
            .lock()
            .get(&partition)
            .cloned()
            .ok_or(CoordinatorError::NotCoordinator)
    }
}

/// What the applier of metadata tells.
impl GroupCoordinator {
    /// The shards' tasks run on `runtime`.
    pub(crate) fn new(runtime: Handle, settings: &GroupSettings) -> Self {
        Self {
            runtime,
            settings: ShardSettings::new(settings),
            loads: Arc::new(Semaphore::new(CONCURRENT_LOADS)),
            layout: Mutex::default(),
            shards: Mutex::default(),
            deleted_topics: Mutex::default(),
            next_token: AtomicU64::new(0),
        }
    }

    /// Follows the applied metadata: `image` is what holds now, `delta` what is new in it.
    pub(crate) fn apply(&self, topics: &Topics, node_id: i32, image: &Image, delta: &Delta) {
        for deleted in delta.deleted_topics.values() {
            if *deleted.name == *CONSUMER_OFFSETS {
                self.shards
                    .lock()
                    .drain()
                    .for_each(|(_, shard)| shard.stop());
                self.deleted_topics.lock().clear();
            } else {
                self.forget_topic(&deleted.name, deleted.id);
            }
        }
        let Some(offsets) = image.topic(CONSUMER_OFFSETS) else {
            return;
        };
        self.lay_out(offsets.id, offsets.partition_count());
        let Some(topic) = topics.by_id(&offsets.id) else {
            return;
        };
        for index in delta.partitions.get(&offsets.id).into_iter().flatten() {
            let known = offsets.partition(*index);
            let mut deleted_topics = self.deleted_topics.lock();
            if known.is_some_and(|known| known.has_leader() && known.leader != node_id) {
                deleted_topics.remove(index);
            } else {
                deleted_topics.entry(*index).or_default();
            }
            drop(deleted_topics);
            let led = known.filter(|known| known.leader == node_id);
            match (led, topic.partition(*index)) {
                (Some(led), Some(partition)) => self.elected(&topic, partition, led.leader_epoch),
                _ => self.resigned(*index),
            }
        }
    }

    /// This broker leads the partition under `leader_epoch`: loads what it holds and serves it.
    fn elected(&self, topic: &Arc<Topic>, partition: Arc<Partition>, leader_epoch: i32) {
        let index = partition.index;
        let mut shards = self.shards.lock();
        let former = shards.get(&index).cloned();
        if former
            .as_ref()
            .is_none_or(|former| former.leader_epoch < leader_epoch)
        {
            let seat = Seat {
                topic: Arc::clone(topic),
                partition,
                leader_epoch,
                settings: self.settings,
                loads: Arc::clone(&self.loads),
            };
            let deleted_topics = Arc::clone(self.deleted_topics.lock().entry(index).or_default());
            let shard = ShardHandle::start(&self.runtime, seat, former, deleted_topics);
            shards.insert(index, Arc::new(shard));
        }
    }

    fn resigned(&self, index: i32) {
        if let Some(shard) = self.shards.lock().remove(&index) {
            shard.stop();
        }
    }

    /// The groups stay where they are, as in Kafka, when the topic grows later: their offsets do not move. Only the next
    /// start spreads them anew.
    fn lay_out(&self, topic_id: Uuid, partition_count: i32) {
        let mut layout = self.layout.lock();
        if layout.is_none_or(|known| known.topic_id != topic_id) {
            *layout = Some(Layout {
                topic_id,
                partition_count,
            });
        }
    }

    /// What was committed for a topic goes with it: at once, or when the shard is loaded.
    fn forget_topic(&self, name: &Arc<str>, id: Uuid) {
        for deleted_topics in self.deleted_topics.lock().values() {
            deleted_topics.add([(Arc::clone(name), id)]);
        }
    }

    /// Returns when no shard appends any more.
    pub(crate) async fn shut_down(&self) {
        let shards: Vec<_> = self.shards.lock().drain().map(|(_, shard)| shard).collect();
        shards.iter().for_each(|shard| shard.stop());
        for shard in shards {
            shard.ended().await;
        }
    }
}
