//! Kafka's record batch (magic 2): its header read in place, its checksum, its records and its codecs.
//!
//! Invariant: no input, however hostile, makes this crate panic, abort, or hold more than a small
//! multiple of the input's size (a codec's output is capped by its caller).

mod builder;
mod compression;
pub mod crc;
mod header;
mod iter;
mod lz4;
mod record;
mod search;
mod survey;
mod validate;
pub mod varint;
mod walk;
mod xerial;

pub use builder::{BatchBuilder, BuildError, body, recompress};
pub use compression::{CompressionError, compress, decompress};
pub use header::{
    BatchError, BatchHeader, Compression, HEADER_SIZE_BYTES, LENGTH_PREFIX_SIZE_BYTES,
    NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP,
    TimestampType, check_crc, set_base_offset, set_leader_epoch, set_log_append_time,
    set_max_timestamp,
};
pub use iter::{Batch, Batches, batches};
pub use record::{Header, Headers, MalformedRecord, Record, Records, records};
pub use search::{RecordAt, SearchError, find_record};
pub use validate::{
    InvalidBatch, MAX_RECORD_ERRORS, RecordError, RecordErrorKind, Rules, Validated,
    ValidationError, validate, validate_within,
};
