//! Start and stop: the order in which a node's parts come up, and go down again.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::config::{BrokerConfig, Listener};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::broker::Broker;
use crate::controller::{ControllerError, ControllerNode};
use crate::log_levels::LogLevels;
use crate::logs::{Logs, LogsError};
use crate::maintenance::{self, Maintenance};
use crate::net::{listener, stopping};
use crate::runtime::Workers;
use crate::scrubber::Scrubber;

/// What is told to the operator once the node serves.
#[derive(Clone, Debug)]
pub struct Ready {
    pub listeners: Vec<Listener>,
    /// Where clients are told to connect, as NAME://HOST:PORT.
    pub advertised: Vec<String>,
    pub cluster_id: String,
    pub topics: usize,
    pub partitions: usize,
    pub took: Duration,
}

#[derive(Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    Logs(#[from] LogsError),
    #[error(transparent)]
    Controller(#[from] ControllerError),
    #[error("cannot listen on {listener}: {source}")]
    Listen { listener: String, source: io::Error },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs a node until SIGTERM or SIGINT, then closes it cleanly.
pub fn run(
    config: BrokerConfig,
    log_levels: LogLevels,
    ready: impl FnOnce(Ready),
) -> Result<(), RunError> {
    let started = Instant::now();
    raise_descriptor_limit();
    let logs = Logs::open(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(config, logs, log_levels, |broker, listeners| {
        ready(describe(broker, listeners, started))
    }))
}

async fn serve(
    config: BrokerConfig,
    logs: Logs,
    log_levels: LogLevels,
    ready: impl FnOnce(&Broker, Vec<Listener>),
) -> Result<(), RunError> {
    let mut stop_asked = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (sockets, listeners) = listen(&config).await?;
    let controller = ControllerNode::open(&config, &logs).await?;
    let tasks = maintenance::tasks(&config);
    let broker = Arc::new(Broker::new(config, logs, controller.channel(), log_levels));
    let controller = controller.register(&broker, &listeners).await?;
    let workers = Arc::new(Workers::start(cores())?);
    let maintenance = Maintenance::start(broker.clone(), tasks)?;
    let scrubber = Scrubber::start(broker.clone(), broker.config().log.scrub_interval_ms)?;
    let mut accepting = Vec::with_capacity(sockets.len());
    for (socket, described) in sockets.into_iter().zip(&listeners) {
        let name = described.name.as_str().into();
        accepting.push(tokio::spawn(listener::accept(
            socket,
            name,
            broker.clone(),
            workers.clone(),
        )));
    }
    ready(&broker, listeners);
    tokio::select! {
        _ = stop_asked.recv() => {}
        _ = interrupted.recv() => {}
    }
    tracing::info!("stopping");
    accepting.iter().for_each(tokio::task::JoinHandle::abort);
    stopping::drain(&broker).await;
    maintenance.stop();
    if let Some(scrubber) = scrubber {
        scrubber.stop();
    }
    controller.stop().await;
    broker.logs.close(&broker.topics, broker.epoch());
    Ok(())
}

/// Binds before anything else, so that a taken port is told at once. Answers the listeners with the ports that they got.
async fn listen(config: &BrokerConfig) -> Result<(Vec<TcpListener>, Vec<Listener>), RunError> {
    let (mut sockets, mut listeners) = (Vec::new(), Vec::new());
    for listener in config.broker_listeners() {
        let fault = |source| RunError::Listen {
            listener: listener.to_string(),
            source,
        };
        let socket = bind(listener).await.map_err(fault)?;
        let port = socket.local_addr()?.port();
        sockets.push(socket);
        listeners.push(Listener {
            port,
            ..listener.clone()
        });
    }
    Ok((sockets, listeners))
}

/// As Java binds, "0.0.0.0" and no host at all are every interface in both families, where there are both.
async fn bind(listener: &Listener) -> io::Result<TcpListener> {
    let port = listener.port;
    match listener.host.as_str() {
        "" | "0.0.0.0" => {
            let everywhere = [
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            ];
            TcpListener::bind(&everywhere[..]).await
        }
        host => TcpListener::bind((host, port)).await,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn describe(broker: &Broker, listeners: Vec<Listener>, started: Instant) -> Ready {
    let image = broker.image();
    let registered = image.broker(broker.node_id);
    let advertised = registered.map_or(&[][..], |broker| &broker.listeners);
    Ready {
        listeners,
        advertised: advertised.iter().map(ToString::to_string).collect(),
        cluster_id: image.cluster_id().to_owned(),
        topics: image.topic_count(),
        partitions: image.topics().map(|topic| topic.partitions.len()).sum(),
        took: started.elapsed(),
    }
}

/// Each connection and each log in use takes a descriptor; the soft limit is often a historical 1024.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}
