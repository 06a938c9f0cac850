//! The configuration of a broker: layers of text, and what they mean together.
//!
//! Strongest first, a setting comes from: the dynamic configuration of this broker, the dynamic
//! configuration of all brokers, the static configuration (file and command line, over the
//! built-in ones of a single node), the key's default.
//! *Invariant: a `BrokerConfig` that exists is valid, key by key and across keys.*

use std::path::{Path, PathBuf};

use crate::checks;
use crate::keys::{belongs_to_plug_in, broker_key, broker_key_or_prefixed, broker_keys};
use crate::listener::{self, Listener};
use crate::load::read_file;
use crate::properties::{Properties, SyntaxError};
use crate::settings::{
    GroupSettings, LogSettings, NetworkSettings, QuorumSettings, ReplicationSettings,
    ServerSettings, StateTopicSettings, TopicCreationSettings, parse_connection_overrides,
};
use crate::suggest::nearest_broker_key;
use crate::synonyms::broker_synonyms;
use crate::topic_config::{TopicConfig, topic_defaults, topic_values};
use crate::value::{Value, ValueError};
use crate::values::Values;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {source}")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Syntax { path: PathBuf, source: SyntaxError },
    #[error("{0:?} is not of the form key=value")]
    NotAnAssignment(String),
    #[error("unknown key {name:?}{}", did_you_mean(.suggestion))]
    UnknownKey {
        name: String,
        suggestion: Option<&'static str>,
    },
    #[error(transparent)]
    Value(#[from] ValueError),
}

fn did_you_mean(suggestion: &Option<&'static str>) -> String {
    suggestion
        .map(|name| format!(": did you mean {name:?}?"))
        .unwrap_or_default()
}

/// What a node has unless it is told otherwise: it is a cluster of one, which keeps one replica
/// of everything.
const SINGLE_NODE: &[(&str, &str)] = &[
    ("process.roles", "broker,controller"),
    ("node.id", "1"),
    ("listeners", "PLAINTEXT://127.0.0.1:9092"),
    ("controller.listener.names", "CONTROLLER"),
    ("log.dir", "tidelog-data"),
    ("offsets.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
];

/// What stands for the file when there is none: the rest of the `server.properties` that Kafka
/// ships, so that DescribeConfigs shows the same keys as static. The sizes of the sockets' buffers are ours: with Kafka's
/// 100 KiB a large Produce costs up to half as much CPU again, and a large Fetch up to twice as much.
const SHIPPED: &[(&str, &str)] = &[
    ("num.network.threads", "3"),
    ("num.io.threads", "8"),
    ("num.partitions", "1"),
    ("num.recovery.threads.per.data.dir", "1"),
    ("socket.send.buffer.bytes", "-1"),
    ("socket.receive.buffer.bytes", "-1"),
    ("socket.request.max.bytes", "104857600"),
    ("log.retention.hours", "168"),
    ("log.segment.bytes", "1073741824"),
    ("log.retention.check.interval.ms", "300000"),
];

/// The layers as text. Later layers win.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    pub(crate) static_configs: Properties,
    pub(crate) dynamic_defaults: Properties,
    pub(crate) dynamic: Properties,
}

#[derive(Clone, Debug)]
pub struct BrokerConfig {
    pub(crate) layers: Layers,
    /// All layers in one: what is set, by whomever.
    pub(crate) effective: Properties,
    pub(crate) values: Values,
    pub(crate) topic_values: Values,
    /// Every listener, the controller's among them.
    pub listeners: Vec<Listener>,
    /// What clients are told, without the controller's listeners; an empty host stands for this machine's name.
    pub advertised_listeners: Vec<Listener>,
    pub(crate) inter_broker_listener_name: String,
    pub log_dirs: Vec<PathBuf>,
    pub metadata_log_dir: PathBuf,
    pub max_connections_per_ip_overrides: Vec<(String, i32)>,
    pub server: ServerSettings,
    pub topic_creation: TopicCreationSettings,
    pub network: NetworkSettings,
    pub log: LogSettings,
    pub replication: ReplicationSettings,
    pub groups: GroupSettings,
    pub state_topics: StateTopicSettings,
    pub quorum: QuorumSettings,
    /// What a topic without overrides has.
    pub topic_defaults: TopicConfig,
}

