//! What every request handler can reach. It is put together once, at start, and never changes shape.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use config::BrokerConfig;
use controller::Image;
use parking_lot::Mutex;
use replica::Partition;
use tokio::runtime::Handle;
use uuid::Uuid;
use wire::ErrorCode;

use crate::api::FetchSessions;
use crate::controller::ControllerChannel;
use crate::coordinator::GroupCoordinator;
use crate::log_levels::LogLevels;
use crate::log_limit::LogLimit;
use crate::logs::Logs;
use crate::net::RequestBudget;
use crate::net::listener::Connections;
use crate::net::stopping::Stopping;
use crate::ops::producer_ids::ProducerIds;
use crate::topics::Topics;

pub(crate) struct Broker {
    pub(crate) node_id: i32,
    /// Replaced as a whole when a dynamic key changes.
    pub(crate) config: ArcSwap<BrokerConfig>,
    /// The metadata that this broker has applied.
    pub(crate) image: ArcSwap<Image>,
    pub(crate) topics: Topics,
    /// Held while logs are opened and deleted as the metadata says.
    pub(crate) applying: Mutex<()>,
    /// Partitions, by topic, whose logs are to be tried again.
    pub(crate) left_out: Mutex<BTreeMap<Uuid, BTreeSet<i32>>>,
    pub(crate) logs: Logs,
    pub(crate) controller: ControllerChannel,
    pub(crate) producer_ids: ProducerIds,
    /// Topics whose automatic creation is under way.
    pub(crate) being_created: Mutex<HashSet<String>>,
    pub(crate) groups: Arc<GroupCoordinator>,
    pub(crate) fetch_sessions: FetchSessions,
    pub(crate) budget: RequestBudget,
    pub(crate) connections: Arc<Connections>,
    pub(crate) stopping: Stopping,
    /// Lines about connections that were closed for their own fault.
    pub(crate) refusals: LogLimit,
    pub(crate) log_levels: LogLevels,
}

impl Broker {
    /// The groups' tasks run on the runtime that this is called on.
    pub(crate) fn new(
        config: BrokerConfig,
        logs: Logs,
        controller: ControllerChannel,
        log_levels: LogLevels,
    ) -> Self {
        let slots =
            usize::try_from(config.network.max_incremental_fetch_session_cache_slots).unwrap_or(0);
        let budget_bytes =
            u64::try_from(config.network.queued_max_request_bytes).unwrap_or(u64::MAX);
        Self {
            node_id: config.server.node_id,
            image: ArcSwap::from_pointee(Image::empty(logs.cluster_id())),
            topics: Topics::default(),
            applying: Mutex::default(),
            left_out: Mutex::default(),
            logs,
            controller,
            producer_ids: ProducerIds::default(),
            being_created: Mutex::default(),
            groups: Arc::new(GroupCoordinator::new(Handle::current(), &config.groups)),
            fetch_sessions: FetchSessions::new(slots),
            budget: RequestBudget::new(budget_bytes),
            connections: Arc::default(),
            stopping: Stopping::default(),
            refusals: LogLimit::default(),
            log_levels,
            config: ArcSwap::from_pointee(config),
        }
    }

    pub(crate) fn config(&self) -> Arc<BrokerConfig> {
        self.config.load_full()
    }

    /// The epoch under which this broker is registered; -1 before it is (KIP-380).
    pub(crate) fn epoch(&self) -> i64 {
        self.image()
            .broker(self.node_id)
            .map_or(-1, |broker| broker.epoch)
    }

    pub(crate) fn image(&self) -> Arc<Image> {
        self.image.load_full()
    }

    /// The partition, if it has a log here; otherwise why not.
    pub(crate) fn partition(&self, topic: &str, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        let hosted = self
            .topics
            .by_name(topic)
            .and_then(|topic| topic.partition(index));
        hosted.ok_or_else(|| self.absent(topic, index))
    }

    /// Why a partition has no log here: nobody knows it (any more), it lives on other brokers, or its disk failed.
    pub(crate) fn absent(&self, topic: &str, index: i32) -> ErrorCode {
        let is_hosted = self.topics.by_name(topic).is_some();
        match self.image().partition(topic, index).filter(|_| is_hosted) {
            Some(partition) if partition.replicas.contains(&self.node_id) => {
                ErrorCode::KafkaStorageError
            }
            Some(_) => ErrorCode::NotLeaderOrFollower,
            None => ErrorCode::UnknownTopicOrPartition,
        }
    }
}
