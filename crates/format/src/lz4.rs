//! LZ4 frames as Java's `Lz4BlockOutputStream` writes them: independent blocks of 64 KiB, no
//! checksum but the header's.

use std::io::{self, Read};

use lz4::block::CompressionMode;
use lz4_flex::frame::FrameDecoder;

/// Magic; version 1 with independent blocks; blocks of 64 KiB; and the checksum of these two bytes.
const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
const FLAGS_AT: usize = 4;
const INDEPENDENT_BLOCKS_BIT: u8 = 1 << 5;
const BLOCK_SIZE_BYTES: usize = 64 * 1024;
/// In a block's size: the block is stored as it is.
const STORED_BIT: u32 = 1 << 31;
const END: [u8; 4] = [0; 4];

/// At this level, its default, Kafka takes the fast compressor; at any other the thorough one.
pub(crate) const DEFAULT_LEVEL: i32 = 9;

pub(crate) fn compress(level: i32, input: &[u8]) -> io::Result<Vec<u8>> {
    let mut frame = Vec::with_capacity(HEADER.len() + input.len() / 2 + END.len());
    frame.extend_from_slice(&HEADER);
    for block in input.chunks(BLOCK_SIZE_BYTES) {
        let compressed = compress_block(level, block)?;
        let (flag, bytes) = if compressed.len() < block.len() {
            (0, compressed.as_slice())
        } else {
            (STORED_BIT, block)
        };
        frame.extend_from_slice(&(bytes.len() as u32 | flag).to_le_bytes());
        frame.extend_from_slice(bytes);
    }
    frame.extend_from_slice(&END);
    Ok(frame)
}

fn compress_block(level: i32, block: &[u8]) -> io::Result<Vec<u8>> {
    if level == DEFAULT_LEVEL {
        return Ok(lz4_flex::block::compress(block));
    }
    let mode = CompressionMode::HIGHCOMPRESSION(level);
    let without_size_prefix = false;
    lz4::block::compress(block, Some(mode), without_size_prefix)
}

/// A reader of the frame's contents. Java's reader refuses linked blocks, and it reads whatever we
/// store: so they are refused here too.
pub(crate) fn reader(frame: &[u8]) -> io::Result<impl Read> {
    match frame.get(FLAGS_AT) {
        Some(flags) if flags & INDEPENDENT_BLOCKS_BIT != 0 => Ok(FrameDecoder::new(frame)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "not a frame of independent blocks",
        )),
    }
}
