//! The controller in this process: its quorum voter, the loop that decides, and the observer that brings what was decided
//! to the broker.
//!
//! The broker knows only the [`ControllerChannel`] and the images that it is handed; who agreed on them is the quorum's
//! matter.

mod channel;
mod cordons;
mod decisions;
mod directories;
mod observer;

use std::sync::Arc;

use ::config::{BrokerConfig, Listener};
use ::controller::{Delta, Image, features};
use quorum::{Endpoint, Quorum, QuorumOptions};
use replica::Vital;
use thiserror::Error;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;
use wire::request::{BrokerFeature, BrokerListener, BrokerRegistrationRequest};

pub(crate) use channel::ControllerChannel;
use decisions::DecisionLoop;
use observer::{FollowError, Follower};

use crate::broker::Broker;
use crate::logs::Logs;

#[derive(Debug, Error)]
pub enum ControllerError {
    #[error(transparent)]
    Quorum(#[from] quorum::OpenError),
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error("the quorum has no leader: {0}")]
    NoLeader(String),
    #[error("the controller refused this broker: error code {0}")]
    Refused(i16),
}

/// A node's controller, before and after its broker has registered.
pub(crate) struct ControllerNode {
    quorum: Quorum,
    follower: Follower,
    /// The newest image that the broker has applied.
    applied: watch::Sender<Arc<Image>>,
    channel: ControllerChannel,
}

impl ControllerNode {
    /// Opens the metadata log, waits until this node leads, and folds what was committed before.
    pub(crate) async fn open(config: &BrokerConfig, logs: &Logs) -> Result<Self, ControllerError> {
        let quorum = Quorum::open(quorum_options(config, logs)).await?;
        let mut leadership = quorum.leadership();
        let led = leadership.wait_for(|leadership| leadership.ready).await;
        let epoch = led
            .map_err(|error| ControllerError::NoLeader(error.to_string()))?
            .epoch;
        let mut follower = Follower::new(quorum.committed(), Image::empty(logs.cluster_id()));
        follower.fold_to(quorum.status().high_watermark).await?;
        let (applied, images) = watch::channel(Arc::new(follower.image().clone()));
        let decisions = DecisionLoop::new(
            quorum.clone(),
            images.clone(),
            epoch,
            follower.image().clone(),
        );
        let channel = ControllerChannel::new(decisions.start(), images, quorum.clone());
        Ok(Self {
            quorum,
            follower,
            applied,
            channel,
        })
    }

    pub(crate) fn channel(&self) -> ControllerChannel {
        self.channel.clone()
    }

    /// Registers a new incarnation of the broker and raises the epochs of all it leads in one batch; returns once the
    /// broker serves what the metadata says.
    pub(crate) async fn register(
        mut self,
        broker: &Arc<Broker>,
        listeners: &[Listener],
    ) -> Result<Running, ControllerError> {
        let bootstrapped = self.channel.bootstrap().await;
        bootstrapped.map_err(|error| ControllerError::NoLeader(error.to_string()))?;
        let request = registration(broker, listeners);
        let registered = self.channel.register(broker.config(), request).await;
        let (response, offset) =
            registered.map_err(|error| ControllerError::NoLeader(error.to_string()))?;
        if response.error_code != 0 {
            return Err(ControllerError::Refused(response.error_code));
        }
        self.follower.fold_to(offset + 1).await?;
        self.follower.take_delta();
        let image = Arc::new(self.follower.image().clone());
        let known = image.clone();
        // Before logs are opened: what an earlier topic of the same name left must not become part of the new one.
        broker.logs.set_strays_aside(|found| {
            let name = &found.name;
            let topic = known.topic(&name.topic).filter(|_| found.is_marked);
            name.topic == CLUSTER_METADATA
                || topic.is_some_and(|topic| {
                    topic.partition(name.partition).is_some()
                        && found.topic_id.is_none_or(|id| id == topic.id)
                })
        });
        let delta = Delta::between(&broker.image(), &image);
        observer::apply(broker, image.clone(), delta).await;
        // What an earlier run wrote of topics that are gone is forgotten before a new one can have their names.
        broker.logs.write_recovery_points(&broker.topics);
        broker.logs.checkpoint_log_starts(&broker.topics);
        self.applied.send_replace(image);
        let images = self.applied.subscribe();
        let (stop, stop_asked) = oneshot::channel();
        let observing = tokio::spawn(Vital::task(
            "observer",
            observer::observe(
                self.follower,
                broker.clone(),
                self.applied,
                self.quorum.clone(),
                stop_asked,
            ),
        ));
        let watching = tokio::spawn(end_with(self.quorum.clone()));
        let reporting = tokio::spawn(directories::report(broker.clone()));
        // Before anybody can ask for a topic.
        cordons::report(broker).await;
        let cordoning = tokio::spawn(cordons::follow(broker.clone(), images));
        Ok(Running {
            quorum: self.quorum,
            stop,
            observing,
            others: [watching, reporting, cordoning],
        })
    }
}

