//! `tidelog group`: consumer groups shown, deleted, and set to other offsets.

mod describe;
mod reset;

use clap::{Args, Subcommand};
use client::{ClientError, Cluster, TopicFilter, check};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{DeleteGroupsRequest, GroupId, ListGroupsRequest};
use kafka_protocol::protocol::StrBytes;
use serde::Serialize;

use crate::connect::ConnectArgs;
use crate::outcome::Outcomes;
use crate::output::{OutputArgs, Table, View};

/// Show and delete consumer groups, and move their offsets.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GroupArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    verb: GroupVerb,
}

const EXAMPLES: &str = "\
Examples:
  tidelog group list
  tidelog group describe billing
  tidelog group reset-offsets billing --topic orders --to earliest --execute";

#[derive(Debug, Subcommand)]
enum GroupVerb {
    List(ListArgs),
    Describe(describe::DescribeArgs),
    Delete(DeleteArgs),
    ResetOffsets(reset::ResetArgs),
}

/// List the groups.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog group list
  tidelog group list --state Stable -o json")]
struct ListArgs {
    /// Only groups in this state.
    #[arg(long, value_parser = STATES, ignore_case = true)]
    state: Option<String>,
}

/// Of classic and of newer groups, as Kafka names them.
const STATES: [&str; 8] = [
    "Stable",
    "Empty",
    "PreparingRebalance",
    "CompletingRebalance",
    "Assigning",
    "Reconciling",
    "NotReady",
    "Dead",
];

/// Delete groups with the offsets they have committed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog group delete billing
  tidelog group delete billing shipping")]
struct DeleteArgs {
    /// The groups.
    #[arg(required = true)]
    groups: Vec<String>,
}

pub(crate) async fn run(args: GroupArgs) -> anyhow::Result<()> {
    let cluster = args.connect.cluster();
    match args.verb {
        GroupVerb::List(list) => {
            let mut groups = list_groups(&cluster).await?;
            if let Some(state) = list.state {
                groups.retain(|group| group.state.eq_ignore_ascii_case(&state));
            }
            args.output.show(&Listed(groups))
        }
        GroupVerb::Describe(describe) => describe::run(&cluster, &args.output, describe).await,
        GroupVerb::Delete(delete) => run_delete(&cluster, delete).await.finish(&args.output),
        GroupVerb::ResetOffsets(reset) => reset::run(&cluster, &args.output, reset).await,
    }
}

/// Asks every broker for the groups that it coordinates.
async fn list_groups(cluster: &Cluster) -> anyhow::Result<Vec<GroupRow>> {
    let metadata = cluster.metadata(TopicFilter::Nothing, false).await?;
    let mut groups = Vec::new();
    for broker in &metadata.brokers {
        let connection = cluster.broker(broker.id).await?;
        let answer = connection.call(&ListGroupsRequest::default()).await?;
        check(answer.error_code, None).map_err(ClientError::from)?;
        let rows = answer.groups.into_iter();
        groups.extend(rows.map(|group| GroupRow::new(group, broker.id)));
    }
    groups.sort_by(|a, b| a.group.cmp(&b.group));
    Ok(groups)
}

async fn run_delete(cluster: &Cluster, args: DeleteArgs) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for group in &args.groups {
        let deleted = cluster.patiently(|| delete(cluster, group)).await;
        outcomes.add("group", group, deleted.map(|()| "deleted"));
    }
    outcomes
}

async fn delete(cluster: &Cluster, group: &str) -> Result<(), ClientError> {
    let id = GroupId(StrBytes::from_string(group.to_owned()));
    let request = DeleteGroupsRequest::default().with_groups_names(vec![id]);
    let coordinator = cluster.coordinator(group).await?;
    for result in coordinator.call(&request).await?.results {
        check(result.error_code, None)?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Vec<GroupRow>);

#[derive(Serialize)]
struct GroupRow {
    group: String,
    #[serde(rename = "type")]
    kind: String,
    /// What its members are: `consumer`, `connect`, …
    protocol: String,
    state: String,
    /// The broker's id.
    coordinator: i32,
}

impl GroupRow {
    fn new(group: ListedGroup, coordinator: i32) -> Self {
        Self {
            group: group.group_id.to_string(),
            kind: group.group_type.to_string(),
            protocol: group.protocol_type.to_string(),
            state: group.group_state.to_string(),
            coordinator,
        }
    }
}

impl View for Listed {
    fn text(&self) -> String {
        let mut table = Table::new(&["GROUP", "TYPE", "PROTOCOL", "STATE", "COORDINATOR"]);
        let shown = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
        for group in &self.0 {
            table.row([
                group.group.clone(),
                shown(&group.kind),
                shown(&group.protocol),
                shown(&group.state),
                group.coordinator.to_string(),
            ]);
        }
        table.text()
    }
}
