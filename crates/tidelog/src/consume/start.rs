//! Where reading begins and ends in each partition.

use std::collections::BTreeMap;

use client::{ClientError, Cluster, EARLIEST, LATEST, Metadata, TopicPartition, list_offsets};

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

/// Where each partition is read from, always inside of what it holds: what the group has committed,
/// if anything, else `start`. It is read to its end as it is now, unless the reader follows.
pub(super) async fn positions(
    cluster: &Cluster,
    metadata: &Metadata,
    args: &ConsumeArgs,
    partitions: &[i32],
    committed: &BTreeMap<TopicPartition, i64>,
    start: Start,
) -> Result<BTreeMap<i32, Position>, ClientError> {
    let isolation = args.isolation.into();
    let at = |timestamp| -> BTreeMap<TopicPartition, i64> {
        let keys = partitions.iter().map(|index| (args.topic.clone(), *index));
        keys.map(|key| (key, timestamp)).collect()
    };
    let firsts = list_offsets(cluster, metadata, isolation, &at(EARLIEST)).await?;
    let ends = list_offsets(cluster, metadata, isolation, &at(LATEST)).await?;
    let at_time = match start {
        Start::Time(time) => list_offsets(cluster, metadata, isolation, &at(time)).await?,
        _ => BTreeMap::new(),
    };
    let positions = ends.into_iter().map(|(key, end)| {
        let end = end.unwrap_or(0);
        let first = firsts.get(&key).copied().flatten().unwrap_or(end);
        let next = match (committed.get(&key), start) {
            (Some(committed), _) => *committed,
            (None, Start::Earliest) => first,
            (None, Start::Latest) => end,
            (None, Start::Offset(offset)) => offset,
            (None, Start::Last(count)) => end.saturating_sub(count),
            // No record that young: begin at the end.
            (None, Start::Time(_)) => at_time.get(&key).copied().flatten().unwrap_or(end),
        };
        let position = Position {
            next: next.max(first).min(end),
            stop_at: (!args.follow).then_some(end),
        };
        (key.1, position)
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
