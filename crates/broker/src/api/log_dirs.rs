//! DescribeLogDirs, versions 1 to 5 (KIP-113, KIP-827, KIP-1066).

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use replica::Partition;
use wire::ErrorCode;
use wire::request::DescribeLogDirsRequest;
use wire::response::log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsResponse, DescribeLogDirsResult, DescribeLogDirsTopic,
};

use super::Call;
use crate::logs::Dir;

pub(crate) fn handle(call: &Call, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let asked = request.topics.as_ref().map(|topics| {
        let all = topics.iter().flat_map(|topic| {
            topic
                .partitions
                .iter()
                .map(|index| (topic.topic.as_str(), *index))
        });
        all.collect::<HashSet<_>>()
    });
    let mut by_dir: BTreeMap<usize, Vec<Arc<Partition>>> = BTreeMap::new();
    for topic in call.broker.topics.all() {
        for partition in topic.partitions() {
            if asked
                .as_ref()
                .is_none_or(|asked| asked.contains(&(&*partition.topic, partition.index)))
            {
                by_dir
                    .entry(call.broker.logs.dir_of(&partition))
                    .or_default()
                    .push(partition);
            }
        }
    }
    let dirs = call.broker.logs.dirs().iter().enumerate();
    let config = call.broker.config();
    let results = dirs.map(|(index, dir)| {
        let partitions = by_dir.remove(&index).unwrap_or_default();
        result(dir, partitions, config.is_cordoned(dir.path()))
    });
    let lost = call.broker.logs.lost().iter().map(|path| offline(path));
    DescribeLogDirsResponse {
        throttle_time_ms: 0,
        error_code: 0,
        results: results.chain(lost).collect(),
    }
}

fn offline(path: &Path) -> DescribeLogDirsResult {
    DescribeLogDirsResult {
        error_code: ErrorCode::KafkaStorageError.code(),
        log_dir: absolute(path),
        ..DescribeLogDirsResult::default()
    }
}

/// As Kafka tells a path, whatever `log.dirs` says.
fn absolute(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.display().to_string()
}

fn result(dir: &Dir, partitions: Vec<Arc<Partition>>, is_cordoned: bool) -> DescribeLogDirsResult {
    if dir.is_offline() {
        return offline(dir.path());
    }
    let mut topics: BTreeMap<Arc<str>, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for partition in partitions {
        topics
            .entry(partition.topic.clone())
            .or_default()
            .push(DescribeLogDirsPartition {
                partition_index: partition.index,
                partition_size: i64::try_from(partition.log().size_bytes()).unwrap_or(i64::MAX),
                offset_lag: 0.max(partition.high_watermark() - partition.log().log_end()),
                is_future_key: false,
            });
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| DescribeLogDirsTopic {
            name: name.to_string(),
            partitions,
        });
    let (total_bytes, usable_bytes) = dir.volume_bytes();
    DescribeLogDirsResult {
        error_code: 0,
        log_dir: absolute(dir.path()),
        topics: topics.collect(),
        total_bytes,
        usable_bytes,
        is_cordoned,
    }
}
