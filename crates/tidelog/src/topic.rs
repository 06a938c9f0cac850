//! `tidelog topic`: topics made, shown, changed and deleted.

mod describe;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use client::{ClientError, Cluster, Metadata, Topic, TopicFilter, check};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use serde::Serialize;

use crate::config::{self, Change, Resource, Setting, parse_setting};
use crate::connect::ConnectArgs;
use crate::hint::UsageError;
use crate::outcome::Outcomes;
use crate::output::{OutputArgs, Table, View, counted};

/// Make, show, change and delete topics.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TopicArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    verb: TopicVerb,
}

const EXAMPLES: &str = "\
Examples:
  tidelog topic list
  tidelog topic create orders --partitions 6 --config retention.ms=604800000
  tidelog topic describe orders -o json
  tidelog topic delete orders";

#[derive(Debug, Subcommand)]
enum TopicVerb {
    List(ListArgs),
    Create(CreateArgs),
    Describe(describe::DescribeArgs),
    Alter(AlterArgs),
    AddPartitions(AddPartitionsArgs),
    Delete(DeleteArgs),
}

/// List the topics.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog topic list
  tidelog topic list --internal -o json")]
struct ListArgs {
    /// Also the cluster's own topics, such as __consumer_offsets.
    #[arg(long)]
    internal: bool,
}

/// Create topics.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog topic create orders
  tidelog topic create orders payments --partitions 6 --replication-factor 3
  tidelog topic create events --config cleanup.policy=compact --config segment.ms=3600000
  tidelog topic create orders --if-not-exists")]
