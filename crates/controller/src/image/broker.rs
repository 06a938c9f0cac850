//! A broker as it registered itself.

use std::fmt;

use uuid::Uuid;
use wire::records::metadata::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, RegisterBrokerRecord,
};

use super::topic::directory;

#[derive(Debug, Clone, PartialEq)]
pub struct Broker {
    pub id: i32,
    /// Chosen anew by the broker at every start.
    pub incarnation_id: Uuid,
    /// The offset at which this incarnation was registered.
    pub epoch: i64,
    pub listeners: Vec<Listener>,
    pub features: Vec<FeatureRange>,
    pub rack: Option<String>,
    pub log_dirs: Vec<Uuid>,
    /// Directories that get no new replicas (KIP-1066).
    pub cordoned_log_dirs: Vec<Uuid>,
    /// A fenced broker leads nothing and is not shown to clients.
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    pub name: String,
    pub host: String,
    pub port: u16,
    /// Kafka's id of the security protocol: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
    pub security_protocol: i16,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Listener {
            name, host, port, ..
        } = self;
        if host.contains(':') {
            write!(f, "{name}://[{host}]:{port}")
        } else {
            write!(f, "{name}://{host}:{port}")
        }
    }
}

/// The levels of one feature that a node can work at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureRange {
    pub name: String,
    pub min: i16,
    pub max: i16,
}

impl Broker {
    pub(super) fn new(record: &RegisterBrokerRecord) -> Broker {
        Broker {
            id: record.broker_id,
            incarnation_id: record.incarnation_id,
            epoch: record.broker_epoch,
            listeners: record.end_points.iter().map(Listener::new).collect(),
            features: record.features.iter().map(FeatureRange::new).collect(),
            rack: record.rack.clone(),
            log_dirs: record.log_dirs.clone(),
            cordoned_log_dirs: record.cordoned_log_dirs.clone().unwrap_or_default(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
        }
    }

    pub(super) fn merge(&self, change: &BrokerRegistrationChangeRecord) -> Broker {
        let mut broker = self.clone();
        match change.fenced {
            FENCE => broker.fenced = true,
            UNFENCE => broker.fenced = false,
            _ => {}
        }
        broker.in_controlled_shutdown |= change.in_controlled_shutdown == IN_CONTROLLED_SHUTDOWN;
        if !change.log_dirs.is_empty() {
            broker.log_dirs.clone_from(&change.log_dirs);
        }
        if let Some(cordoned) = &change.cordoned_log_dirs {
            broker.cordoned_log_dirs.clone_from(cordoned);
        }
        broker
    }

    pub(super) fn to_record(&self) -> RegisterBrokerRecord {
        RegisterBrokerRecord {
            broker_id: self.id,
            is_migrating_zk_broker: false,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch,
            end_points: self.listeners.iter().map(Listener::to_record).collect(),
            features: self.features.iter().map(FeatureRange::to_record).collect(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: self.log_dirs.clone(),
            cordoned_log_dirs: (!self.cordoned_log_dirs.is_empty())
                .then(|| self.cordoned_log_dirs.clone()),
        }
    }

    /// Whether it may lead partitions and receive new ones.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    pub fn listener(&self, name: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.name == name)
    }

    /// Whether a replica assigned to `id` can be served. A directory that is not known yet counts
    /// as online, one that is known to be lost does not.
    pub fn has_online_directory(&self, id: Uuid) -> bool {
        match id {
            directory::UNASSIGNED | directory::MIGRATING => true,
            directory::LOST => false,
            id => self.log_dirs.is_empty() || self.log_dirs.contains(&id),
        }
    }

    /// Where a new replica goes as far as the controller can tell: a broker with several
    /// directories chooses for itself.
    pub fn default_directory(&self) -> Uuid {
        match self.log_dirs.as_slice() {
            [] => directory::MIGRATING,
            [only] => *only,
            _ => directory::UNASSIGNED,
        }
    }
}

/// Values of `BrokerRegistrationChangeRecord::fenced` and `in_controlled_shutdown`; 0 is no change.
pub(crate) const FENCE: i8 = 1;
pub(crate) const UNFENCE: i8 = -1;
pub(crate) const IN_CONTROLLED_SHUTDOWN: i8 = 1;

impl Listener {
    fn new(record: &BrokerEndpoint) -> Listener {
        Listener {
            name: record.name.clone(),
            host: record.host.clone(),
            port: record.port,
            security_protocol: record.security_protocol,
        }
    }

    pub(crate) fn to_record(&self) -> BrokerEndpoint {
        BrokerEndpoint {
            name: self.name.clone(),
            host: self.host.clone(),
            port: self.port,
            security_protocol: self.security_protocol,
        }
    }
}

impl FeatureRange {
    fn new(record: &BrokerFeature) -> FeatureRange {
        FeatureRange {
            name: record.name.clone(),
            min: record.min_supported_version,
            max: record.max_supported_version,
        }
    }

    pub(crate) fn to_record(&self) -> BrokerFeature {
        BrokerFeature {
            name: self.name.clone(),
            min_supported_version: self.min,
            max_supported_version: self.max,
        }
    }
}
