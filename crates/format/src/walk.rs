//! Walking a batch body by its record framing alone: lengths are followed, keys and values are
//! stepped over. The same walk serves bytes at hand and bytes as they are decompressed.

use std::io::{BufRead, BufReader, Read};

use crate::varint::{varint_from, varlong_from};

/// Bytes in order. `None` is the end, or an error that the source keeps.
pub(crate) trait Source {
    fn byte(&mut self) -> Option<u8>;
    fn skip(&mut self, size_bytes: u64) -> Option<()>;
    /// Bytes passed so far.
    fn position(&self) -> u64;
}

/// What validation needs to know of a record.
pub(crate) struct Frame {
    pub(crate) offset_delta: i32,
    pub(crate) timestamp_delta: i64,
    pub(crate) has_key: bool,
}

/// The next record, or `None` if it is malformed or cut off.
#[inline]
pub(crate) fn next_frame(source: &mut impl Source) -> Option<Frame> {
    let size_bytes = u64::try_from(varint(source)?).ok()?;
    let end = source.position().checked_add(size_bytes)?;
    let _attributes = source.byte()?;
    let timestamp_delta = varlong_from(|| source.byte())?;
    let offset_delta = varint(source)?;
    let has_key = skip_bytes(source)?;
    let _has_value = skip_bytes(source)?;
    let header_count = u64::try_from(varint(source)?).ok()?;
    for _ in 0..header_count {
        let has_key = skip_bytes(source)?;
        if !has_key {
            return None;
        }
        skip_bytes(source)?;
    }
    (source.position() == end).then_some(Frame {
        offset_delta,
        timestamp_delta,
        has_key,
    })
}

/// Steps over a length and its bytes; says whether they are there rather than null.
#[inline]
fn skip_bytes(source: &mut impl Source) -> Option<bool> {
    let Ok(size_bytes) = u64::try_from(varint(source)?) else {
        return Some(false);
    };
    source.skip(size_bytes)?;
    Some(true)
}

#[inline]
fn varint(source: &mut impl Source) -> Option<i32> {
    varint_from(|| source.byte())
}

/// A body that lies in memory.
pub(crate) struct Slice<'a> {
    rest: &'a [u8],
    size_bytes: usize,
}

impl<'a> Slice<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            size_bytes: bytes.len(),
        }
    }
}

impl Source for Slice<'_> {
    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    #[inline]
    fn skip(&mut self, size_bytes: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(size_bytes).ok()?..)?;
        Some(())
    }

    #[inline]
    fn position(&self) -> u64 {
        (self.size_bytes - self.rest.len()) as u64
    }
}

/// A body that is being decompressed: no more of it than a buffer is held.
pub(crate) struct Stream<R> {
    reader: BufReader<R>,
    position: u64,
    /// Why the stream ended early, if it did.
    pub(crate) failure: Option<std::io::Error>,
}

impl<R: Read> Stream<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
            position: 0,
            failure: None,
        }
    }

    /// Bytes buffered and not yet passed; none at the end.
    fn buffered(&mut self) -> Option<&[u8]> {
        match self.reader.fill_buf() {
            Ok([]) => None,
            Ok(_) => Some(self.reader.buffer()),
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }

    fn pass(&mut self, size_bytes: usize) {
        self.reader.consume(size_bytes);
        self.position += size_bytes as u64;
    }
}

impl<R: Read> Source for Stream<R> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.buffered()?.first().copied()?;
        self.pass(1);
        Some(byte)
    }

    fn skip(&mut self, size_bytes: u64) -> Option<()> {
        let end = self.position.checked_add(size_bytes)?;
        while self.position < end {
            let available = self.buffered()?.len();
            let left = usize::try_from(end - self.position).unwrap_or(usize::MAX);
            self.pass(available.min(left));
        }
        Some(())
    }

    fn position(&self) -> u64 {
        self.position
    }
}