impl BrokerConfig {
    /// The configuration of a start: the file's, or Kafka's shipped one without a file, under
    /// what the command line sets.
    pub fn load(file: Option<&Path>, command_line: Properties) -> Result<Self, ConfigError> {
        let mut given = match file {
            Some(path) => read_file(path)?,
            None => owned(SHIPPED),
        };
        given.extend(command_line);
        Self::new(given)
    }

    /// The configuration of a start: `given` over that of a single node. An unknown key is an error.
    pub fn new(given: Properties) -> Result<Self, ConfigError> {
        for name in given.keys() {
            if broker_key_or_prefixed(name).is_none() && !belongs_to_plug_in(name) {
                let suggestion = nearest_broker_key(name);
                return Err(ConfigError::UnknownKey {
                    name: name.clone(),
                    suggestion,
                });
            }
        }
        let static_configs = over_single_node(given);
        Ok(Self::from_layers(Layers {
            static_configs,
            ..Layers::default()
        })?)
    }

    /// The same start with other dynamic configurations: those of all brokers, and those of this one.
    pub fn with_dynamic(&self, defaults: Properties, own: Properties) -> Result<Self, ValueError> {
        Self::from_layers(Layers {
            static_configs: self.layers.static_configs.clone(),
            dynamic_defaults: defaults,
            dynamic: own,
        })
    }

    /// A topic's configuration, from its overrides.
    pub fn topic(&self, overrides: &Properties) -> Result<TopicConfig, ValueError> {
        TopicConfig::read(&topic_values(&self.topic_values, overrides)?)
    }

    /// The parsed value of any broker key; `None` if there is no such key.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.value(name)
    }

    /// The listeners that clients and brokers connect to.
    pub fn broker_listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners
            .iter()
            .filter(|listener| !self.is_controller_listener(&listener.name))
    }

    /// How many connections one listener may hold: its own `max.connections`, else the broker's.
    pub fn max_connections_of(&self, listener: &str) -> i32 {
        let own = self.listeners_own(listener, "max.connections");
        own.unwrap_or(self.network.max_connections)
    }

    /// How many connections one listener may take a second: its own `max.connection.creation.rate`, else the broker's.
    pub fn max_connection_creation_rate_of(&self, listener: &str) -> i32 {
        let own = self.listeners_own(listener, "max.connection.creation.rate");
        own.unwrap_or(self.network.max_connection_creation_rate)
    }

    fn listeners_own(&self, listener: &str, key: &str) -> Option<i32> {
        let key = format!("listener.name.{}.{key}", listener.to_ascii_lowercase());
        self.effective.get(&key)?.trim().parse().ok()
    }

    /// Whether this entry of `log.dirs` takes no new partitions.
    pub fn is_cordoned(&self, dir: &Path) -> bool {
        let mut cordoned = self.log.cordoned_dirs.iter().flatten();
        cordoned.any(|cordoned| cordoned == "*" || Path::new(cordoned) == dir)
    }

    /// Whether this listener is the brokers' own, and clients have another.
    pub fn is_for_brokers_alone(&self, listener: &str) -> bool {
        self.inter_broker_listener_name
            .eq_ignore_ascii_case(listener)
            && self.broker_listeners().count() > 1
    }

    fn is_controller_listener(&self, name: &str) -> bool {
        is_among(&self.quorum.controller_listener_names, name)
    }

    fn from_layers(layers: Layers) -> Result<Self, ValueError> {
        let effective = merge(&layers);
        let values = parse_values(&effective)?;
        let quorum = QuorumSettings::read(&values)?;
        let (listeners, advertised_listeners) = read_listeners(&effective, &values, &quorum)?;
        let topic_values = topic_defaults(&values)?;
        let log_dirs = read_log_dirs(&values)?;
        let metadata_log_dir = match values.get::<Option<String>>("metadata.log.dir")? {
            Some(dir) => PathBuf::from(dir),
            None => log_dirs.first().cloned().unwrap_or_default(),
        };
        let overrides: String = values.get("max.connections.per.ip.overrides")?;
        let config = Self {
            listeners,
            advertised_listeners,
            inter_broker_listener_name: inter_broker_listener_name(&effective, &values)?,
            log_dirs,
            metadata_log_dir,
            max_connections_per_ip_overrides: parse_connection_overrides(&overrides)?,
            server: ServerSettings::read(&values)?,
            topic_creation: TopicCreationSettings::read(&values)?,
            network: NetworkSettings::read(&values)?,
            log: LogSettings::read(&values)?,
            replication: ReplicationSettings::read(&values)?,
            groups: GroupSettings::read(&values)?,
            state_topics: StateTopicSettings::read(&values)?,
            quorum,
            topic_defaults: TopicConfig::read(&topic_values)?,
            topic_values,
            layers,
            effective,
            values,
        };
        checks::check(&config)?;
        Ok(config)
    }
}

