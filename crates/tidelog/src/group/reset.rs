//! `tidelog group reset-offsets`: where a group without members is to go on reading.

use std::collections::BTreeMap;
use std::fmt::Display;

use clap::Args;
use client::{
    Cluster, EARLIEST, Isolation, LATEST, Metadata, TopicFilter, TopicPartition, commit_offsets,
    committed_offsets, list_offsets,
};
use serde::Serialize;

use crate::hint::{Advised, UsageError};
use crate::output::{OutputArgs, Table, View, or_dash};
use crate::times::parse_time;

/// Move a group's committed offsets. Shows what would be done; --execute does it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidelog group reset-offsets billing --topic orders --to earliest
  tidelog group reset-offsets billing --topic orders:0,3 --to 1500 --execute
  tidelog group reset-offsets billing --all-topics --to-time 2h --execute
  tidelog group reset-offsets billing --topic orders --shift -100 --execute")]
pub(super) struct ResetArgs {
    /// The group; it must have no members when the offsets are moved.
    group: String,
    /// A topic, or some of its partitions; may be given several times.
    #[arg(short, long, value_name = "TOPIC[:PARTITION,…]", value_parser = parse_scope)]
    #[arg(required_unless_present = "all_topics")]
    topic: Vec<Scope>,
    /// Every topic of which the group has committed offsets.
    #[arg(long, conflicts_with = "topic")]
    all_topics: bool,
    #[command(flatten)]
    target: TargetArgs,
    /// Do it.
    #[arg(long)]
    execute: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct TargetArgs {
    /// `earliest`, `latest`, `current` (as committed), or an offset.
    #[arg(long, value_name = "OFFSET", value_parser = parse_to)]
    to: Option<Target>,
    /// The first record of that time or later: a date or time, an age such as 15m, or milliseconds
    /// since 1970.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to_time: Option<i64>,
    /// So many records forward, or back if negative, from what is committed.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    shift: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Earliest,
    Latest,
    Current,
    Offset(i64),
    Time(i64),
    Shift(i64),
}

/// A topic's partitions; none means all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scope {
    topic: String,
    partitions: Vec<i32>,
}

fn parse_to(text: &str) -> Result<Target, String> {
    match (text, text.parse::<i64>()) {
        ("earliest", _) => Ok(Target::Earliest),
        ("latest", _) => Ok(Target::Latest),
        ("current", _) => Ok(Target::Current),
        (_, Ok(offset)) if offset >= 0 => Ok(Target::Offset(offset)),
        _ => Err("expected earliest, latest, current or an offset".to_owned()),
    }
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    let (topic, list) = match text.split_once(':') {
        Some((topic, list)) => (topic, Some(list)),
        None => (text, None),
    };
    let numbers = list.into_iter().flat_map(|list| list.split(','));
    let partitions: Result<Vec<i32>, _> = numbers.map(str::parse).collect();
    Ok(Scope {
        topic: topic.to_owned(),
        partitions: partitions.map_err(|_| "expected topic or topic:0,1,2")?,
    })
}

impl TargetArgs {
    /// Clap sees to it that one is given.
    fn target(&self) -> Result<Target, UsageError> {
        let time = self.to_time.map(Target::Time);
        let shift = self.shift.map(Target::Shift);
        let target = self.to.or(time).or(shift);
        target.ok_or_else(|| UsageError("say where to: --to, --to-time or --shift".to_owned()))
    }
}

pub(super) async fn run(
    cluster: &Cluster,
    output: &OutputArgs,
    args: ResetArgs,
) -> anyhow::Result<()> {
    let target = args.target.target()?;
    let coordinator = cluster.coordinator(&args.group).await?;
    let committed = committed_offsets(&coordinator, &args.group).await?;
    if args.all_topics && committed.is_empty() {
        return Err(nothing_committed("").into());
    }
    let topics: Vec<String> = match args.all_topics {
        true => committed.keys().map(|key| key.0.clone()).collect(),
        false => args.topic.iter().map(|scope| scope.topic.clone()).collect(),
    };
    let metadata = cluster.metadata(TopicFilter::Named(&topics), false).await?;
    let partitions: Vec<TopicPartition> = match args.all_topics {
        true => committed.keys().cloned().collect(),
        false => in_scope(&metadata, &args.topic),
    };
    let bounds = Bounds::ask(cluster, &metadata, &partitions, target).await?;
    let mut moves = Vec::new();
    for key in partitions {
        let from = committed.get(&key).copied();
        moves.push(Move {
            to: bounds.place(&key, from, target)?,
            topic: key.0,
            partition: key.1,
            from,
            outcome: match args.execute {
                true => "moved",
                false => "would be moved",
            },
        });
    }
    if args.execute {
        let next = moves.iter().map(|m| ((m.topic.clone(), m.partition), m.to));
        commit_offsets(&coordinator, &args.group, &next.collect()).await?;
    }
    output.show(&Moves(moves))?;
    if !args.execute {
        eprintln!("hint: nothing has been changed; --execute does it");
    }
    Ok(())
}

