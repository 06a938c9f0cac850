//! A partition's log on disk, in Kafka's directory layout and file formats, byte for byte.
//!
//! Synchronous: every call that can touch the disk may block. Knows batches and offsets, not
//! topics or requests.
//!
//! Invariants: a byte once published is never overwritten in place; nothing at or beyond the
//! published log end is shown; the durable end never passes what an fsync covered.

mod append;
pub mod base64url;
mod cached;
mod checked_scan;
mod checkpoint;
#[cfg(test)]
mod concurrency_tests;
mod config;
mod control;
mod dir_lock;
mod ends;
mod epoch_cache;
mod file_cache;
mod index_file;
mod leftovers;
mod limits;
mod log;
mod log_dir;
mod lookup;
mod mapped;
mod mark;
mod meta_properties;
#[cfg(test)]
mod model_tests;
mod names;
mod offset_checkpoint;
mod offset_index;
mod partition_metadata;
mod partition_name;
mod producer_recovery;
mod producer_snapshot;
mod producer_state;
mod read;
mod recall;
mod recovery;
#[cfg(test)]
mod reopening_tests;
mod retention;
mod scan;
mod scrub;
mod scrub_mark;
mod segment;
mod strays;
mod sync;
#[cfg(test)]
mod test_support;
mod time_index;
mod timestamps;
mod trail;
mod truncate;
mod types;
mod verdict;

pub use config::{Durability, LogConfig};
pub use file_cache::FileCache;
pub use log::{Log, LogOptions};
pub use log_dir::{CleanShutdown, FoundPartition, LogDir, LogDirError};
pub use meta_properties::MetaProperties;
pub use partition_name::{PartitionKind, PartitionName};
pub use recovery::{Checkpoint, OpenError};
pub use retention::DeleteBeyondEnd;
pub use scrub::Damage;
pub use scrub_mark::ScrubMark;
pub use types::{
    ActiveProducer, AppendArgs, AppendError, Appended, Found, Origin, Payload, Reach, ReadArgs,
    ReadError, TimestampedOffset,
};
pub use verdict::Verdict;