fn owned(entries: &[(&str, &str)]) -> Properties {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    entries.iter().map(own).collect()
}

/// `broker.id` and `node.id` stand for each other, and a given directory replaces the built-in one.
fn over_single_node(given: Properties) -> Properties {
    let mut configs = owned(SINGLE_NODE);
    if let Some(id) = given
        .get("broker.id")
        .filter(|_| !given.contains_key("node.id"))
    {
        configs.insert("node.id".to_owned(), id.clone());
    }
    if given.contains_key("log.dirs") {
        configs.remove("log.dir");
    }
    configs.extend(given);
    if let Some(id) = configs.get("node.id").cloned() {
        configs.entry("broker.id".to_owned()).or_insert(id);
    }
    configs
}

/// A dynamic value also removes the weaker layers' synonyms: `log.retention.hours` set at
/// runtime must not lose to a `log.retention.ms` of the file.
fn merge(layers: &Layers) -> Properties {
    let mut effective = layers.static_configs.clone();
    for layer in [&layers.dynamic_defaults, &layers.dynamic] {
        for (name, text) in layer {
            if !name.starts_with("listener.name.") {
                for synonym in broker_synonyms(name) {
                    effective.remove(synonym);
                }
            }
            effective.insert(name.clone(), text.clone());
        }
    }
    effective
}

fn parse_values(effective: &Properties) -> Result<Values, ValueError> {
    let mut values = Values::default();
    for key in broker_keys() {
        let text = effective.get(key.name).map(String::as_str);
        if text.is_none() && key.is_required {
            return Err(ValueError::new(format!(
                "Missing required configuration \"{}\" which has no default value.",
                key.name
            )));
        }
        let text = text.or(key.default);
        values.insert(key.name, key.parse(text)?);
    }
    for (name, text) in effective {
        // A key with a listener's prefix obeys the limits of the key without it.
        if broker_key(name).is_none()
            && let Some(key) = broker_key_or_prefixed(name)
        {
            key.parse(Some(text))?;
        }
    }
    Ok(values)
}

fn read_listeners(
    effective: &Properties,
    values: &Values,
    quorum: &QuorumSettings,
) -> Result<(Vec<Listener>, Vec<Listener>), ValueError> {
    let map: String = values.get("listener.security.protocol.map")?;
    let mut protocols = listener::parse_protocol_map(&map)?;
    // Unless the map is given, the controller's listeners are plaintext.
    if !effective.contains_key("listener.security.protocol.map") {
        for name in &quorum.controller_listener_names {
            protocols
                .entry(name.to_ascii_uppercase())
                .or_insert(listener::SecurityProtocol::Plaintext);
        }
    }
    let items: Vec<String> = values.get("listeners")?;
    let listeners = listener::parse_listeners(&items, &protocols)?;
    listener::check_distinct_ports(&listeners)?;
    let mut advertised = match values.get::<Option<Vec<String>>>("advertised.listeners")? {
        Some(items) => listener::parse_listeners(&items, &protocols)?,
        None => listeners.clone(),
    };
    advertised.retain(|listener| !is_among(&quorum.controller_listener_names, &listener.name));
    Ok((listeners, advertised))
}

fn is_among(names: &[String], name: &str) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}

fn inter_broker_listener_name(
    effective: &Properties,
    values: &Values,
) -> Result<String, ValueError> {
    match values.get::<Option<String>>("inter.broker.listener.name")? {
        Some(_) if effective.contains_key("security.inter.broker.protocol") => Err(ValueError::new(
            "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set."
                .to_owned(),
        )),
        Some(name) => Ok(name.to_ascii_uppercase()),
        None => values.get("security.inter.broker.protocol"),
    }
}

fn read_log_dirs(values: &Values) -> Result<Vec<PathBuf>, ValueError> {
    let dirs = match values.get::<Option<Vec<String>>>("log.dirs")? {
        Some(dirs) => dirs,
        None => values.get("log.dir")?,
    };
    Ok(dirs.into_iter().map(PathBuf::from).collect())
}
