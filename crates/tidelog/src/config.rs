//! `tidelog config`: the settings of a topic or a broker, read and changed.

use clap::{Args, Subcommand, ValueEnum};
use client::{ClientError, Cluster, TopicFilter, check};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};
use kafka_protocol::protocol::StrBytes;
use serde::Serialize;

use crate::connect::ConnectArgs;
use crate::hint::{Advised, UsageError};
use crate::outcome::Outcomes;
use crate::output::{OutputArgs, Table, View};

/// Read and change the settings of topics and brokers.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    verb: ConfigVerb,
}

const EXAMPLES: &str = "\
Examples:
  tidelog config get topic orders
  tidelog config set topic orders retention.ms=3600000
  tidelog config unset broker default log.retention.ms";

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    Get(GetArgs),
    Set(SetArgs),
    Unset(UnsetArgs),
}

/// Show settings: those that differ from the defaults, or all, or the ones named.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog config get topic orders
  tidelog config get topic orders retention.ms cleanup.policy
  tidelog config get broker 1 --all --docs
  tidelog config get broker default -o yaml")]
struct GetArgs {
    #[command(flatten)]
    resource: ResourceArgs,
    /// Only these keys.
    keys: Vec<String>,
    /// Also the settings that have their default value.
    #[arg(short, long)]
    all: bool,
    /// With the documentation of each key.
    #[arg(long)]
    docs: bool,
}

/// Change settings.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog config set topic orders retention.ms=3600000 max.message.bytes=2097152
  tidelog config set topic orders cleanup.policy=delete --dry-run
  tidelog config set broker default log.retention.ms=86400000")]
struct SetArgs {
    #[command(flatten)]
    resource: ResourceArgs,
    /// What to set.
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = parse_setting)]
    settings: Vec<Setting>,
    /// Ask whether it would be accepted, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Take settings away, so that the default holds again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog config unset topic orders retention.ms
  tidelog config unset broker 1 log.retention.ms log.segment.bytes")]
struct UnsetArgs {
    #[command(flatten)]
    resource: ResourceArgs,
    /// The keys.
    #[arg(required = true)]
    keys: Vec<String>,
    /// Ask whether it would be accepted, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct ResourceArgs {
    /// Whose settings.
    #[arg(value_enum)]
    kind: ResourceKind,
    /// The topic's name; or the broker's id, or `default` for what holds for all brokers.
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResourceKind {
    Topic,
    Broker,
}

/// A topic, a broker, or all brokers (a broker whose name is empty).
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    kind: ResourceKind,
    name: String,
}

/// Stands in place of a broker's id for what holds for all of them.
const DEFAULT_OF_ALL: &str = "default";

/// `key=value` from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: String,
}

pub(crate) fn parse_setting(text: &str) -> Result<Setting, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Setting {
            key: key.trim().to_owned(),
            value: value.to_owned(),
        }),
        _ => Err("expected key=value".to_owned()),
    }
}

/// One change of a setting, as IncrementalAlterConfigs has them.
pub(crate) enum Change {
    Set(Setting),
    Unset(String),
}

/// One setting with where it comes from.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// `None` if it is sensitive or has no value.
    pub(crate) value: Option<String>,
    pub(crate) source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    read_only: bool,
    sensitive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation: Option<String>,
}

pub(crate) async fn run(args: ConfigArgs) -> anyhow::Result<()> {
    let cluster = args.connect.cluster();
    match args.verb {
        ConfigVerb::Get(get) => {
            let resource = Resource::try_from(get.resource)?;
            let keys = Some(get.keys).filter(|keys| !keys.is_empty());
            let all = get.all || keys.is_some();
            let mut entries = describe(&cluster, &resource, keys.clone(), get.docs).await?;
            entries.retain(|entry| all || entry.is_override());
            resource.check_known(&keys.unwrap_or_default(), &entries)?;
            args.output.show(&Entries(entries))
        }
        ConfigVerb::Set(set) => {
            let keys = set.settings.iter().map(|setting| setting.key.clone());
            let keys = keys.collect();
            let changes = set.settings.into_iter().map(Change::Set).collect();
            let resource = Resource::try_from(set.resource)?;
            let outcomes = alter(&cluster, &resource, changes, set.dry_run).await;
            outcomes.finish(&args.output)?;
            if let Err(error) = warn_of_unknown(&cluster, &resource, keys).await {
                tracing::debug!("cannot ask which settings there are: {error}");
            }
            Ok(())
        }
        ConfigVerb::Unset(unset) => {
            let changes = unset.keys.into_iter().map(Change::Unset).collect();
            let resource = Resource::try_from(unset.resource)?;
            let outcomes = alter(&cluster, &resource, changes, unset.dry_run).await;
            outcomes.finish(&args.output)
        }
    }
}

