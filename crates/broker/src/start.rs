//! Start and stop: the order in which a node's parts come up, and go down again.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::config::{BrokerConfig, Listener};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::controller::{ControllerError, ControllerNode, Running};
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
    #[error(
        "the controller did not stop within {0:?}: the logs are not closed, and the next start looks through them"
    )]
    Stuck(Duration),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How long the controller may take to stop, which opens and deletes logs and writes its own. Only a disk that hangs takes
/// longer.
const CONTROLLER_STOPS_WITHIN: Duration = Duration::from_secs(20);

/// How long threads may take to end in which a disk is waited for.
const THREADS_END_WITHIN: Duration = Duration::from_secs(5);

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
    let ended = runtime.block_on(serve(config, logs, log_levels, |broker, listeners| {
        ready(describe(broker, listeners, started))
    }));
    runtime.shutdown_timeout(THREADS_END_WITHIN);
    ended
}

async fn serve(
    config: BrokerConfig,
    logs: Logs,
    log_levels: LogLevels,
    ready: impl FnOnce(&Broker, Vec<Listener>),
) -> Result<(), RunError> {
    let mut signals = Signals::listen()?;
    // A start can wait for a full disk, and be stopped then as one that was killed is.
    let node = tokio::select! {
        node = Node::start(config, logs, log_levels) => node?,
        () = signals.stop_asked() => return Ok(()),
    };
    ready(&node.broker, node.listeners.clone());
    signals.stop_asked().await;
    tracing::info!("stopping");
    node.stop().await
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn stop_asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// All parts of a node that serves.
struct Node {
    broker: Arc<Broker>,
    controller: Running,
    listeners: Vec<Listener>,
    accepting: Vec<JoinHandle<()>>,
    /// Connections live on them.
    _workers: Arc<Workers>,
    maintenance: Maintenance,
    scrubber: Option<Scrubber>,
}

impl Node {
    async fn start(
        config: BrokerConfig,
        logs: Logs,
        log_levels: LogLevels,
    ) -> Result<Self, RunError> {
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
        Ok(Self {
            broker,
            controller,
            listeners,
            accepting,
            _workers: workers,
            maintenance,
            scrubber,
        })
    }

    async fn stop(self) -> Result<(), RunError> {
        self.accepting.iter().for_each(JoinHandle::abort);
        stopping::drain(&self.broker).await;
        self.maintenance.stop();
        if let Some(scrubber) = self.scrubber {
            scrubber.stop();
        }
        let stopped = tokio::time::timeout(CONTROLLER_STOPS_WITHIN, self.controller.stop()).await;
        stopped.map_err(|_| RunError::Stuck(CONTROLLER_STOPS_WITHIN))?;
        let broker = &self.broker;
        broker.logs.close(&broker.topics, broker.epoch());
        Ok(())
    }
}

/// Binds before anything else, so that a taken port is told at once. Answers the listeners with the ports that they got.
async fn listen(config: &BrokerConfig) -> Result<(Vec<TcpListener>, Vec<Listener>), RunError> {
    let backlog = u32::try_from(config.network.socket_listen_backlog_size).unwrap_or(1);
    let (mut sockets, mut listeners) = (Vec::new(), Vec::new());
    for listener in config.broker_listeners() {
        let fault = |source| RunError::Listen {
            listener: listener.to_string(),
            source,
        };
        let socket = bind(listener, backlog).await.map_err(fault)?;
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
async fn bind(listener: &Listener, backlog: u32) -> io::Result<TcpListener> {
    let port = listener.port;
    let addresses: Vec<SocketAddr> = match listener.host.as_str() {
        "" | "0.0.0.0" => vec![
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        ],
        host => lookup_host((host, port)).await?.collect(),
    };
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match bind_to(address, backlog) {
            Ok(socket) => return Ok(socket),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

fn bind_to(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // So that a port can be had again at once after a stop.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
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
