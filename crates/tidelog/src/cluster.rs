//! `tidelog cluster`: who is there, who leads, and whether all replicas are in sync.

use clap::{Args, Subcommand};
use client::{ClientError, Cluster, Metadata, Partition, TopicFilter, check};
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::describe_quorum_response::ReplicaState;
use kafka_protocol::messages::{
    BrokerId, DescribeLogDirsRequest, DescribeQuorumRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use serde::Serialize;

use crate::connect::ConnectArgs;
use crate::hint::Advised;
use crate::output::{OutputArgs, Table, View, bytes, counted, or_dash};

/// Show how the cluster is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ClusterArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    verb: ClusterVerb,
}

const EXAMPLES: &str = "\
Examples:
  tidelog cluster status
  tidelog cluster status --bootstrap broker1:9092,broker2:9092 -o json";

#[derive(Debug, Subcommand)]
enum ClusterVerb {
    Status(StatusArgs),
}

/// Show brokers, metadata quorum and the health of partitions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog cluster status
  tidelog cluster status --check > /dev/null && echo healthy")]
struct StatusArgs {
    /// Fail if any partition has no leader or too few replicas in sync.
    #[arg(long)]
    check: bool,
}

pub(crate) async fn run(args: ClusterArgs) -> anyhow::Result<()> {
    let cluster = args.connect.cluster();
    let ClusterVerb::Status(status_args) = args.verb;
    let metadata = cluster.metadata(TopicFilter::All, false).await?;
    let quorum = describe_quorum(&cluster).await?;
    let mut brokers = Vec::new();
    for broker in &metadata.brokers {
        let sizes = log_dirs(&cluster, broker.id).await?;
        brokers.push(BrokerRow::new(&metadata, broker, sizes));
    }
    let status = Status::new(metadata, quorum, brokers);
    args.output.show(&status)?;
    let health = &status.partitions;
    if status_args.check && health.offline + health.under_replicated > 0 {
        let lack = format!(
            "{} without a leader, {} with too few replicas in sync",
            counted(health.offline, "partition"),
            health.under_replicated
        );
        return Err(Advised {
            what: lack,
            advice: "`tidelog topic describe NAME` shows which; a broker that is not listed is down",
        }
        .into());
    }
    Ok(())
}

