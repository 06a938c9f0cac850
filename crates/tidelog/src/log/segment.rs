//! A segment file, batch by batch: never more than one batch in memory.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use format::{
    BatchError, BatchHeader, HEADER_SIZE_BYTES, NO_PRODUCER_ID, body, check_crc, records,
};
use serde::Serialize;

use crate::record::JsonRecord;
use crate::times::time_text;

/// What one batch may hold once decompressed.
const MAX_BATCH_BODY_BYTES: usize = 256 << 20;

/// The segment files of a partition directory in order of offset, or the one file named.
pub(super) fn segment_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if is_segment(&file) {
            files.push(file);
        }
    }
    // Names are offsets in twenty digits, so they sort as numbers do.
    files.sort();
    match files.is_empty() {
        true => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no segment (00000000000000000000.log) is in this directory; a partition's directory is named \
             after it, as in tidelog-data/orders-0",
        )),
        false => Ok(files),
    }
}

/// Whether it is named as a segment is: an offset, and `.log`.
fn is_segment(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    let offset = name.and_then(|name| name.strip_suffix(".log"));
    offset.is_some_and(|offset| offset.len() == 20 && offset.bytes().all(|b| b.is_ascii_digit()))
}

pub(super) struct SegmentReader {
    file: BufReader<File>,
    size_bytes: u64,
    position: u64,
    with_records: bool,
    /// The least offset that the next batch may have.
    next_offset: i64,
    /// Damage found in a batch that was nevertheless shown.
    pending: Option<Damage>,
}

/// What is wrong at a place of a segment.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("at {position}: {left} bytes that end inside a batch")]
    Torn { position: u64, left: u64 },
    #[error("at {position}: {error}")]
    NotABatch { position: u64, error: BatchError },
    #[error("at {position}: the batch of offset {base_offset}: {reason}")]
    Contents {
        position: u64,
        base_offset: i64,
        reason: String,
    },
}

/// A batch as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct BatchRow {
    base_offset: i64,
    last_offset: i64,
    pub(super) record_count: i32,
    position: u64,
    size_bytes: usize,
    leader_epoch: i32,
    compression: &'static str,
    timestamp_type: &'static str,
    max_timestamp: i64,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    transactional: bool,
    control: bool,
    crc: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) records: Option<Vec<JsonRecord>>,
}

impl SegmentReader {
    pub(super) fn open(path: &Path, with_records: bool) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self {
            size_bytes: file.metadata()?.len(),
            file: BufReader::with_capacity(1 << 20, file),
            position: 0,
            with_records,
            next_offset: 0,
            pending: None,
        })
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The next batch, or what is wrong with it. A batch whose length cannot be believed is the
    /// last thing found.
    pub(super) fn next_batch(&mut self) -> io::Result<Option<Result<BatchRow, Damage>>> {
        if let Some(damage) = self.pending.take() {
            return Ok(Some(Err(damage)));
        }
        let position = self.position;
        let left = self.size_bytes - position;
        if left == 0 {
            return Ok(None);
        }
        if left < HEADER_SIZE_BYTES as u64 {
            self.position = self.size_bytes;
            return Ok(Some(Err(Damage::Torn { position, left })));
        }
        let mut batch = vec![0; HEADER_SIZE_BYTES];
        self.file.read_exact(&mut batch)?;
        let header = match BatchHeader::parse(&batch) {
            Ok(header) => header,
            Err(error) => {
                self.position = self.size_bytes;
                return Ok(Some(Err(Damage::NotABatch { position, error })));
            }
        };
        let size_bytes = header.size_bytes();
        if size_bytes as u64 > left {
            self.position = self.size_bytes;
            return Ok(Some(Err(Damage::Torn { position, left })));
        }
        batch.resize(size_bytes, 0);
        let body = batch.get_mut(HEADER_SIZE_BYTES..).unwrap_or_default();
        self.file.read_exact(body)?;
        self.position += size_bytes as u64;
        Ok(Some(Ok(self.examine(header, &batch, position))))
    }

    fn examine(&mut self, header: BatchHeader, batch: &[u8], position: u64) -> BatchRow {
        let mut row = BatchRow::new(&header, position);
        let mut reason = None;
        if header.base_offset < self.next_offset {
            reason = Some(format!("offset {} was due", self.next_offset));
        }
        self.next_offset = header.next_offset();
        if let Err(error) = check_crc(batch) {
            reason = Some(error.to_string());
        } else if self.with_records {
            match decode_records(&header, batch) {
                Ok(records) => row.records = Some(records),
                Err(error) => reason = Some(error.to_string()),
            }
        }
        self.pending = reason.map(|reason| Damage::Contents {
            position,
            base_offset: header.base_offset,
            reason,
        });
        row
    }
}

