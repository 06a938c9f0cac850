//! `tidelog group describe`: a group's members, what each reads, and how far behind it is.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, Bytes};
use clap::Args;
use client::{
    Assignment, ClientError, Cluster, Connection, Isolation, LATEST, TopicFilter, TopicPartition,
    check, committed_offsets, list_offsets,
};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerProtocolAssignment, DescribeGroupsRequest, GroupId,
    consumer_group_describe_response, describe_groups_response,
};
use kafka_protocol::protocol::{Decodable, StrBytes};
use serde::Serialize;

use crate::outcome::Findings;
use crate::output::{OutputArgs, Table, View, or_dash};

/// Show groups with their members, offsets and lag.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog group describe billing
  tidelog group describe billing shipping -o json")]
pub(super) struct DescribeArgs {
    /// The groups.
    #[arg(required = true)]
    groups: Vec<String>,
}

pub(super) async fn run(
    cluster: &Cluster,
    output: &OutputArgs,
    args: DescribeArgs,
) -> anyhow::Result<()> {
    let mut described = Findings::default();
    for group in &args.groups {
        let found = cluster.patiently(|| describe(cluster, group)).await;
        described.add("group", group, found.map_err(anyhow::Error::from));
    }
    described.finish(output)
}

async fn describe(cluster: &Cluster, group: &str) -> Result<DescribedGroup, ClientError> {
    let coordinator = cluster.coordinator(group).await?;
    let mut described = match describe_consumer_group(&coordinator, group).await? {
        Some(described) => described,
        None => describe_classic_group(&coordinator, group).await?,
    };
    let committed = committed_offsets(&coordinator, group).await?;
    described.offsets = offsets(cluster, &described.members, &committed).await?;
    Ok(described)
}