const CLUSTER_METADATA: &str = "__cluster_metadata";

/// A controller whose broker is registered.
pub(crate) struct Running {
    quorum: Quorum,
    stop: oneshot::Sender<()>,
    observing: JoinHandle<()>,
    others: [JoinHandle<()>; 3],
}

impl Running {
    pub(crate) async fn stop(self) {
        self.others.iter().for_each(JoinHandle::abort);
        // Not aborted: what it applies has to be done before the logs are closed.
        let _ = self.stop.send(());
        if let Err(error) = self.observing.await {
            tracing::error!(%error, "the observer did not end in order");
        }
        if let Err(error) = self.quorum.shut_down().await {
            tracing::error!(%error, "the metadata log was not closed");
        }
    }
}

/// A node that cannot write its metadata log can decide nothing: it says why and ends.
async fn end_with(quorum: Quorum) {
    let reason = quorum.failure().await;
    tracing::error!(reason, "the metadata quorum failed: the broker ends");
    std::process::exit(1);
}

fn quorum_options(config: &BrokerConfig, logs: &Logs) -> QuorumOptions {
    QuorumOptions {
        log_dir: config.metadata_log_dir.clone(),
        directory_id: logs.metadata_dir_id(),
        node_id: config.server.node_id,
        endpoints: controller_endpoints(config),
        segment_bytes: u32::try_from(config.quorum.metadata_log_segment_bytes).unwrap_or(u32::MAX),
        segment_ms: config.quorum.metadata_log_segment_ms,
        files: logs.files().clone(),
    }
}

/// Where other controllers would reach this one: its listeners that are not for clients.
fn controller_endpoints(config: &BrokerConfig) -> Vec<Endpoint> {
    let is_for_clients = |name: &str| config.broker_listeners().any(|other| other.name == name);
    let own = config
        .listeners
        .iter()
        .filter(|listener| !is_for_clients(&listener.name));
    let endpoint = |listener: &Listener| Endpoint {
        name: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
    };
    own.map(endpoint).collect()
}

fn registration(broker: &Broker, listeners: &[Listener]) -> BrokerRegistrationRequest {
    let config = broker.config();
    let features = features::SUPPORTED.iter().map(|feature| BrokerFeature {
        name: feature.name.to_owned(),
        min_supported_version: feature.min,
        max_supported_version: feature.max,
    });
    BrokerRegistrationRequest {
        broker_id: broker.node_id,
        cluster_id: broker.logs.cluster_id().to_owned(),
        incarnation_id: Uuid::new_v4(),
        listeners: advertised(&config, listeners),
        features: features.collect(),
        rack: config.server.rack.clone(),
        log_dirs: broker.logs.dirs().iter().map(|dir| dir.id()).collect(),
        ..BrokerRegistrationRequest::default()
    }
}

/// What clients are told: `advertised.listeners`, with the port that was bound where the configured one is 0, and this
/// machine's name where no host is given.
fn advertised(config: &BrokerConfig, bound: &[Listener]) -> Vec<BrokerListener> {
    let listeners = config.advertised_listeners.iter().map(|listener| {
        let socket = bound.iter().find(|bound| bound.name == listener.name);
        BrokerListener {
            name: listener.name.clone(),
            host: if listener.host.is_empty() {
                host_name()
            } else {
                listener.host.clone()
            },
            port: match listener.port {
                0 => socket.map_or(0, |bound| bound.port),
                port => port,
            },
            security_protocol: listener.protocol.id(),
        }
    });
    listeners.collect()
}

fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