fn decode_records(header: &BatchHeader, batch: &[u8]) -> anyhow::Result<Vec<JsonRecord>> {
    let body = body(batch, MAX_BATCH_BODY_BYTES)?;
    let records = records(&body);
    let decoded = records.map(|record| Ok(JsonRecord::of(header, &record?)));
    decoded.collect()
}

impl BatchRow {
    fn new(header: &BatchHeader, position: u64) -> Self {
        Self {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            record_count: header.record_count,
            position,
            size_bytes: header.size_bytes(),
            leader_epoch: header.partition_leader_epoch,
            compression: header.compression().name(),
            timestamp_type: match header.timestamp_type() {
                format::TimestampType::CreateTime => "CreateTime",
                format::TimestampType::LogAppendTime => "LogAppendTime",
            },
            max_timestamp: header.max_timestamp,
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            base_sequence: header.base_sequence,
            transactional: header.is_transactional(),
            control: header.is_control(),
            crc: header.crc,
            records: None,
        }
    }
}

impl fmt::Display for BatchRow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offsets = format!("{}..{}", self.base_offset, self.last_offset);
        write!(
            out,
            "{offsets:>29} {:>7} {:>10} {:>10} {:>6}  {:<6}  {:<24}",
            self.record_count,
            self.position,
            self.size_bytes,
            self.leader_epoch,
            self.compression,
            time_text(self.max_timestamp),
        )?;
        if self.producer_id == NO_PRODUCER_ID {
            write!(out, "  -")?;
        } else {
            let (id, epoch) = (self.producer_id, self.producer_epoch);
            write!(out, "  {id} epoch {epoch} sequence {}", self.base_sequence)?;
        }
        let transactional = if self.transactional {
            " transactional"
        } else {
            ""
        };
        let control = if self.control { " control" } else { "" };
        write!(out, "{transactional}{control}")
    }
}

#[cfg(test)]
mod tests {
    use format::BatchBuilder;

    use crate::record::Datum;

    use super::*;

    fn batch(base_offset: i64) -> Vec<u8> {
        let mut builder = BatchBuilder::new(base_offset);
        builder.append(1, Some(b"k"), Some(b"v"), &[]);
        builder.append(2, None, None, &[]);
        builder.build().unwrap().to_vec()
    }

    fn dump(bytes: &[u8]) -> Vec<Result<BatchRow, String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00000000000000000000.log");
        std::fs::write(&path, bytes).unwrap();
        let files = segment_files(dir.path()).unwrap();
        let mut segment = SegmentReader::open(&files[0], true).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = segment.next_batch().unwrap() {
            rows.push(row.map_err(|damage| damage.to_string()));
        }
        rows
    }

    #[test]
    fn batches_are_shown_with_their_records() {
        let rows = dump(&[batch(0), batch(2)].concat());
        let last = rows[1].as_ref().unwrap();
        assert_eq!((rows.len(), last.base_offset, last.last_offset), (2, 2, 3));
        let records = last.records.as_ref().unwrap();
        assert_eq!(records[0].key, Some(Datum::Text("k".to_owned())));
        assert_eq!(records[1].offset, Some(3));
    }

    #[test]
    fn damage_is_found_and_named() {
        let whole = batch(0);
        let torn = dump(&[whole.clone(), whole[..70].to_vec()].concat());
        assert!(torn[0].is_ok());
        assert!(torn[1].as_ref().unwrap_err().contains("inside a batch"));

        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let rows = dump(&[flipped, batch(2)].concat());
        assert_eq!(rows.len(), 3);
        assert!(rows[1].as_ref().unwrap_err().contains("offset 0"));
        assert!(rows[2].is_ok());

        let rows = dump(&[batch(2), batch(0)].concat());
        assert!(rows[2].as_ref().unwrap_err().contains("offset 4 was due"));
        assert!(dump(&[0xff; 100])[0].is_err());
    }
}
