//! `tidelog consume`: records out of a topic, as lines on stdout.

mod fetcher;
mod printer;
mod start;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use client::{
    ClientError, Cluster, GroupMember, GroupOptions, Isolation, Metadata, TopicFilter,
    ends_generation,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::connect::ConnectArgs;
use crate::consume::fetcher::{Fetcher, Position};
use crate::consume::printer::Printer;
use crate::consume::start::{Start, parse_start};
use crate::record::{RecordFormat, parse_separator};
use crate::times::parse_time;
use crate::topic::known_topic;

/// Read records and print them, one a line.
///
/// It prints what is there and stops; with --follow it goes on with what comes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConsumeArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// The topic.
    topic: String,
    /// How a record is printed [default: value, or key-value if --key-separator is given].
    #[arg(
        short,
        long,
        value_enum,
        visible_short_alias = 'o',
        visible_alias = "output"
    )]
    format: Option<RecordFormat>,
    /// What to print between key and value [default: a tab].
    #[arg(short = 's', long, value_name = "TEXT", value_parser = parse_separator)]
    key_separator: Option<String>,
    /// What to print for a key or value that is none.
    #[arg(long, value_name = "TEXT", default_value = "null")]
    null_value: String,
    /// Where to begin in each partition: `earliest`, `latest`, an offset or the nearest there is, or
    /// `-N` for the last N [default: earliest; latest with --follow; with --group where the group has got to].
    #[arg(long, value_name = "OFFSET", value_parser = parse_start, allow_hyphen_values = true)]
    from: Option<Start>,
    /// Begin with the first record of that time or later: a date or time, an age such as 15m, or
    /// milliseconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = parse_time, conflicts_with = "from")]
    since: Option<i64>,
    /// Only these partitions, separated by commas.
    #[arg(short, long, value_name = "PARTITION", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(i32).range(0..), conflicts_with = "group")]
    partition: Vec<i32>,
    /// Go on with records as they arrive, until interrupted.
    #[arg(long)]
    follow: bool,
    /// Stop after so many records.
    #[arg(short = 'n', long, value_name = "COUNT")]
    max: Option<u64>,
    /// Be a member of this consumer group: share its partitions, begin where it has got to, commit.
    #[arg(short, long)]
    group: Option<String>,
    /// Whether to print records of transactions that are open or aborted.
    #[arg(long, value_enum, default_value_t = IsolationArg::ReadUncommitted)]
    isolation: IsolationArg,
}

const EXAMPLES: &str = "\
Examples:
  tidelog consume orders
  tidelog consume orders --from -10 --follow
  tidelog consume orders --since 15m -o json | jq .value
  tidelog consume orders --partition 0,2 --from 1000 --max 50
  tidelog consume orders --group billing --follow";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum IsolationArg {
    ReadUncommitted,
    ReadCommitted,
}

impl From<IsolationArg> for Isolation {
    fn from(isolation: IsolationArg) -> Self {
        match isolation {
            IsolationArg::ReadUncommitted => Self::ReadUncommitted,
            IsolationArg::ReadCommitted => Self::ReadCommitted,
        }
    }
}

/// The classic protocol's own defaults suit a person at a terminal, except that a member who is gone
/// should be missed soon.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
/// Below the least --timeout that makes sense for a group, since JoinGroup waits this long.
const REBALANCE_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) async fn run(args: ConsumeArgs) -> anyhow::Result<()> {
    let cluster = Arc::new(args.connect.cluster());
    let printer = Printer::new(&args);
    match &args.group {
        None => consume_alone(cluster, &args, printer).await,
        Some(group) => consume_in_group(cluster, &args, group, printer).await,
    }
}

async fn consume_alone(
    cluster: Arc<Cluster>,
    args: &ConsumeArgs,
    mut printer: Printer,
) -> anyhow::Result<()> {
    let metadata = find_topic(&cluster, &args.topic).await?;
    let wanted = match args.partition.as_slice() {
        [] => all_partitions(&metadata, &args.topic),
        some => some.to_vec(),
    };
    let start = match (args.from, args.since) {
        (Some(start), _) => start,
        (None, Some(time)) => Start::Time(time),
        (None, None) if args.follow => Start::Latest,
        (None, None) => Start::Earliest,
    };
    let nothing = BTreeMap::new();
    let positions = start::positions(&cluster, &metadata, args, &wanted, &nothing, start).await?;
    let mut fetcher = Fetcher::new(cluster, metadata, args, positions);
    while !printer.is_full() && fetcher.advance(&mut printer).await? {}
    Ok(())
}

