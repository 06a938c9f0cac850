//! Every bound of this crate, with its reason.

/// Index entries kept in memory before they are written: 32 entries stand for at least 128 KiB of
/// log at the default interval, so one small write serves many appends, an idle partition holds
/// under a kilobyte, and who looks into the file of a running broker misses little.
pub(crate) const MAX_PENDING_INDEX_ENTRIES: usize = 32;

/// Bytes read at once while batches are stepped over that are smaller. One read covers the default distance between two
/// index entries.
pub(crate) const SCAN_CHUNK_BYTES: usize = 8 * 1024;

/// Bytes read for one header, where the batches before are unknown, or so large that a chunk would hold no second header.
pub(crate) const SCAN_PROBE_BYTES: usize = 128;

/// Bytes of an index read at once, once a search has come down to them.
pub(crate) const INDEX_BLOCK_BYTES: usize = 4 * 1024;

/// Answers of a segment whose ends are remembered: one each for as many readers.
pub(crate) const TRAIL_PLACES: usize = 8;

/// Batches that a cut steps over by their headers before it asks the index: as many reads cost no more than opening it.
pub(crate) const CUT_STEPS: usize = 4;

/// Bytes read at once by recovery; a larger batch is read whole.
pub(crate) const RECOVERY_CHUNK_BYTES: usize = 1 << 20;

/// Batches remembered for each producer, as Kafka does; the client has no more in flight.
pub(crate) const MAX_BATCHES_PER_PRODUCER: usize = 5;

/// How far back the log is searched for a producer's batches that a snapshot left out: what a partition takes in while
/// five requests of one client are under way, even beside many other clients.
pub(crate) const RECALL_BYTES: u32 = 64 << 20;

/// Producers remembered by one partition. Beyond it the longest idle tenth is forgotten, which a
/// producer survives: an unknown producer is accepted at any sequence.
pub(crate) const MAX_PRODUCERS: usize = 100_000;

/// Decompressed bytes that pass when one batch is searched for a timestamp: a bound on time, not on memory.
pub(crate) const MAX_DECOMPRESSED_BYTES: usize = 256 << 20;

/// Descriptors looked at when one is to be closed: bounds the work of a single open.
pub(crate) const MAX_EVICTION_STEPS: usize = 16;

/// Longest name of a file or directory.
pub(crate) const MAX_FILE_NAME_BYTES: usize = 255;

/// Decompressed bytes of a control batch that are looked at. A marker takes under 100.
pub(crate) const MAX_CONTROL_BATCH_BYTES: usize = 4096;

/// Most bytes of a segment: its positions are 32-bit integers with a sign.
pub(crate) const MAX_SEGMENT_BYTES: u32 = i32::MAX as u32;

/// From here on a range is mapped instead of copied when its bytes are wanted in memory: below, a
/// copy costs less than setting up and tearing down the map.
pub(crate) const MIN_MAPPED_BYTES: u32 = 64 * 1024;

/// From this size on a segment has space set aside ahead of its writes, as much again as it has: many small logs hold
/// none.
pub(crate) const MIN_RESERVE_BYTES: u64 = 1 << 20;

/// Most space that a segment has set aside: larger steps save nothing more, and a disk that is nearly full is not kept
/// from others.
pub(crate) const MAX_RESERVE_BYTES: u64 = 16 << 20;
