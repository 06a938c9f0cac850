//! One partition of `__consumer_offsets` led by this broker, and what is configured for it.

use std::sync::Arc;
use std::time::Duration;

use config::GroupSettings;
use coordinator::GroupConfig;
use format::Compression;
use replica::Partition;
use tokio::sync::Semaphore;

use crate::topics::Topic;

#[derive(Clone, Copy)]
pub(super) struct ShardSettings {
    pub(super) groups: GroupConfig,
    pub(super) codec: Compression,
    pub(super) load_buffer_bytes: u32,
    pub(super) commit_timeout: Duration,
}

pub(super) struct Seat {
    pub(super) topic: Arc<Topic>,
    pub(super) partition: Arc<Partition>,
    pub(super) leader_epoch: i32,
    pub(super) settings: ShardSettings,
    /// Lets only a few partitions be loaded at a time: each takes a thread and a buffer.
    pub(super) loads: Arc<Semaphore>,
}

impl Seat {
    /// The largest batch that the partition takes.
    pub(super) fn max_batch_bytes(&self) -> usize {
        let max_message_bytes = self.topic.config.load().max_message_bytes;
        usize::try_from(max_message_bytes)
            .unwrap_or(0)
            .min(self.max_append_bytes())
    }

    /// The most that one append may hold.
    pub(super) fn max_append_bytes(&self) -> usize {
        self.partition.log().config().segment_bytes as usize
    }

    /// Whether the partition is still led under the epoch for which it was taken.
    pub(super) fn is_held(&self) -> bool {
        self.partition.leader_epoch() == Ok(self.leader_epoch)
    }
}

impl ShardSettings {
    pub(super) fn new(settings: &GroupSettings) -> Self {
        let groups = GroupConfig {
            min_session_timeout_ms: settings.group_min_session_timeout_ms,
            max_session_timeout_ms: settings.group_max_session_timeout_ms,
            initial_rebalance_delay_ms: settings.group_initial_rebalance_delay_ms,
            max_size: usize::try_from(settings.group_max_size).unwrap_or(0),
            offset_metadata_max_size: usize::try_from(settings.offset_metadata_max_bytes)
                .unwrap_or(0),
            offsets_retention_ms: i64::from(settings.offsets_retention_minutes) * 60_000,
            offsets_retention_check_interval_ms: settings.offsets_retention_check_interval_ms,
            // The topic's, which every turn looks up.
            max_batch_bytes: usize::MAX,
        };
        let commit_timeout_ms = u64::try_from(settings.offsets_commit_timeout_ms).unwrap_or(0);
        Self {
            groups,
            codec: codec(settings.offsets_topic_compression_codec),
            load_buffer_bytes: u32::try_from(settings.offsets_load_buffer_size).unwrap_or(1),
            commit_timeout: Duration::from_millis(commit_timeout_ms),
        }
    }
}

/// The codec that `offsets.topic.compression.codec` numbers as record batches do.
fn codec(number: i32) -> Compression {
    match number {
        1 => Compression::Gzip,
        2 => Compression::Snappy,
        3 => Compression::Lz4,
        4 => Compression::Zstd,
        _ => Compression::None,
    }
}
