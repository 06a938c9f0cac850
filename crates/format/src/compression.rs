//! The codecs of a batch's records.
//!
//! Invariant: decompression streams, its output is capped, and what it holds beside the output is
//! bounded by the codec's window, whatever the input claims.

use std::io::{self, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::header::Compression;
use crate::{lz4, xerial};

#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// The output is larger than the caller allows.
    #[error("records expand beyond {cap_bytes} bytes")]
    TooLarge { cap_bytes: usize },
    #[error("cannot decompress {} records: {source}", codec.name())]
    Undecodable {
        codec: Compression,
        source: io::Error,
    },
    #[error("cannot compress records with {}: {source}", codec.name())]
    Unencodable {
        codec: Compression,
        source: io::Error,
    },
}

/// Compresses `input`. `level` is the codec's own, `None` its default; snappy has
/// only one.
pub fn compress(
    codec: Compression,
    level: Option<i32>,
    input: &[u8],
) -> Result<Vec<u8>, CompressionError> {
    let compressed = match codec {
        Compression::None => Ok(input.to_vec()),
        Compression::Gzip => gzip(level, input),
        Compression::Snappy => xerial::compress(input),
        Compression::Lz4 => lz4::compress(level.unwrap_or(lz4::DEFAULT_LEVEL), input),
        Compression::Zstd => {
            zstd::bulk::compress(input, level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL))
        }
    };
    compressed.map_err(|source| CompressionError::Unencodable { codec, source })
}

fn gzip(level: Option<i32>, input: &[u8]) -> io::Result<Vec<u8>> {
    // -1 is zlib's name for its default.
    let level = level
        .and_then(|level| u32::try_from(level).ok())
        .map_or_else(flate2::Compression::default, |level| {
            flate2::Compression::new(level.min(9))
        });
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(input)?;
    encoder.finish()
}

/// Decompresses `input` to at most `cap_bytes`.
pub fn decompress(
    codec: Compression,
    input: &[u8],
    cap_bytes: usize,
) -> Result<Vec<u8>, CompressionError> {
    let mut out = Vec::new();
    reader(codec, input, cap_bytes)?
        .read_to_end(&mut out)
        .map_err(|error| read_error(codec, cap_bytes, error))?;
    Ok(out)
}

/// A reader of the decompressed bytes. It fails when they pass `cap_bytes`; [`read_error`] tells why.
pub(crate) fn reader<'a>(
    codec: Compression,
    input: &'a [u8],
    cap_bytes: usize,
) -> Result<Capped<Box<dyn Read + 'a>>, CompressionError> {
    let undecodable = |source| CompressionError::Undecodable { codec, source };
    let inner: Box<dyn Read + 'a> = match codec {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(MultiGzDecoder::new(input)),
        Compression::Snappy => Box::new(xerial::Reader::new(input)),
        Compression::Lz4 => Box::new(lz4::reader(input).map_err(undecodable)?),
        Compression::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(input).map_err(undecodable)?)
        }
    };
    Ok(Capped {
        inner,
        left_bytes: cap_bytes,
    })
}

/// What an error of [`reader`]'s reader means.
pub(crate) fn read_error(
    codec: Compression,
    cap_bytes: usize,
    error: io::Error,
) -> CompressionError {
    if error.kind() == io::ErrorKind::FileTooLarge {
        CompressionError::TooLarge { cap_bytes }
    } else {
        CompressionError::Undecodable {
            codec,
            source: error,
        }
    }
}

/// Fails with `FileTooLarge` when more than its allowance is read.
pub(crate) struct Capped<R> {
    inner: R,
    left_bytes: usize,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size_bytes = self.inner.read(out)?;
        self.left_bytes = self
            .left_bytes
            .checked_sub(size_bytes)
            .ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(size_bytes)
    }
}

#[cfg(test)]
#[path = "compression_tests.rs"]
mod tests;
