//! Walking the batch headers of a segment's log by positioned reads.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use format::{BatchHeader, HEADER_SIZE_BYTES};

use crate::cached;
use crate::limits::{SCAN_CHUNK_BYTES, SCAN_PROBE_BYTES};

/// A batch and where it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchAt {
    pub(crate) position: u32,
    pub(crate) header: BatchHeader,
}

impl BatchAt {
    /// Where the next batch begins. Within reach: the scan checked it against the segment's size.
    pub(crate) fn end_position(&self) -> u32 {
        self.position
            .saturating_add(self.header.size_bytes() as u32)
    }
}

/// The headers of the whole batches in `position..limit`.
///
/// Only published bytes lie below `limit`, so a batch that does not parse, or that crosses it, is
/// corruption and answered as an error.
#[derive(Debug)]
pub(crate) struct HeaderScan {
    file: Arc<File>,
    position: u32,
    limit: u32,
    chunk: Vec<u8>,
    chunk_position: u32,
    /// Read at once next.
    step_bytes: usize,
}

impl HeaderScan {
    pub(crate) fn new(file: Arc<File>, position: u32, limit: u32) -> Self {
        Self {
            file,
            position,
            limit,
            chunk: Vec::new(),
            chunk_position: position,
            step_bytes: SCAN_PROBE_BYTES,
        }
    }

    /// Expects batches like this one.
    pub(crate) fn behind(mut self, batch: &BatchAt) -> Self {
        self.expect_like(&batch.header);
        self
    }

    fn expect_like(&mut self, header: &BatchHeader) {
        self.step_bytes = match header.size_bytes() + HEADER_SIZE_BYTES {
            ..=SCAN_CHUNK_BYTES => SCAN_CHUNK_BYTES,
            _ => SCAN_PROBE_BYTES,
        };
    }

    /// Of the whole log file at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = Arc::new(File::open(path)?);
        let size_bytes = u32::try_from(file.metadata()?.len()).unwrap_or(u32::MAX);
        Ok(Self::new(file, 0, size_bytes))
    }

    fn read_header(&mut self) -> io::Result<BatchAt> {
        let at = (self.position - self.chunk_position) as usize;
        let cached = self.chunk.get(at..at + HEADER_SIZE_BYTES).is_some();
        if !cached {
            self.fill()?;
        }
        let at = (self.position - self.chunk_position) as usize;
        let header = BatchHeader::parse(self.chunk.get(at..).unwrap_or_default())
            .map_err(|error| self.corrupt(&error.to_string()))?;
        let batch = BatchAt {
            position: self.position,
            header,
        };
        if header.size_bytes() > (self.limit - self.position) as usize {
            return Err(self.corrupt("batch crosses the end of the log"));
        }
        self.expect_like(&header);
        Ok(batch)
    }

    fn fill(&mut self) -> io::Result<()> {
        let size_bytes = self.step_bytes.min((self.limit - self.position) as usize);
        self.chunk.resize(size_bytes, 0);
        self.chunk_position = self.position;
        cached::read_exact_at(&self.file, &mut self.chunk, u64::from(self.position))
    }

    fn corrupt(&self, problem: &str) -> io::Error {
        let message = format!("corrupt batch at position {}: {problem}", self.position);
        io::Error::new(io::ErrorKind::InvalidData, message)
    }
}

impl Iterator for HeaderScan {
    type Item = io::Result<BatchAt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.limit {
            return None;
        }
        let batch = self.read_header();
        self.position = batch.as_ref().map_or(self.limit, BatchAt::end_position);
        Some(batch)
    }
}
