//! What a configuration belongs to.

use std::sync::Arc;

/// The kinds that the metadata log stores, with Kafka's ids. (Broker loggers are not stored.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigResourceType {
    Topic,
    Broker,
    ClientMetrics,
    Group,
}

impl ConfigResourceType {
    pub fn from_id(id: i8) -> Option<ConfigResourceType> {
        match id {
            2 => Some(ConfigResourceType::Topic),
            4 => Some(ConfigResourceType::Broker),
            16 => Some(ConfigResourceType::ClientMetrics),
            32 => Some(ConfigResourceType::Group),
            _ => None,
        }
    }

    pub fn id(self) -> i8 {
        match self {
            ConfigResourceType::Topic => 2,
            ConfigResourceType::Broker => 4,
            ConfigResourceType::ClientMetrics => 16,
            ConfigResourceType::Group => 32,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    pub kind: ConfigResourceType,
    /// Empty for what applies to all brokers of the cluster.
    pub name: Arc<str>,
}

impl ConfigResource {
    pub fn topic(name: &str) -> ConfigResource {
        ConfigResource {
            kind: ConfigResourceType::Topic,
            name: name.into(),
        }
    }

    pub fn broker(id: i32) -> ConfigResource {
        ConfigResource {
            kind: ConfigResourceType::Broker,
            name: id.to_string().into(),
        }
    }

    /// The defaults of every broker of the cluster.
    pub fn cluster() -> ConfigResource {
        ConfigResource {
            kind: ConfigResourceType::Broker,
            name: "".into(),
        }
    }
}