/// `None` if the coordinator knows no group of that type by that name.
async fn describe_consumer_group(
    coordinator: &Connection,
    group: &str,
) -> Result<Option<DescribedGroup>, ClientError> {
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id(group)]);
    let answer = match coordinator.call(&request).await {
        Ok(answer) => answer,
        Err(ClientError::NotServed { .. } | ClientError::NoCommonVersion { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let Some(described) = answer.groups.into_iter().next() else {
        return Ok(None);
    };
    match check(described.error_code, described.error_message.as_ref()) {
        Err(refusal) if is_of_no_such_group(refusal.error) => return Ok(None),
        outcome => outcome?,
    }
    Ok(Some(DescribedGroup {
        group: group.to_owned(),
        kind: "consumer",
        state: described.group_state.to_string(),
        assignor: described.assignor_name.to_string(),
        coordinator: coordinator.address().to_owned(),
        members: described.members.into_iter().map(Member::from).collect(),
        offsets: Vec::new(),
    }))
}

/// A Kafka whose `group.version` is 0 takes the request, and answers that it is not supported.
fn is_of_no_such_group(error: ResponseError) -> bool {
    matches!(
        error,
        ResponseError::GroupIdNotFound | ResponseError::UnsupportedVersion
    )
}

async fn describe_classic_group(
    coordinator: &Connection,
    group: &str,
) -> Result<DescribedGroup, ClientError> {
    let request = DescribeGroupsRequest::default().with_groups(vec![group_id(group)]);
    let answer = coordinator.call(&request).await?;
    let not_found = client::Refusal {
        error: ResponseError::GroupIdNotFound,
        message: None,
    };
    let described = answer.groups.into_iter().next().ok_or(not_found.clone())?;
    check(described.error_code, described.error_message.as_ref())?;
    // How brokers before DescribeGroups 6 say that there is no such group.
    if &*described.group_state == "Dead" {
        return Err(not_found.into());
    }
    Ok(DescribedGroup {
        group: group.to_owned(),
        kind: "classic",
        state: described.group_state.to_string(),
        assignor: described.protocol_data.to_string(),
        coordinator: coordinator.address().to_owned(),
        members: described.members.into_iter().map(Member::from).collect(),
        offsets: Vec::new(),
    })
}

/// A line for each partition that is committed or assigned, with the end of its log.
async fn offsets(
    cluster: &Cluster,
    members: &[Member],
    committed: &BTreeMap<TopicPartition, i64>,
) -> Result<Vec<OffsetRow>, ClientError> {
    let mut readers: BTreeMap<TopicPartition, &Member> = BTreeMap::new();
    for member in members {
        for (topic, partitions) in &member.assignment {
            for partition in partitions {
                readers.insert((topic.clone(), *partition), member);
            }
        }
    }
    let keys: BTreeSet<&TopicPartition> = committed.keys().chain(readers.keys()).collect();
    let ends = ends(cluster, &keys).await?;
    let rows = keys.into_iter().map(|key| {
        let committed = committed.get(key).copied();
        let end = ends.get(key).copied().flatten();
        let reader = readers.get(key);
        OffsetRow {
            topic: key.0.clone(),
            partition: key.1,
            committed_offset: committed,
            end_offset: end,
            lag: committed.zip(end).map(|(committed, end)| end - committed),
            member: reader.map(|member| member.member.clone()),
            client_id: reader.map(|member| member.client_id.clone()),
            host: reader.map(|member| member.host.clone()),
        }
    });
    Ok(rows.collect())
}

/// The ends of those partitions that still exist and have a leader.
async fn ends(
    cluster: &Cluster,
    keys: &BTreeSet<&TopicPartition>,
) -> Result<BTreeMap<TopicPartition, Option<i64>>, ClientError> {
    let topics: BTreeSet<String> = keys.iter().map(|key| key.0.clone()).collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let metadata = cluster.metadata(TopicFilter::Named(&topics), false).await?;
    let wanted = keys
        .iter()
        .filter(|key| metadata.leader(&key.0, key.1).is_ok())
        .map(|key| ((*key).clone(), LATEST))
        .collect();
    list_offsets(cluster, &metadata, Isolation::default(), &wanted).await
}

fn group_id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}

#[derive(Serialize)]
struct DescribedGroup {
    group: String,
    #[serde(rename = "type")]
    kind: &'static str,
    state: String,
    assignor: String,
    coordinator: String,
    members: Vec<Member>,
    offsets: Vec<OffsetRow>,
}

#[derive(Serialize)]
struct Member {
    member: String,
    /// The name of a static member.
    instance: Option<String>,
    client_id: String,
    host: String,
    assignment: Assignment,
}

#[derive(Serialize)]
struct OffsetRow {
    topic: String,
    partition: i32,
    committed_offset: Option<i64>,
    end_offset: Option<i64>,
    lag: Option<i64>,
    member: Option<String>,
    client_id: Option<String>,
    host: Option<String>,
}

impl From<describe_groups_response::DescribedGroupMember> for Member {
    fn from(member: describe_groups_response::DescribedGroupMember) -> Self {
        Self {
            member: member.member_id.to_string(),
            instance: member.group_instance_id.map(|id| id.to_string()),
            client_id: member.client_id.to_string(),
            host: member.client_host.to_string(),
            assignment: consumer_assignment(member.member_assignment),
        }
    }
}

impl From<consumer_group_describe_response::Member> for Member {
    fn from(member: consumer_group_describe_response::Member) -> Self {
        let assigned = member.assignment.topic_partitions.into_iter();
        Self {
            member: member.member_id.to_string(),
            instance: member.instance_id.map(|id| id.to_string()),
            client_id: member.client_id.to_string(),
            host: member.client_host.to_string(),
            assignment: assigned
                .map(|topic| (topic.topic_name.to_string(), topic.partitions))
                .collect(),
        }
    }
}

/// What a consumer is to read. Members of another kind (Connect) keep something of their own there,
/// which counts as nothing.
fn consumer_assignment(mut bytes: Bytes) -> Assignment {
    let version = bytes.try_get_i16().unwrap_or(-1);
    if !(0..=3).contains(&version) {
        return Assignment::new();
    }
    let assignment = ConsumerProtocolAssignment::decode(&mut bytes, version).unwrap_or_default();
    let assigned = assignment.assigned_partitions.into_iter();
    assigned
        .map(|topic| (topic.topic.to_string(), topic.partitions))
        .collect()
}

impl View for DescribedGroup {
    fn text(&self) -> String {
        let mut text = format!("Group        {}\n", self.group);
        text += &format!("State        {} ({})\n", self.state, self.kind);
        if !self.assignor.is_empty() {
            text += &format!("Assignor     {}\n", self.assignor);
        }
        text += &format!("Coordinator  {}\n", self.coordinator);
        text += &format!("Members      {}\n", self.members.len());
        if !self.members.is_empty() {
            text += &format!("\n{}\n", self.members_table().text());
        }
        if !self.offsets.is_empty() {
            text += &format!("\n{}\n", self.offsets_table().text());
        }
        text
    }
}

impl DescribedGroup {
    fn members_table(&self) -> Table {
        let mut table = Table::new(&["MEMBER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS"]);
        for member in &self.members {
            let assigned = member.assignment.values();
            table.row([
                member.member.clone(),
                or_dash(member.instance.as_ref()),
                member.client_id.clone(),
                member.host.clone(),
                assigned.map(Vec::len).sum::<usize>().to_string(),
            ]);
        }
        table.align_right(&[4])
    }

    fn offsets_table(&self) -> Table {
        let headings = [
            "TOPIC",
            "PARTITION",
            "COMMITTED",
            "END",
            "LAG",
            "CLIENT",
            "HOST",
        ];
        let mut table = Table::new(&headings);
        for row in &self.offsets {
            table.row([
                row.topic.clone(),
                row.partition.to_string(),
                or_dash(row.committed_offset),
                or_dash(row.end_offset),
                or_dash(row.lag),
                or_dash(row.client_id.as_ref()),
                or_dash(row.host.as_ref()),
            ]);
        }
        table.align_right(&[1, 2, 3, 4])
    }
}
