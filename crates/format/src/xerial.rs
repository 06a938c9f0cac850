//! Snappy as Java's `SnappyOutputStream` frames it: a 16-byte header, then chunks, each a big-endian
//! length and a raw snappy block. A stream without the header is one raw block.
//!
//! Invariant: a block's buffer is reserved only if its input could expand to it.

use std::io::{self, Read};

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// What follows the magic: version and the oldest version that can read it.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
const BLOCK_SIZE_BYTES: usize = 32 * 1024;
/// A copy of 64 bytes takes three: snappy cannot expand further.
const MAX_EXPANSION: usize = 22;

pub(crate) fn compress(input: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = snap::raw::Encoder::new();
    let mut out = Vec::with_capacity(MAGIC.len() + VERSIONS.len() + input.len() / 2);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSIONS);
    for block in input.chunks(BLOCK_SIZE_BYTES) {
        let chunk = encoder.compress_vec(block)?;
        out.extend_from_slice(&(chunk.len() as u32).to_be_bytes());
        out.extend_from_slice(&chunk);
    }
    Ok(out)
}

/// Decompresses a stream block by block.
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    /// Bytes of `block` already handed out.
    taken: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        let header = input
            .strip_prefix(&MAGIC)
            .and_then(|rest| rest.get(VERSIONS.len()..));
        Self {
            input: header.unwrap_or(input),
            framed: header.is_some(),
            block: Vec::new(),
            taken: 0,
        }
    }

    fn next_chunk(&mut self) -> io::Result<Option<&'a [u8]>> {
        if !self.framed {
            let chunk = std::mem::take(&mut self.input);
            return Ok((!chunk.is_empty()).then_some(chunk));
        }
        // Streams may be concatenated, each with its header.
        while let Some(rest) = self.input.strip_prefix(&MAGIC) {
            self.input = rest.get(VERSIONS.len()..).ok_or_else(cut_off)?;
        }
        if self.input.is_empty() {
            return Ok(None);
        }
        let (length, rest) = self.input.split_first_chunk().ok_or_else(cut_off)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (chunk, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
        self.input = rest;
        Ok(Some(chunk))
    }

    fn expand(&mut self, chunk: &[u8]) -> io::Result<()> {
        let size_bytes = snap::raw::decompress_len(chunk)?;
        if size_bytes > chunk.len().saturating_mul(MAX_EXPANSION) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a snappy block claims more than it can hold",
            ));
        }
        self.block.clear();
        self.block.resize(size_bytes, 0);
        self.taken = 0;
        snap::raw::Decoder::new().decompress(chunk, &mut self.block)?;
        Ok(())
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.block.get(self.taken..).unwrap_or_default();
            if !rest.is_empty() {
                let (mut rest, size_bytes) = (rest, rest.len().min(out.len()));
                rest.read_exact(out.get_mut(..size_bytes).unwrap_or_default())?;
                self.taken += size_bytes;
                return Ok(size_bytes);
            }
            let Some(chunk) = self.next_chunk()? else {
                return Ok(0);
            };
            self.expand(chunk)?;
        }
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a snappy chunk is cut off")
}
