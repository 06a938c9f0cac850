//! What is read of one request, and what decoding may make of it. A request beyond it closes the connection.
//!
//! Decoding can take several times a request's size in memory, so what needs little is allowed little. Only Produce has no
//! limit of its own: `socket.request.max.bytes` is its bound, and its records are never copied.

use crate::api::ApiKey;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The most bytes from which an API key is told, before the rest of its frame is read: key and version.
pub const API_PREFIX_BYTES: usize = 4;

/// The most that a log line tells of a client id: enough to find the client, too little to fill a log with.
pub const LOGGED_CLIENT_ID_BYTES: usize = 100;

/// The largest frame of this API in bytes, header included; `None` leaves it to `socket.request.max.bytes`.
pub const fn max_request_bytes(api: ApiKey) -> Option<usize> {
    match api {
        ApiKey::Produce => None,
        // 100,000 partitions of some 50 bytes each, the most that one consumer or follower is meant to read, fit.
        ApiKey::Fetch | ApiKey::ListOffsets | ApiKey::OffsetForLeaderEpoch => Some(8 * MIB),
        // A group's assignment goes through its leader in one SyncGroup; Connect's carries its whole state.
        ApiKey::JoinGroup | ApiKey::SyncGroup => Some(8 * MIB),
        // Offsets come with metadata of up to 4 KiB each.
        ApiKey::OffsetCommit | ApiKey::TxnOffsetCommit => Some(8 * MIB),
        // Lists of topics: 10,000 names of the greatest length (249 bytes) fit.
        ApiKey::Metadata
        | ApiKey::OffsetFetch
        | ApiKey::CreateTopics
        | ApiKey::DeleteTopics
        | ApiKey::DeleteRecords
        | ApiKey::CreatePartitions
        | ApiKey::DescribeTopicPartitions
        | ApiKey::DescribeLogDirs
        | ApiKey::DescribeProducers
        | ApiKey::DescribeConfigs
        | ApiKey::AlterConfigs
        | ApiKey::IncrementalAlterConfigs
        | ApiKey::ElectLeaders
        | ApiKey::AlterPartitionReassignments
        | ApiKey::ListPartitionReassignments
        | ApiKey::OffsetDelete => Some(4 * MIB),
        // Lists of group ids.
        ApiKey::DescribeGroups | ApiKey::DeleteGroups | ApiKey::FindCoordinator => Some(MIB),
        // What is left holds a few short strings. Two of the greatest length (32,767 bytes) fit.
        _ => Some(256 * KIB),
    }
}

/// The most memory in bytes that all arrays of a message of this size may take; strings and bytes take no more than the
/// message itself.
///
/// One empty string is a byte on the wire and 24 in memory, and a JoinGroup protocol 3 and 56. What clients send stays below
/// eight times, names of a few letters included; the constant lets through whatever is small.
pub const fn max_array_bytes(message_bytes: usize) -> usize {
    64 * KIB + 8 * message_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_served_api_but_produce_has_a_limit() {
        for api in crate::api::SERVED {
            assert_eq!(
                max_request_bytes(api.key).is_none(),
                api.key == ApiKey::Produce
            );
        }
    }
}