fn nothing_committed(of: impl Display) -> Advised {
    Advised {
        what: format!("the group has committed nothing{of}"),
        advice: "name topics with --topic, and where to with --to earliest, --to latest, --to OFFSET or \
                 --to-time TIME",
    }
}

/// Named partitions as they are named; a bare topic is all that it has.
fn in_scope(metadata: &Metadata, scopes: &[Scope]) -> Vec<TopicPartition> {
    let mut partitions = Vec::new();
    for scope in scopes {
        let topic = metadata.topic(&scope.topic);
        let all = topic.map_or(&[][..], |topic| &topic.partitions);
        let indexes: Vec<i32> = match scope.partitions.as_slice() {
            // A topic that is not there is left for ListOffsets to refuse.
            [] if all.is_empty() => vec![0],
            [] => all.iter().map(|partition| partition.index).collect(),
            some => some.to_vec(),
        };
        partitions.extend(
            indexes
                .into_iter()
                .map(|index| (scope.topic.clone(), index)),
        );
    }
    partitions
}

/// What each partition holds, and what it holds at the wanted time.
struct Bounds {
    starts: BTreeMap<TopicPartition, Option<i64>>,
    ends: BTreeMap<TopicPartition, Option<i64>>,
    at_time: BTreeMap<TopicPartition, Option<i64>>,
}

impl Bounds {
    async fn ask(
        cluster: &Cluster,
        metadata: &Metadata,
        partitions: &[TopicPartition],
        target: Target,
    ) -> anyhow::Result<Self> {
        let isolation = Isolation::default();
        let at = |timestamp| -> BTreeMap<TopicPartition, i64> {
            let keys = partitions.iter().cloned();
            keys.map(|key| (key, timestamp)).collect()
        };
        Ok(Self {
            starts: list_offsets(cluster, metadata, isolation, &at(EARLIEST)).await?,
            ends: list_offsets(cluster, metadata, isolation, &at(LATEST)).await?,
            at_time: match target {
                Target::Time(time) => list_offsets(cluster, metadata, isolation, &at(time)).await?,
                _ => BTreeMap::new(),
            },
        })
    }

    /// The target in one partition, never outside of what it holds.
    fn place(
        &self,
        key: &TopicPartition,
        committed: Option<i64>,
        target: Target,
    ) -> Result<i64, Advised> {
        let start = self.starts.get(key).copied().flatten().unwrap_or(0);
        let end = self.ends.get(key).copied().flatten().unwrap_or(start);
        let committed = || {
            let (topic, partition) = key;
            committed.ok_or_else(|| nothing_committed(format!(" of {topic}-{partition}")))
        };
        let wanted = match target {
            Target::Earliest => start,
            Target::Latest => end,
            Target::Current => committed()?,
            Target::Offset(offset) => offset,
            Target::Time(_) => self.at_time.get(key).copied().flatten().unwrap_or(end),
            Target::Shift(count) => committed()?.saturating_add(count),
        };
        Ok(wanted.max(start).min(end))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Moves(Vec<Move>);

#[derive(Serialize)]
struct Move {
    topic: String,
    partition: i32,
    from: Option<i64>,
    to: i64,
    outcome: &'static str,
}

impl View for Moves {
    fn text(&self) -> String {
        let mut table = Table::new(&["TOPIC", "PARTITION", "FROM", "TO", "OUTCOME"]);
        for row in &self.0 {
            table.row([
                row.topic.clone(),
                row.partition.to_string(),
                or_dash(row.from),
                row.to.to_string(),
                row.outcome.to_owned(),
            ]);
        }
        table.align_right(&[1, 2, 3]).text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_topic_or_some_of_its_partitions() {
        let scope = |topic: &str, partitions: &[i32]| Scope {
            topic: topic.to_owned(),
            partitions: partitions.to_vec(),
        };
        assert_eq!(parse_scope("orders"), Ok(scope("orders", &[])));
        assert_eq!(parse_scope("orders:0,3"), Ok(scope("orders", &[0, 3])));
        assert!(parse_scope("orders:x").is_err());
    }

    #[test]
    fn targets_stay_within_what_the_partition_holds() {
        let key = ("orders".to_owned(), 0);
        let bounds = Bounds {
            starts: BTreeMap::from([(key.clone(), Some(10))]),
            ends: BTreeMap::from([(key.clone(), Some(20))]),
            at_time: BTreeMap::from([(key.clone(), None)]),
        };
        let place = |committed, target| bounds.place(&key, committed, target).ok();
        assert_eq!(place(None, Target::Earliest), Some(10));
        assert_eq!(place(None, Target::Latest), Some(20));
        assert_eq!(place(None, Target::Offset(3)), Some(10));
        assert_eq!(place(None, Target::Offset(99)), Some(20));
        assert_eq!(place(None, Target::Time(5)), Some(20));
        assert_eq!(place(Some(15), Target::Shift(-2)), Some(13));
        assert_eq!(place(Some(15), Target::Current), Some(15));
        assert_eq!(place(None, Target::Shift(1)), None);
    }
}
