//! A configuration as DescribeConfigs shows it: each key with its value, where that comes from,
//! and every weaker place that also sets it.

use crate::broker_config::BrokerConfig;
use crate::key::{Key, Kind, UpdateMode};
use crate::keys::{
    CLIENT_METRICS_KEYS, GROUP_KEYS, TOPIC_KEYS, broker_key, broker_key_or_prefixed, broker_keys,
};
use crate::properties::Properties;
use crate::synonyms::{broker_synonyms, group_fallback, topic_fallbacks};
use crate::topic_config::topic_values;
use crate::value::{Value, ValueError};

/// Where a value comes from, with the number that DescribeConfigs gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    DynamicBrokerLogger = 6,
    ClientMetrics = 7,
    Group = 8,
}

/// One place that sets a key, under that key or a synonym.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonym {
    pub name: String,
    /// `None` for null and for what is sensitive.
    pub value: Option<String>,
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    /// `None` for null and for what is sensitive.
    pub value: Option<String>,
    pub source: Source,
    pub is_read_only: bool,
    pub is_sensitive: bool,
    /// `None` for a key that nobody declared.
    pub kind: Option<Kind>,
    /// Strongest first; the first one gives the value.
    pub synonyms: Vec<Synonym>,
    pub documentation: Option<&'static str>,
}

impl BrokerConfig {
    /// What this broker runs with: every key that is not internal, and whatever else is set.
    pub fn describe(&self) -> Vec<Description> {
        let listed = broker_keys()
            .filter(|key| !key.is_internal && !key.is_unlisted)
            .map(|key| (key.name, self.value(key.name).and_then(Value::to_text)));
        let others = self
            .effective
            .iter()
            .filter(|(name, _)| {
                broker_key(name).is_none_or(|key| key.is_internal || key.is_unlisted)
            })
            .map(|(name, text)| (name.as_str(), Some(text.clone())));
        listed
            .chain(others)
            .map(|(name, value)| {
                self.describe_broker_key(name, value, self.broker_key_sources(name))
            })
            .collect()
    }

    /// What is set at runtime for all brokers.
    pub fn describe_dynamic_defaults(&self) -> Vec<Description> {
        let describe = |(name, text): (&String, &String)| {
            let mut synonyms = self.broker_key_sources(name);
            synonyms.retain(|synonym| synonym.source == Source::DynamicDefaultBroker);
            self.describe_broker_key(name, Some(text.clone()), synonyms)
        };
        self.layers.dynamic_defaults.iter().map(describe).collect()
    }