struct CreateArgs {
    /// The names.
    #[arg(required = true)]
    names: Vec<String>,
    /// How many partitions; without it the broker's `num.partitions`.
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// How many brokers keep each partition; without it the broker's `default.replication.factor`.
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,
    /// A setting of the topic; may be given several times.
    #[arg(short, long = "config", value_name = "KEY=VALUE", value_parser = parse_setting)]
    configs: Vec<Setting>,
    /// Accept a topic that exists already, as it is.
    #[arg(long)]
    if_not_exists: bool,
    /// Ask whether it would be accepted, and create nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Change a topic's settings.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog topic alter orders --set retention.ms=3600000
  tidelog topic alter orders --set max.message.bytes=2097152 --unset retention.ms")]
struct AlterArgs {
    /// The topic.
    name: String,
    /// What to set; may be given several times.
    #[arg(long, visible_alias = "config", value_name = "KEY=VALUE", value_parser = parse_setting)]
    set: Vec<Setting>,
    /// A key to give its default again; may be given several times.
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Ask whether it would be accepted, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Give a topic more partitions. Keys may then fall into other partitions than before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog topic add-partitions orders --total 12")]
struct AddPartitionsArgs {
    /// The topic.
    name: String,
    /// How many partitions it shall have in all.
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    total: i32,
    /// Ask whether it would be accepted, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Delete topics and all that is in them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog topic delete orders
  tidelog topic delete orders payments --if-exists")]
struct DeleteArgs {
    /// The names.
    #[arg(required = true)]
    names: Vec<String>,
    /// Accept that a topic is not there.
    #[arg(long)]
    if_exists: bool,
}

pub(crate) async fn run(args: TopicArgs) -> anyhow::Result<()> {
    let cluster = args.connect.cluster();
    match args.verb {
        TopicVerb::List(list) => {
            let metadata = cluster.metadata(TopicFilter::All, false).await?;
            let shown = |topic: &&Topic| list.internal || !topic.internal;
            let topics = metadata.topics.iter().filter(shown);
            args.output
                .show(&Listed(topics.map(ListedTopic::from).collect()))
        }
        TopicVerb::Describe(describe) => describe::run(&cluster, &args.output, describe).await,
        TopicVerb::Create(create) => {
            let created = run_create(&cluster, &args.connect, create).await?;
            created.finish(&args.output)
        }
        TopicVerb::Delete(delete) => {
            let deleted = run_delete(&cluster, &args.connect, delete).await?;
            deleted.finish(&args.output)
        }
        TopicVerb::AddPartitions(more) => {
            let added = add_partitions(&cluster, &args.connect, more).await?;
            added.finish(&args.output)
        }
        TopicVerb::Alter(alter) => run_alter(&cluster, alter).await?.finish(&args.output),
    }
}

const TOPIC: &str = "topic";

async fn run_create(
    cluster: &Cluster,
    connect: &ConnectArgs,
    args: CreateArgs,
) -> anyhow::Result<Outcomes> {
    let configs: Vec<CreatableTopicConfig> = args
        .configs
        .into_iter()
        .map(|setting| {
            CreatableTopicConfig::default()
                .with_name(StrBytes::from_string(setting.key))
                .with_value(Some(StrBytes::from_string(setting.value)))
        })
        .collect();
    let topics = args.names.iter().map(|name| {
        CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(args.partitions.unwrap_or(-1))
            .with_replication_factor(args.replication_factor.unwrap_or(-1))
            .with_configs(configs.clone())
    });
    let request = CreateTopicsRequest::default()
        .with_topics(topics.collect())
        .with_timeout_ms(connect.server_timeout_ms())
        .with_validate_only(args.dry_run);
    let answer = cluster.controller().await?.call(&request).await?;
    let mut outcomes = Outcomes::default();
    for topic in answer.topics {
        let outcome = match check(topic.error_code, topic.error_message.as_ref()) {
            Err(refusal)
                if args.if_not_exists && refusal.error == ResponseError::TopicAlreadyExists =>
            {
                Ok("exists already")
            }
            Err(refusal) => Err(refusal),
            Ok(()) if args.dry_run => Ok("would be created"),
            Ok(()) => Ok("created"),
        };
        outcomes.add(TOPIC, &topic.name, outcome.map_err(ClientError::from));
    }
    Ok(outcomes)
}

async fn run_delete(
    cluster: &Cluster,
    connect: &ConnectArgs,
    args: DeleteArgs,
) -> anyhow::Result<Outcomes> {
    /// From version 6 on topics may be named by id as well, in another field.
    const DELETE_BY_NAME_VERSION: i16 = 5;
    let request = DeleteTopicsRequest::default()
        .with_topic_names(args.names.iter().map(|name| topic_name(name)).collect())
        .with_timeout_ms(connect.server_timeout_ms());
    let controller = cluster.controller().await?;
    let answer = controller
        .call_up_to(DELETE_BY_NAME_VERSION, &request)
        .await?;
    let mut outcomes = Outcomes::default();
    for topic in answer.responses {
        let outcome = match check(topic.error_code, topic.error_message.as_ref()) {
            Err(refusal)
                if args.if_exists && refusal.error == ResponseError::UnknownTopicOrPartition =>
            {
                Ok("was not there")
            }
            Err(refusal) => Err(refusal),
            Ok(()) => Ok("deleted"),
        };
        let name = topic.name.unwrap_or_default();
        outcomes.add(TOPIC, &name, outcome.map_err(ClientError::from));
    }
    Ok(outcomes)
}

async fn add_partitions(
    cluster: &Cluster,
    connect: &ConnectArgs,
    args: AddPartitionsArgs,
) -> anyhow::Result<Outcomes> {
    let topic = CreatePartitionsTopic::default()
        .with_name(topic_name(&args.name))
        .with_count(args.total)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(connect.server_timeout_ms())
        .with_validate_only(args.dry_run);
    let answer = cluster.controller().await?.call(&request).await?;
    let mut outcomes = Outcomes::default();
    for result in answer.results {
        let outcome = check(result.error_code, result.error_message.as_ref());
        let partitions = counted(args.total, "partition");
        let done = match args.dry_run {
            true => format!("would have {partitions}"),
            false => format!("has {partitions}"),
        };
        outcomes.add(
            TOPIC,
            &result.name,
            outcome.map(|()| done).map_err(ClientError::from),
        );
    }
    Ok(outcomes)
}

async fn run_alter(cluster: &Cluster, args: AlterArgs) -> anyhow::Result<Outcomes> {
    if args.set.is_empty() && args.unset.is_empty() {
        let wrong = "nothing to change: give --set KEY=VALUE or --unset KEY".to_owned();
        return Err(UsageError(wrong).into());
    }
    let set = args.set.into_iter().map(Change::Set);
    let unset = args.unset.into_iter().map(Change::Unset);
    let changes = set.chain(unset).collect();
    let topic = Resource::topic(&args.name);
    Ok(config::alter(cluster, &topic, changes, args.dry_run).await)
}

/// The topic, or the broker's reason not to show it.
pub(crate) fn known_topic<'a>(metadata: &'a Metadata, name: &str) -> anyhow::Result<&'a Topic> {
    let topic = metadata.topic(name);
    let topic = topic.ok_or_else(|| anyhow!("the broker says nothing about topic {name}"))?;
    match &topic.refusal {
        None => Ok(topic),
        Some(refusal) => Err(ClientError::Refused(refusal.clone()).into()),
    }
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Vec<ListedTopic>);

#[derive(Serialize)]
struct ListedTopic {
    name: String,
    partitions: usize,
    replication_factor: usize,
    internal: bool,
}

impl From<&Topic> for ListedTopic {
    fn from(topic: &Topic) -> Self {
        let first = topic.partitions.first();
        Self {
            name: topic.name.clone(),
            partitions: topic.partitions.len(),
            replication_factor: first.map_or(0, |partition| partition.replicas.len()),
            internal: topic.internal,
        }
    }
}

impl View for Listed {
    fn text(&self) -> String {
        let mut table = Table::new(&["TOPIC", "PARTITIONS", "REPLICAS"]);
        for topic in &self.0 {
            table.row([
                topic.name.clone(),
                topic.partitions.to_string(),
                topic.replication_factor.to_string(),
            ]);
        }
        table.align_right(&[1, 2]).text()
    }
}
