//! What the micro-benchmarks share: batches as a producer sends them.

use format::{BatchBuilder, BuildError, Compression};

pub const NOW_MS: i64 = 1_700_000_000_000;

/// A batch of text records, one a millisecond.
pub fn batch(
    records: usize,
    value_bytes: usize,
    codec: Compression,
) -> Result<Vec<u8>, BuildError> {
    let text: String = (0..)
        .map(|n: u64| n.to_string())
        .take(value_bytes + records)
        .collect();
    let mut builder = BatchBuilder::new(0).compression(codec, None);
    for number in 0..records {
        let value = text.as_bytes().get(number..number + value_bytes);
        builder.append(NOW_MS + number as i64, None, value, &[]);
    }
    Ok(builder.build()?.to_vec())
}