    /// A topic with these overrides.
    pub fn describe_topic(&self, overrides: &Properties) -> Result<Vec<Description>, ValueError> {
        let values = topic_values(&self.topic_values, overrides)?;
        let is_shown = |key: &&Key| !key.is_internal || overrides.contains_key(key.name);
        let describe = |key: &'static Key| {
            let value = values.value(key.name).and_then(Value::to_text);
            // Only the strongest fallback is looked up; its own synonyms follow it.
            let fallback = topic_fallbacks(key.name).first();
            let inherited = fallback
                .map(|f| self.broker_key_sources(f.key))
                .unwrap_or_default();
            describe_overridable(key, value, Source::Topic, overrides, inherited)
        };
        Ok(TOPIC_KEYS.iter().filter(is_shown).map(describe).collect())
    }

    /// A group with these overrides; its keys are the broker's without `group.`.
    pub fn describe_group(&self, overrides: &Properties) -> Result<Vec<Description>, ValueError> {
        let describe = |key: &'static Key| {
            let broker_key = group_fallback(key.name);
            let value = match (overrides.get(key.name), broker_key) {
                (Some(text), _) => key.parse(Some(text))?,
                (None, Some(broker_key)) => self.values.get(broker_key.name)?,
                (None, None) => key.parse(key.default)?,
            };
            let inherited = match broker_key {
                Some(broker_key) => self.broker_key_sources(broker_key.name),
                None => default_synonym(key).into_iter().collect(),
            };
            Ok(describe_overridable(
                key,
                value.to_text(),
                Source::Group,
                overrides,
                inherited,
            ))
        };
        GROUP_KEYS.iter().map(describe).collect()
    }

    fn describe_broker_key(
        &self,
        name: &str,
        value: Option<String>,
        synonyms: Vec<Synonym>,
    ) -> Description {
        let key = typed_broker_key(name);
        let is_sensitive = is_sensitive(key);
        Description {
            name: name.to_owned(),
            value: value.filter(|_| !is_sensitive),
            source: synonyms
                .first()
                .map_or(Source::Default, |first| first.source),
            // A key with a listener's prefix can be changed, but Kafka does not say so.
            is_read_only: broker_key(name)
                .is_none_or(|key| key.update_mode == UpdateMode::ReadOnly),
            is_sensitive,
            kind: key.map(|key| key.kind),
            synonyms,
            documentation: broker_key(name).map(|key| key.documentation),
        }
    }

    /// Every place that sets the broker key `name`, strongest first. What a synonym alone sets is
    /// left out, as in Kafka: the answer begins with `name` itself.
    fn broker_key_sources(&self, name: &str) -> Vec<Synonym> {
        let is_sensitive = is_sensitive(typed_broker_key(name));
        let names = broker_synonyms(name);
        let layers = [
            (&self.layers.dynamic, Source::DynamicBroker),
            (&self.layers.dynamic_defaults, Source::DynamicDefaultBroker),
            (&self.layers.static_configs, Source::StaticBroker),
        ];
        let set = layers.iter().flat_map(|(layer, source)| {
            names.iter().filter_map(|name| {
                let value = layer.get(*name)?.clone();
                Some(Synonym {
                    name: (*name).to_owned(),
                    value: Some(value),
                    source: *source,
                })
            })
        });
        let defaults = names
            .iter()
            .filter_map(|name| default_synonym(broker_key(name)?));
        set.chain(defaults)
            .skip_while(|synonym| synonym.name != name)
            .map(|synonym| Synonym {
                value: synonym.value.filter(|_| !is_sensitive),
                ..synonym
            })
            .collect()
    }
}

/// A client metrics subscription with these configurations.
pub fn describe_client_metrics(configs: &Properties) -> Result<Vec<Description>, ValueError> {
    let describe = |key: &'static Key| {
        let text = configs.get(key.name).map(String::as_str).or(key.default);
        let value = key.parse(text)?.to_text();
        Ok(describe_overridable(
            key,
            value,
            Source::ClientMetrics,
            configs,
            Vec::new(),
        ))
    };
    CLIENT_METRICS_KEYS.iter().map(describe).collect()
}

fn describe_overridable(
    key: &'static Key,
    value: Option<String>,
    own_source: Source,
    overrides: &Properties,
    inherited: Vec<Synonym>,
) -> Description {
    let mut synonyms = inherited;
    if overrides.contains_key(key.name) {
        let own = Synonym {
            name: key.name.to_owned(),
            value: value.clone(),
            source: own_source,
        };
        synonyms.insert(0, own);
    }
    Description {
        name: key.name.to_owned(),
        value,
        source: synonyms
            .first()
            .map_or(Source::Default, |first| first.source),
        is_read_only: false,
        is_sensitive: false,
        kind: Some(key.kind),
        synonyms,
        documentation: Some(key.documentation),
    }
}

fn default_synonym(key: &Key) -> Option<Synonym> {
    if key.is_unlisted {
        return None;
    }
    // Through a value and back, so that it reads as every other value does.
    let value = key.parse(Some(key.default?)).ok()?.to_text();
    Some(Synonym {
        name: key.name.to_owned(),
        value,
        source: Source::Default,
    })
}

fn typed_broker_key(name: &str) -> Option<&'static Key> {
    broker_key_or_prefixed(name).filter(|key| !key.is_untyped)
}

/// What has no known type might be a secret.
fn is_sensitive(key: Option<&Key>) -> bool {
    key.is_none_or(Key::is_sensitive)
}