/// `None` where there is no metadata quorum: a Kafka that still has ZooKeeper.
async fn describe_quorum(cluster: &Cluster) -> anyhow::Result<Option<Quorum>> {
    let topic = TopicData::default()
        .with_topic_name(TopicName(StrBytes::from_static_str("__cluster_metadata")))
        .with_partitions(vec![PartitionData::default()]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let answer = match cluster.any().await?.call(&request).await {
        Ok(answer) => answer,
        Err(ClientError::NotServed { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    check(answer.error_code, answer.error_message.as_ref()).map_err(ClientError::from)?;
    let mut partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
    let Some(partition) = partitions.next() else {
        return Ok(None);
    };
    check(partition.error_code, partition.error_message.as_ref()).map_err(ClientError::from)?;
    let voters = partition
        .current_voters
        .iter()
        .map(|voter| (voter, "voter"));
    let observers = partition
        .observers
        .iter()
        .map(|observer| (observer, "observer"));
    let high_watermark = partition.high_watermark;
    Ok(Some(Quorum {
        leader: partition.leader_id.0,
        epoch: partition.leader_epoch,
        high_watermark,
        nodes: voters
            .chain(observers)
            .map(|(replica, role)| QuorumNode::new(replica, role, high_watermark))
            .collect(),
    }))
}

/// What the broker's log directories hold, or `None` if it does not tell, or is gone and the cluster
/// has not noticed yet.
async fn log_dirs(cluster: &Cluster, broker: i32) -> anyhow::Result<Option<DirSizes>> {
    let request = DescribeLogDirsRequest::default().with_topics(None);
    let asked = async { cluster.broker(broker).await?.call(&request).await };
    let answer = match asked.await {
        Ok(answer) => answer,
        Err(ClientError::NotServed { .. }) => return Ok(None),
        Err(error) if error.is_disconnect() => {
            eprintln!("warning: {error}");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let mut sizes = DirSizes::default();
    for dir in &answer.results {
        match check(dir.error_code, None) {
            Ok(()) => sizes.online += 1,
            Err(_) => sizes.offline += 1,
        }
        let partitions = dir.topics.iter().flat_map(|topic| &topic.partitions);
        sizes.bytes += partitions.map(|p| p.partition_size).sum::<i64>();
    }
    Ok(Some(sizes))
}

#[derive(Debug, Default)]
struct DirSizes {
    online: usize,
    offline: usize,
    bytes: i64,
}

#[derive(Serialize)]
struct Status {
    cluster_id: Option<String>,
    /// Before KRaft, the broker that controls; under KRaft see the quorum's leader.
    controller: i32,
    topics: usize,
    partitions: PartitionHealth,
    brokers: Vec<BrokerRow>,
    quorum: Option<Quorum>,
}

#[derive(Serialize)]
struct PartitionHealth {
    total: usize,
    /// Without a leader.
    offline: usize,
    /// With fewer replicas in sync than there are.
    under_replicated: usize,
}

#[derive(Serialize)]
struct BrokerRow {
    id: i32,
    address: String,
    rack: Option<String>,
    leaders: usize,
    replicas: usize,
    size_bytes: Option<i64>,
    log_dirs: Option<usize>,
    offline_log_dirs: Option<usize>,
}

#[derive(Serialize)]
struct Quorum {
    leader: i32,
    epoch: i32,
    high_watermark: i64,
    nodes: Vec<QuorumNode>,
}

#[derive(Serialize)]
struct QuorumNode {
    id: i32,
    role: &'static str,
    log_end_offset: i64,
    lag: i64,
}

impl Status {
    fn new(metadata: Metadata, quorum: Option<Quorum>, brokers: Vec<BrokerRow>) -> Self {
        let partitions: Vec<&Partition> = partitions(&metadata).collect();
        let count = |wanted: fn(&Partition) -> bool| {
            let partitions = partitions.iter();
            partitions.filter(|partition| wanted(partition)).count()
        };
        Self {
            topics: metadata.topics.len(),
            partitions: PartitionHealth {
                total: partitions.len(),
                offline: count(|partition| partition.leader.is_none()),
                under_replicated: count(|p| p.isr.len() < p.replicas.len()),
            },
            controller: quorum.as_ref().map_or(metadata.controller_id, |q| q.leader),
            cluster_id: metadata.cluster_id,
            brokers,
            quorum,
        }
    }
}

impl BrokerRow {
    fn new(metadata: &Metadata, broker: &client::Broker, sizes: Option<DirSizes>) -> Self {
        let id = broker.id;
        let replicas = partitions(metadata).filter(|p| p.replicas.contains(&id));
        Self {
            id,
            address: broker.address(),
            rack: broker.rack.clone(),
            leaders: partitions(metadata)
                .filter(|p| p.leader == Some(id))
                .count(),
            replicas: replicas.count(),
            size_bytes: sizes.as_ref().map(|sizes| sizes.bytes),
            log_dirs: sizes.as_ref().map(|sizes| sizes.online),
            offline_log_dirs: sizes.as_ref().map(|sizes| sizes.offline),
        }
    }
}

impl QuorumNode {
    fn new(replica: &ReplicaState, role: &'static str, high_watermark: i64) -> Self {
        let BrokerId(id) = replica.replica_id;
        Self {
            id,
            role,
            log_end_offset: replica.log_end_offset,
            lag: (high_watermark - replica.log_end_offset).max(0),
        }
    }
}

fn partitions(metadata: &Metadata) -> impl Iterator<Item = &Partition> {
    metadata.topics.iter().flat_map(|topic| &topic.partitions)
}

impl View for Status {
    fn text(&self) -> String {
        let health = &self.partitions;
        let mut text = format!("Cluster     {}\n", or_dash(self.cluster_id.as_ref()));
        text += &format!("Controller  {}\n", self.controller);
        text += &format!("Topics      {}\n", self.topics);
        text += &format!(
            "Partitions  {} ({} offline, {} under-replicated)\n\n",
            health.total, health.offline, health.under_replicated
        );
        text += &self.brokers_table().text();
        if let Some(quorum) = &self.quorum {
            text += &format!("\n\nMetadata quorum, epoch {}\n", quorum.epoch);
            text += &quorum.table().text();
        }
        text
    }
}

impl Status {
    fn brokers_table(&self) -> Table {
        let headings = [
            "BROKER", "ADDRESS", "RACK", "LEADERS", "REPLICAS", "SIZE", "LOG DIRS",
        ];
        let mut table = Table::new(&headings);
        for broker in &self.brokers {
            let dirs = match (broker.log_dirs, broker.offline_log_dirs) {
                (Some(online), Some(0)) => online.to_string(),
                (Some(online), Some(offline)) => format!("{online} ({offline} offline)"),
                _ => "-".to_owned(),
            };
            table.row([
                broker.id.to_string(),
                broker.address.clone(),
                or_dash(broker.rack.as_ref()),
                broker.leaders.to_string(),
                broker.replicas.to_string(),
                or_dash(broker.size_bytes.map(bytes)),
                dirs,
            ]);
        }
        table.align_right(&[3, 4, 5])
    }
}

impl Quorum {
    fn table(&self) -> Table {
        let mut table = Table::new(&["NODE", "ROLE", "LOG END", "LAG"]);
        for node in &self.nodes {
            let role = if node.id == self.leader && node.role == "voter" {
                "leader"
            } else {
                node.role
            };
            table.row([
                node.id.to_string(),
                role.to_owned(),
                node.log_end_offset.to_string(),
                node.lag.to_string(),
            ]);
        }
        table.align_right(&[2, 3])
    }
}
