//! Looking for a record by offset and timestamp: the batch's body is decompressed past the eyes, never held.

use crate::compression::{CompressionError, read_error, reader};
use crate::header::{BatchError, BatchHeader};
use crate::record::{MalformedRecord, timestamp};
use crate::walk::{Stream, next_frame};

/// Why a batch could not be searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Undecodable(#[from] CompressionError),
    #[error(transparent)]
    Malformed(#[from] MalformedRecord),
}

/// Where a record is in log and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordAt {
    pub offset: i64,
    pub timestamp: i64,
}

/// The first record that is `wanted`, of the batch at the start of `batch`. Records before it may take at most `cap_bytes`.
pub fn find_record(
    batch: &[u8],
    cap_bytes: usize,
    wanted: impl Fn(RecordAt) -> bool,
) -> Result<Option<RecordAt>, SearchError> {
    let header = BatchHeader::parse(batch)?;
    let codec = header.compression();
    let mut stream = Stream::new(reader(codec, header.body_of(batch)?, cap_bytes)?);
    for _ in 0..header.record_count {
        let Some(frame) = next_frame(&mut stream) else {
            return Err(match stream.failure {
                Some(error) => read_error(codec, cap_bytes, error).into(),
                None => MalformedRecord.into(),
            });
        };
        let at = RecordAt {
            offset: header
                .base_offset
                .saturating_add(i64::from(frame.offset_delta)),
            timestamp: timestamp(&header, frame.timestamp_delta),
        };
        if wanted(at) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::BatchBuilder;
    use crate::header::Compression;

    fn batch(codec: Compression, values_bytes: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new(70).compression(codec, None);
        for timestamp in [10, 30, 20] {
            builder.append(timestamp, None, Some(&vec![0; values_bytes]), &[]);
        }
        builder.build().unwrap().to_vec()
    }

    const CODECS: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];

    #[test]
    fn finds_the_first_record_that_is_wanted() {
        for codec in CODECS {
            let batch = batch(codec, 100);
            let find = |least| find_record(&batch, 1000, |at| at.timestamp >= least).unwrap();
            let at = |offset, timestamp| Some(RecordAt { offset, timestamp });
            assert_eq!(find(5), at(70, 10));
            assert_eq!(find(11), at(71, 30));
            assert_eq!(find(31), None);
        }
    }

    #[test]
    fn records_behind_the_one_that_is_wanted_do_not_count_against_the_cap() {
        for codec in CODECS {
            let batch = batch(codec, 1 << 20);
            let find = |least| find_record(&batch, 3 << 19, |at| at.timestamp >= least);
            assert!(find(10).unwrap().is_some());
            assert!(matches!(
                find(31),
                Err(SearchError::Undecodable(CompressionError::TooLarge { .. }))
            ));
        }
    }

    #[test]
    fn damage_is_told() {
        for codec in CODECS {
            let mut batch = batch(codec, 100);
            let middle = batch.len() - 10;
            batch[middle..].fill(0xff);
            assert!(find_record(&batch, 1000, |_| false).is_err(), "{codec:?}");
        }
    }
}
