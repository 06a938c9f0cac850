//! Checks of a change before it is made, with the messages that Kafka's clients see.

use crate::broker_config::BrokerConfig;
use crate::key::UpdateMode;
use crate::keys::{
    broker_key, broker_key_or_prefixed, client_metrics_key, group_key, topic_key,
    without_listener_prefix,
};
use crate::properties::Properties;
use crate::topic_config::{TopicConfig, topic_values};
use crate::value::ValueError;

type Check = Result<(), ValueError>;

/// Keys that make sense for one listener only, and thus change only with its prefix.
const PER_LISTENER_KEYS: &[&str] = &[
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

/// Keys that may be set for one listener on all brokers at once.
const CLUSTER_WIDE_LISTENER_KEYS: &[&str] = &[
    "max.connections",
    "max.connection.creation.rate",
    "num.network.threads",
];

/// Thread counts, which may at most double or halve in one change.
const THREAD_COUNT_KEYS: &[&str] = &[
    "num.io.threads",
    "num.replica.fetchers",
    "num.recovery.threads.per.data.dir",
    "background.threads",
];

impl BrokerConfig {
    /// Whether a topic may have these overrides, all of them together.
    pub fn validate_topic(&self, overrides: &Properties) -> Check {
        for name in overrides.keys() {
            if topic_key(name).is_none() {
                return Err(ValueError::new(format!(
                    "Unknown topic config name: {name}"
                )));
            }
        }
        let topic = TopicConfig::read(&topic_values(&self.topic_values, overrides)?)?;
        let (min, max) = (topic.min_compaction_lag_ms, topic.max_compaction_lag_ms);
        if min > max {
            return Err(ValueError::new(format!(
                "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
            )));
        }
        if topic.remote_storage_enable {
            return Err(ValueError::new(
                "Tiered Storage functionality is disabled in the broker. \
                 Topic cannot be configured with remote log storage."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Whether a group may have these overrides, all of them together.
    pub fn validate_group(&self, overrides: &Properties) -> Check {
        for name in overrides.keys() {
            if group_key(name).is_none() {
                return Err(ValueError::new(format!(
                    "Unknown group config name: {name}"
                )));
            }
        }
        let mut values = Vec::new();
        for (name, text) in overrides {
            if let Some(key) = group_key(name) {
                values.push((name.as_str(), key.parse(Some(text))?));
            }
        }
        for (name, value) in &values {
            if let Some(number) = value.as_i64() {
                self.check_group_bounds(name, number)?;
            }
        }
        for protocol in ["consumer", "share", "streams"] {
            let effective = |setting: &str| -> Option<i64> {
                let name = format!("{protocol}.{setting}");
                let own = values
                    .iter()
                    .find(|(own, _)| *own == name)
                    .map(|(_, value)| value);
                own.or_else(|| self.value(&format!("group.{name}")))?
                    .as_i64()
            };
            if effective("session.timeout.ms") <= effective("heartbeat.interval.ms") {
                return Err(ValueError::new(format!(
                    "{protocol}.session.timeout.ms must be greater than {protocol}.heartbeat.interval.ms"
                )));
            }
        }
        Ok(())
    }

    /// A group's key lies between the broker's `group.*.min.*` and `group.*.max.*`, where these exist.
    fn check_group_bounds(&self, name: &str, number: i64) -> Check {
        let Some((protocol, setting)) = name.split_once('.') else {
            return Ok(());
        };
        let bound = |which: &str| {
            // The bound of `streams.num.standby.replicas` has no `num`.
            let setting = setting.strip_prefix("num.").unwrap_or(setting);
            let key = format!("group.{protocol}.{which}.{setting}");
            self.value(&key)?.as_i64().map(|bound| (key, bound))
        };
        if let Some((key, min)) = bound("min")
            && number < min
        {
            return Err(ValueError::new(format!(
                "{name} must be greater than or equal to {key}"
            )));
        }
        if let Some((key, max)) = bound("max")
            && number > max
        {
            return Err(ValueError::new(format!(
                "{name} must be less than or equal to {key}"
            )));
        }
        Ok(())
    }

    /// Whether the dynamic configuration of all brokers may become `configs`.
    pub fn validate_dynamic_defaults(&self, configs: &Properties) -> Check {
        check_dynamic_names(configs)?;
        let for_one_broker = configs.keys().filter(|name| is_for_one_broker(name));
        refuse(
            for_one_broker,
            "Cannot update these configs at default cluster level, broker id must be specified",
        )?;
        let next = self.with_dynamic(configs.clone(), self.layers.dynamic.clone())?;
        self.check_thread_counts(&next)
    }

    /// Whether the dynamic configuration of this broker may become `configs`.
    pub fn validate_dynamic(&self, configs: &Properties) -> Check {
        check_dynamic_names(configs)?;
        let is_fixed = |name: &&String| FIXED_AT_START.contains(&name.as_str());
        refuse(
            configs.keys().filter(is_fixed),
            "Cannot update these configs dynamically",
        )?;
        let next = self.with_dynamic(self.layers.dynamic_defaults.clone(), configs.clone())?;
        self.check_thread_counts(&next)
    }

    fn check_thread_counts(&self, next: &BrokerConfig) -> Check {
        for name in THREAD_COUNT_KEYS {
            let (current, new): (i32, i32) = (self.values.get(name)?, next.values.get(name)?);
            let fault = if new < current / 2 {
                format!("should be at least half the current value {current}")
            } else if i64::from(new) > 2 * i64::from(current) {
                format!("should not be greater than double the current value {current}")
            } else {
                continue;
            };
            return Err(ValueError::new(format!(
                "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count \
                 update validation failed for {name}={new}, value {fault} \
                 for configuration Invalid dynamic configuration"
            )));
        }
        Ok(())
    }
}

/// Unlike Kafka, a running node does not open and close listeners.
const FIXED_AT_START: &[&str] = &["listeners", "listener.security.protocol.map"];

/// Names that may never change at runtime, then those that need a prefix, then the values.
fn check_dynamic_names(configs: &Properties) -> Check {
    let is_static = |name: &&String| {
        broker_key(name)
            .is_some_and(|key| key.update_mode == UpdateMode::ReadOnly && !key.is_untyped)
    };
    refuse(
        configs.keys().filter(is_static),
        "Cannot update these configs dynamically",
    )?;
    let needs_prefix = |name: &&String| PER_LISTENER_KEYS.contains(&name.as_str());
    refuse(
        configs.keys().filter(needs_prefix),
        "These security configs can be dynamically updated only per-listener using the listener prefix",
    )?;
    for (name, text) in configs {
        if let Some(key) = broker_key_or_prefixed(name) {
            key.parse(Some(text))?;
        }
    }
    Ok(())
}

fn is_for_one_broker(name: &str) -> bool {
    match without_listener_prefix(name) {
        Some(base) => !CLUSTER_WIDE_LISTENER_KEYS.contains(&base),
        None => broker_key(name).is_some_and(|key| key.update_mode == UpdateMode::PerBroker),
    }
}

fn refuse<'a>(names: impl Iterator<Item = &'a String>, why: &str) -> Check {
    let names: Vec<_> = names.map(String::as_str).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(ValueError::new(format!("{why}: [{}]", names.join(", "))))
}

/// Why a client metrics subscription is refused. Kafka tells requests from configurations here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientMetricsError {
    #[error("{0}")]
    InvalidRequest(String),
    #[error(transparent)]
    InvalidConfig(#[from] ValueError),
}

const INTERVAL_MS: std::ops::RangeInclusive<i64> = 100..=3_600_000;

/// What a subscription may select clients by (KIP-714).
const CLIENT_SELECTORS: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Whether a client metrics subscription may have these configurations.
pub fn validate_client_metrics(name: &str, configs: &Properties) -> Result<(), ClientMetricsError> {
    if name.is_empty() {
        let message = "Subscription name can't be empty".to_owned();
        return Err(ClientMetricsError::InvalidRequest(message));
    }
    for (name, text) in configs {
        let Some(key) = client_metrics_key(name) else {
            let message = format!("Unknown client metrics configuration: {name}");
            return Err(ClientMetricsError::InvalidRequest(message));
        };
        let value = key.parse(Some(text))?;
        if let Some(interval_ms) = value.as_i64()
            && !INTERVAL_MS.contains(&interval_ms)
        {
            return Err(ClientMetricsError::InvalidRequest(format!(
                "Invalid value {interval_ms} for {name}, interval must be between {} and {} (1 hour)",
                INTERVAL_MS.start(),
                INTERVAL_MS.end()
            )));
        }
        if name == "match" {
            check_client_patterns(text)?;
        }
    }
    Ok(())
}

/// Patterns of the form `selector=regex`. The expression itself is not compiled here; only
/// unbalanced brackets are found.
fn check_client_patterns(text: &str) -> Check {
    for pattern in text
        .split(',')
        .map(str::trim)
        .filter(|pattern| !pattern.is_empty())
    {
        let is_legal = pattern
            .split_once('=')
            .is_some_and(|(selector, expression)| {
                CLIENT_SELECTORS.contains(&selector.trim()) && has_closed_brackets(expression)
            });
        if !is_legal {
            return Err(ValueError::new(format!(
                "Illegal client matching pattern: {pattern}"
            )));
        }
    }
    Ok(())
}

fn has_closed_brackets(expression: &str) -> bool {
    let (mut groups, mut in_class, mut escaped) = (0_i32, false, false);
    for c in expression.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => groups += 1,
            ')' if !in_class => groups -= 1,
            _ => {}
        }
        if groups < 0 {
            return false;
        }
    }
    groups == 0 && !in_class && !escaped
}