async fn consume_in_group(
    cluster: Arc<Cluster>,
    args: &ConsumeArgs,
    group: &str,
    mut printer: Printer,
) -> anyhow::Result<()> {
    let metadata = find_topic(&cluster, &args.topic).await?;
    let options = GroupOptions {
        group_id: group.to_owned(),
        topics: vec![args.topic.clone()],
        session_timeout: SESSION_TIMEOUT,
        rebalance_timeout: REBALANCE_TIMEOUT,
    };
    let mut member = GroupMember::join(&cluster, options).await?;
    let mut stop = Stop::listen()?;
    let outcome = loop {
        let assigned = member.assignment().get(&args.topic).cloned();
        let assigned = assigned.unwrap_or_default();
        let generation = async {
            let positions = group_positions(&cluster, &metadata, args, group, &assigned).await?;
            let mut fetcher = Fetcher::new(cluster.clone(), metadata.clone(), args, positions);
            let read = read_generation(&member, &mut fetcher, &mut printer, &mut stop).await;
            // Also after a failure: what has been printed is read.
            let committed = member.commit(&fetcher.committable()).await;
            read?;
            anyhow::Ok(committed?)
        };
        match generation.await {
            Err(error) if error.downcast_ref().is_some_and(ends_generation) => {
                tracing::info!("joining again: {error}");
            }
            outcome => break outcome,
        }
        tokio::select! {
            joined = member.rejoin(&cluster) => {
                if let Err(error) = joined {
                    break Err(error.into());
                }
            }
            () = stop.asked() => break Ok(()),
        }
    };
    if let Err(error) = member.leave().await {
        tracing::warn!("the group waits for this member's session to end: {error}");
    }
    outcome
}

/// Reads as a member until there is nothing more to read, the process is told to stop, or an error
/// ends the generation.
async fn read_generation(
    member: &GroupMember,
    fetcher: &mut Fetcher,
    printer: &mut Printer,
    stop: &mut Stop,
) -> anyhow::Result<()> {
    let mut heartbeats = interval(HEARTBEAT_INTERVAL);
    heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut commits = interval(COMMIT_INTERVAL);
    commits.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            more = fetcher.advance(printer) => {
                if !more? || printer.is_full() {
                    return Ok(());
                }
            }
            _ = heartbeats.tick() => member.heartbeat().await?,
            _ = commits.tick() => member.commit(&fetcher.committable()).await?,
            () = stop.asked() => return Ok(()),
        }
    }
}

/// Ctrl-C or SIGTERM: a member commits and leaves before it ends.
struct Stop {
    interrupted: Signal,
    terminated: Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

/// Where the group has got to, or where it is told to begin.
async fn group_positions(
    cluster: &Cluster,
    metadata: &Metadata,
    args: &ConsumeArgs,
    group: &str,
    assigned: &[i32],
) -> Result<BTreeMap<i32, Position>, ClientError> {
    let coordinator = cluster.coordinator(group).await?;
    let committed = client::committed_offsets(&coordinator, group).await?;
    let start = match (args.from, args.since) {
        (Some(start), _) => start,
        (None, Some(time)) => Start::Time(time),
        (None, None) => Start::Earliest,
    };
    start::positions(cluster, metadata, args, assigned, &committed, start).await
}

async fn find_topic(cluster: &Cluster, name: &str) -> anyhow::Result<Metadata> {
    let names = [name.to_owned()];
    let metadata = cluster.metadata(TopicFilter::Named(&names), false).await?;
    known_topic(&metadata, name).with_context(|| format!("topic {name}"))?;
    Ok(metadata)
}

fn all_partitions(metadata: &Metadata, topic: &str) -> Vec<i32> {
    let topic = metadata.topic(topic);
    topic.map_or_else(Vec::new, |topic| {
        topic.partitions.iter().map(|p| p.index).collect()
    })
}