/// Asks for settings: all of a resource's, or the ones named.
pub(crate) async fn describe(
    cluster: &Cluster,
    resource: &Resource,
    keys: Option<Vec<String>>,
    documentation: bool,
) -> anyhow::Result<Vec<Entry>> {
    let connection = match resource.broker_id() {
        Some(id) => cluster.broker(id).await?,
        None => cluster.any().await?,
    };
    let version = connection.version_of::<DescribeConfigsRequest>()?;
    let keys = keys.map(|keys| keys.into_iter().map(StrBytes::from_string).collect());
    let wanted = DescribeConfigsResource::default()
        .with_resource_type(resource.code())
        .with_resource_name(StrBytes::from_string(resource.name.clone()))
        .with_configuration_keys(keys);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![wanted])
        .with_include_documentation(documentation && version >= 3);
    let answer = connection.call_at(version, &request).await?;
    let mut entries = Vec::new();
    for result in answer.results {
        check(result.error_code, result.error_message.as_ref()).map_err(ClientError::from)?;
        entries.extend(result.configs.into_iter().map(Entry::from));
    }
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

/// Changes settings, all or none, and tells how it went.
pub(crate) async fn alter(
    cluster: &Cluster,
    resource: &Resource,
    changes: Vec<Change>,
    dry_run: bool,
) -> Outcomes {
    let done = match dry_run {
        true => "would be changed",
        false => "changed",
    };
    let altered = send_changes(cluster, resource, changes, dry_run).await;
    let mut outcomes = Outcomes::default();
    outcomes.add(
        resource.kind_name(),
        resource.shown_name(),
        altered.map(|()| done),
    );
    outcomes
}

async fn send_changes(
    cluster: &Cluster,
    resource: &Resource,
    changes: Vec<Change>,
    dry_run: bool,
) -> Result<(), ClientError> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    let configs = changes.into_iter().map(|change| {
        let (key, operation, value) = match change {
            Change::Set(setting) => (setting.key, SET, Some(setting.value)),
            Change::Unset(key) => (key, DELETE, None),
        };
        AlterableConfig::default()
            .with_name(StrBytes::from_string(key))
            .with_config_operation(operation)
            .with_value(value.map(StrBytes::from_string))
    });
    let resource_changes = AlterConfigsResource::default()
        .with_resource_type(resource.code())
        .with_resource_name(StrBytes::from_string(resource.name.clone()))
        .with_configs(configs.collect());
    let request = IncrementalAlterConfigsRequest::default()
        .with_resources(vec![resource_changes])
        .with_validate_only(dry_run);
    let connection = match resource.broker_id() {
        Some(id) => cluster.broker(id).await?,
        None => cluster.controller().await?,
    };
    let answer = connection.call(&request).await?;
    for response in answer.responses {
        check(response.error_code, response.error_message.as_ref())?;
    }
    Ok(())
}

/// A broker keeps a setting that it does not know, since a plugin of its might, and says nothing.
/// Most often it is a slip.
async fn warn_of_unknown(
    cluster: &Cluster,
    resource: &Resource,
    keys: Vec<String>,
) -> anyhow::Result<()> {
    if resource.kind != ResourceKind::Broker {
        return Ok(());
    }
    let metadata = cluster.metadata(TopicFilter::Nothing, false).await?;
    let any = metadata.brokers.first().map(|broker| broker.id);
    let Some(id) = resource.broker_id().or(any) else {
        return Ok(());
    };
    let name = id.to_string();
    let kind = ResourceKind::Broker;
    let asked = Some(keys.clone());
    let entries = describe(cluster, &Resource { kind, name }, asked, false).await?;
    let knows = |key: &str| {
        let mut known = entries.iter().filter(|entry| entry.kind != UNKNOWN_TYPE);
        key.starts_with("listener.name.") || known.any(|entry| entry.key == key)
    };
    for key in keys.iter().filter(|key| !knows(key)) {
        eprintln!(
            "warning: Kafka has no setting `{key}`: a broker keeps it, and it does nothing; \
             `tidelog config unset` takes it away"
        );
    }
    Ok(())
}

impl Resource {
    pub(crate) fn topic(name: &str) -> Self {
        Self {
            kind: ResourceKind::Topic,
            name: name.to_owned(),
        }
    }

    /// The broker that has to be asked itself.
    fn broker_id(&self) -> Option<i32> {
        match self.kind {
            ResourceKind::Broker => self.name.parse().ok(),
            ResourceKind::Topic => None,
        }
    }

    /// A broker leaves a key that it does not know out of its answer, and says nothing about it. What holds for all
    /// brokers are only the keys that somebody has set.
    fn check_known(&self, keys: &[String], found: &[Entry]) -> anyhow::Result<()> {
        let unknown = keys
            .iter()
            .find(|key| found.iter().all(|entry| entry.key != **key));
        match unknown {
            Some(key) if !self.name.is_empty() => Err(Advised {
                what: format!("there is no setting `{key}`"),
                advice: "without keys, --all shows every one with its value",
            }
            .into()),
            _ => Ok(()),
        }
    }

