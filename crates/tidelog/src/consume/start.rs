//! Where reading begins and ends in each partition.

use std::collections::BTreeMap;

use client::{Cluster, EARLIEST, LATEST, Metadata, TopicPartition, list_offsets};

use super::ConsumeArgs;
use super::fetcher::Position;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Earliest,
    Latest,
    Offset(i64),
    /// That many before the end.
    Last(i64),
    /// The first record of that time (ms since 1970) or later.
    Time(i64),
}

pub(super) fn parse_start(text: &str) -> Result<Start, String> {
    match (text, text.parse::<i64>()) {
        ("earliest" | "beginning", _) => Ok(Start::Earliest),
        ("latest" | "end", _) => Ok(Start::Latest),
        (_, Ok(offset)) if offset >= 0 => Ok(Start::Offset(offset)),
        (_, Ok(last)) => Ok(Start::Last(last.saturating_neg())),
        _ => Err("expected earliest, latest, an offset, or -N".to_owned()),
    }
}

/// Each partition's first offset, and the end as it is now unless the reader follows.
pub(super) async fn positions(
    cluster: &Cluster,
    metadata: &Metadata,
    args: &ConsumeArgs,
    partitions: &[i32],
    start: Start,
) -> anyhow::Result<BTreeMap<i32, Position>> {
    let isolation = args.isolation.into();
    let at = |timestamp| -> BTreeMap<TopicPartition, i64> {
        let keys = partitions.iter().map(|index| (args.topic.clone(), *index));
        keys.map(|key| (key, timestamp)).collect()
    };
    let ends = list_offsets(cluster, metadata, isolation, &at(LATEST)).await?;
    let starts = match start {
        Start::Latest => ends.clone(),
        Start::Time(time) => list_offsets(cluster, metadata, isolation, &at(time)).await?,
        _ => list_offsets(cluster, metadata, isolation, &at(EARLIEST)).await?,
    };
    let positions = ends.into_iter().map(|(key, end)| {
        let end = end.unwrap_or(0);
        // No record that young: begin at the end.
        let first = starts.get(&key).copied().flatten().unwrap_or(end);
        let next = match start {
            Start::Earliest | Start::Latest | Start::Time(_) => first,
            Start::Offset(offset) => offset,
            Start::Last(count) => end.saturating_sub(count).max(first),
        };
        let stop_at = (!args.follow).then_some(end);
        (key.1, Position { next, stop_at })
    });
    Ok(positions.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_name_an_offset_or_a_distance_from_the_end() {
        assert_eq!(parse_start("earliest"), Ok(Start::Earliest));
        assert_eq!(parse_start("latest"), Ok(Start::Latest));
        assert_eq!(parse_start("0"), Ok(Start::Offset(0)));
        assert_eq!(parse_start("-10"), Ok(Start::Last(10)));
        assert!(parse_start("soon").is_err());
    }
}
