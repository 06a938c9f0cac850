//! `tidelog topic describe`: a topic's partitions, where they are and what they hold.

use std::collections::BTreeMap;

use clap::Args;
use client::{
    Cluster, EARLIEST, Isolation, LATEST, Metadata, Partition, TopicFilter, TopicPartition,
    list_offsets,
};
use serde::Serialize;

use super::known_topic;
use crate::config::{self, Resource};
use crate::outcome::Findings;
use crate::output::{OutputArgs, Table, View, joined, or_dash};

/// Show topics with their settings and partitions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog topic describe orders
  tidelog topic describe orders payments -o yaml")]
pub(super) struct DescribeArgs {
    /// The names.
    #[arg(required = true)]
    names: Vec<String>,
}

pub(super) async fn run(
    cluster: &Cluster,
    output: &OutputArgs,
    args: DescribeArgs,
) -> anyhow::Result<()> {
    let metadata = cluster
        .metadata(TopicFilter::Named(&args.names), false)
        .await?;
    let mut described = Findings::default();
    for name in &args.names {
        described.add("topic", name, describe(cluster, &metadata, name).await);
    }
    described.finish(output)
}

async fn describe(
    cluster: &Cluster,
    metadata: &Metadata,
    name: &str,
) -> anyhow::Result<DescribedTopic> {
    let topic = known_topic(metadata, name)?;
    let configs = config::describe(cluster, &Resource::topic(&topic.name), None, false).await?;
    let own = configs.into_iter().filter(config::Entry::is_topics_own);
    let led = topic.partitions.iter().filter(|p| p.leader.is_some());
    let at = |timestamp| {
        led.clone()
            .map(move |partition| ((topic.name.clone(), partition.index), timestamp))
            .collect()
    };
    let starts = list_offsets(cluster, metadata, Isolation::default(), &at(EARLIEST)).await?;
    let ends = list_offsets(cluster, metadata, Isolation::default(), &at(LATEST)).await?;
    let partitions = topic.partitions.iter();
    Ok(DescribedTopic {
        name: topic.name.clone(),
        id: (!topic.id.is_nil()).then(|| topic_id_text(topic.id)),
        internal: topic.internal,
        configs: own
            .map(|entry| (entry.key, entry.value.unwrap_or_default()))
            .collect(),
        partitions: partitions
            .map(|partition| described_partition(&topic.name, partition, &starts, &ends))
            .collect(),
    })
}

fn described_partition(
    topic: &str,
    partition: &Partition,
    starts: &BTreeMap<TopicPartition, Option<i64>>,
    ends: &BTreeMap<TopicPartition, Option<i64>>,
) -> DescribedPartition {
    let key = (topic.to_owned(), partition.index);
    DescribedPartition {
        partition: partition.index,
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        replicas: partition.replicas.clone(),
        isr: partition.isr.clone(),
        offline_replicas: partition.offline.clone(),
        start_offset: starts.get(&key).copied().flatten(),
        end_offset: ends.get(&key).copied().flatten(),
    }
}

/// A topic's id as Kafka prints it: the sixteen bytes in URL-safe base64.
fn topic_id_text(id: uuid::Uuid) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.as_bytes())
}

#[derive(Serialize)]
struct DescribedTopic {
    name: String,
    id: Option<String>,
    internal: bool,
    /// What has been set on this topic.
    configs: BTreeMap<String, String>,
    partitions: Vec<DescribedPartition>,
}

#[derive(Serialize)]
struct DescribedPartition {
    partition: i32,
    leader: Option<i32>,
    leader_epoch: i32,
    replicas: Vec<i32>,
    isr: Vec<i32>,
    offline_replicas: Vec<i32>,
    start_offset: Option<i64>,
    end_offset: Option<i64>,
}

impl View for DescribedTopic {
    fn text(&self) -> String {
        let mut text = format!("Topic    {}\n", self.name);
        text += &format!("Id       {}\n", or_dash(self.id.as_ref()));
        for (key, value) in &self.configs {
            text += &format!("Config   {key}={value}\n");
        }
        let mut table = Table::new(&[
            "PARTITION",
            "LEADER",
            "EPOCH",
            "REPLICAS",
            "ISR",
            "OFFLINE",
            "START",
            "END",
        ]);
        for partition in &self.partitions {
            table.row([
                partition.partition.to_string(),
                or_dash(partition.leader),
                partition.leader_epoch.to_string(),
                joined(&partition.replicas),
                joined(&partition.isr),
                joined(&partition.offline_replicas),
                or_dash(partition.start_offset),
                or_dash(partition.end_offset),
            ]);
        }
        text + "\n" + &table.align_right(&[0, 1, 2, 6, 7]).text()
    }
}