    fn kind_name(&self) -> &'static str {
        match self.kind {
            ResourceKind::Topic => "topic",
            ResourceKind::Broker => "broker",
        }
    }

    /// As the command line names it.
    fn shown_name(&self) -> &str {
        match self.name.as_str() {
            "" => DEFAULT_OF_ALL,
            name => name,
        }
    }

    fn code(&self) -> i8 {
        match self.kind {
            ResourceKind::Topic => 2,
            ResourceKind::Broker => 4,
        }
    }
}

impl TryFrom<ResourceArgs> for Resource {
    type Error = UsageError;

    fn try_from(args: ResourceArgs) -> Result<Self, UsageError> {
        let name = match args.kind {
            ResourceKind::Broker if args.name == DEFAULT_OF_ALL => String::new(),
            ResourceKind::Broker if args.name.parse::<i32>().is_err() => {
                let wrong = format!("`{}` is not a broker's id, nor `default`", args.name);
                return Err(UsageError(wrong));
            }
            _ => args.name,
        };
        Ok(Self {
            kind: args.kind,
            name,
        })
    }
}

impl Entry {
    /// Whether somebody has set it: neither the default nor the broker's file speaks here.
    pub(crate) fn is_override(&self) -> bool {
        self.source != source_name(DEFAULT_CONFIG)
    }

    /// Whether it has been set on this topic.
    pub(crate) fn is_topics_own(&self) -> bool {
        self.source == source_name(TOPIC_CONFIG)
    }
}

impl From<DescribeConfigsResourceResult> for Entry {
    fn from(result: DescribeConfigsResourceResult) -> Self {
        Self {
            key: result.name.to_string(),
            value: result.value.map(|value| value.to_string()),
            source: source_name(result.config_source),
            kind: type_name(result.config_type),
            read_only: result.read_only,
            sensitive: result.is_sensitive,
            documentation: result.documentation.map(|text| text.to_string()),
        }
    }
}

const TOPIC_CONFIG: i8 = 1;
const DEFAULT_CONFIG: i8 = 5;

/// Kafka's own names.
fn source_name(code: i8) -> String {
    let name = match code {
        TOPIC_CONFIG => "DYNAMIC_TOPIC_CONFIG",
        2 => "DYNAMIC_BROKER_CONFIG",
        3 => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        4 => "STATIC_BROKER_CONFIG",
        DEFAULT_CONFIG => "DEFAULT_CONFIG",
        6 => "DYNAMIC_BROKER_LOGGER_CONFIG",
        7 => "DYNAMIC_CLIENT_METRICS_CONFIG",
        8 => "DYNAMIC_GROUP_CONFIG",
        code => return format!("UNKNOWN_{code}"),
    };
    name.to_owned()
}

const UNKNOWN_TYPE: &str = "unknown";

fn type_name(code: i8) -> &'static str {
    match code {
        1 => "boolean",
        2 => "string",
        3 => "int",
        4 => "short",
        5 => "long",
        6 => "double",
        7 => "list",
        8 => "class",
        9 => "password",
        _ => UNKNOWN_TYPE,
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Entries(Vec<Entry>);

impl View for Entries {
    fn text(&self) -> String {
        let documented = self.0.iter().any(|entry| entry.documentation.is_some());
        if documented {
            return self.0.iter().map(documented_entry).collect();
        }
        let mut table = Table::new(&["KEY", "VALUE", "SOURCE"]);
        for entry in &self.0 {
            table.row([&entry.key, &entry.shown_value(), &entry.source]);
        }
        table.text()
    }
}

impl Entry {
    fn shown_value(&self) -> String {
        match (&self.value, self.sensitive) {
            (Some(value), _) => value.clone(),
            (None, true) => "(hidden)".to_owned(),
            (None, false) => "-".to_owned(),
        }
    }
}

fn documented_entry(entry: &Entry) -> String {
    let documentation = entry.documentation.as_deref().unwrap_or_default();
    format!(
        "{} = {}  ({}, from {})\n    {documentation}\n\n",
        entry.key,
        entry.shown_value(),
        entry.kind,
        entry.source,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_split_at_the_first_equals_sign() {
        let setting = |key: &str, value: &str| Setting {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(parse_setting("a=b=c"), Ok(setting("a", "b=c")));
        assert_eq!(parse_setting("a="), Ok(setting("a", "")));
        assert!(parse_setting("=b").is_err());
        assert!(parse_setting("a").is_err());
    }

    #[test]
    fn a_broker_is_a_number_or_the_default_of_all() {
        let resource = |kind, name: &str| {
            let name = name.to_owned();
            Resource::try_from(ResourceArgs { kind, name })
        };
        let default = resource(ResourceKind::Broker, "default").unwrap();
        assert_eq!((default.name.as_str(), default.broker_id()), ("", None));
        let one = resource(ResourceKind::Broker, "1").unwrap();
        assert_eq!(one.broker_id(), Some(1));
        assert!(resource(ResourceKind::Broker, "orders").is_err());
        let topic = resource(ResourceKind::Topic, "7").unwrap();
        assert_eq!(topic.broker_id(), None);
    }
}
