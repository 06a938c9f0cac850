//! The answer to a DescribeLogDirs.

use crate::codec::message;

message! {
    pub struct DescribeLogDirsResponse: 1..=5, flexible 2 {
        throttle_time_ms: i32,
        error_code: i16 [3.., ignorable],
        results: Vec<DescribeLogDirsResult>,
    }

    pub struct DescribeLogDirsResult {
        error_code: i16,
        log_dir: String,
        topics: Vec<DescribeLogDirsTopic>,
        /// Size of the volume in bytes (KIP-827); -1 if unknown.
        total_bytes: i64 [4.., ignorable] = -1,
        usable_bytes: i64 [4.., ignorable] = -1,
        /// Whether new replicas are kept away from the directory (KIP-1066).
        is_cordoned: bool [5.., ignorable],
    }

    pub struct DescribeLogDirsTopic {
        name: String,
        partitions: Vec<DescribeLogDirsPartition>,
    }

    pub struct DescribeLogDirsPartition {
        partition_index: i32,
        /// In bytes.
        partition_size: i64,
        /// How far the replica is behind the high watermark, or a future replica behind the current one.
        offset_lag: i64,
        is_future_key: bool,
    }
}
