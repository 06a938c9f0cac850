//! Every configuration key, declared once, and the configuration of a broker and its topics.
//!
//! *Invariant: a key's name, type, default, limits and documentation stand in one table entry;
//! parsing, answers to DescribeConfigs, checks of changes and the reference page derive from it.*

mod broker_config;
#[cfg(test)]
mod broker_config_tests;
mod changes;
#[cfg(test)]
mod changes_tests;
mod checks;
mod describe;
#[cfg(test)]
mod describe_tests;
mod inert;
mod key;
mod keys;
mod listener;
mod load;
mod operation;
#[cfg(test)]
mod parse_tests;
mod properties;
mod reference;
mod settings;
mod suggest;
mod synonyms;
mod topic_config;
mod validator;
mod value;
mod values;

pub use broker_config::{BrokerConfig, ConfigError};
pub use changes::{ClientMetricsError, validate_client_metrics};
pub use describe::{Description, Source, Synonym, describe_client_metrics};
pub use inert::is_inert;
pub use key::{Importance, Key, Kind, UpdateMode};
pub use keys::{
    CLIENT_METRICS_KEYS, GROUP_KEYS, TOPIC_KEYS, broker_key, broker_keys, client_metrics_key,
    group_key, topic_key,
};
pub use listener::{Listener, SecurityProtocol};
pub use load::{parse_assignment, read_file};
pub use operation::{NotAList, Operation};
pub use properties::{Properties, SyntaxError, parse_properties, parse_toml};
pub use reference::reference_markdown;
pub use settings::{
    Durability, GroupSettings, LogSettings, NetworkSettings, QuorumSettings, RecordValidation,
    ReplicationSettings, ServerSettings, StateTopicSettings, TopicCreationSettings,
};
pub use topic_config::{CleanupPolicy, CompressionType, TimestampType, TopicConfig};
pub use value::{Value, ValueError};
