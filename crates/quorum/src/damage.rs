//! Telling damage from an append that a power cut tore.
//!
//! Only the last batch of the metadata log can be torn: each is fsynced before the next. What is torn was promised to
//! nobody, and opening the log cuts it off. Cut off as well, a damaged batch would take topics with it that exist.

use std::path::Path;

use format::{BatchHeader, HEADER_SIZE_BYTES, check_crc};

use crate::disk_error::DiskError;

const LOG_SUFFIX: &str = ".log";

/// A last batch no larger than this is tried with each of its bits the other way, in moments.
const MAX_MENDED_BYTES: usize = 8 << 10;

/// What a disk writes as a whole or not at all.
const SECTOR_BYTES: usize = 512;

/// Fails, and names file and position, if one of the log's files is damaged that reaches beyond `first_offset`.
pub(crate) fn look(dir: &Path, first_offset: i64) -> Result<(), DiskError> {
    let mut base_offsets = Vec::new();
    for file in std::fs::read_dir(dir)? {
        let name = file?.file_name();
        let base_offset = name.to_str().and_then(|name| name.strip_suffix(LOG_SUFFIX));
        base_offsets.extend(base_offset.and_then(|digits| digits.parse::<i64>().ok()));
    }
    base_offsets.sort_unstable();
    let covered = base_offsets.partition_point(|base_offset| *base_offset <= first_offset);
    let mut rest = base_offsets
        .iter()
        .skip(covered.saturating_sub(1))
        .peekable();
    while let Some(&base_offset) = rest.next() {
        let path = dir.join(format!("{base_offset:020}{LOG_SUFFIX}"));
        let bytes = std::fs::read(&path)?;
        let whole = whole_bytes(&bytes, base_offset);
        if let Some(problem) = problem(&bytes, whole, rest.peek().is_some()) {
            let position = whole.position as u64;
            return Err(DiskError::Damaged {
                path,
                position,
                problem,
            });
        }
    }
    Ok(())
}

/// Up to where a file is whole batches, and which offset comes next.
#[derive(Clone, Copy)]
struct Whole {
    position: usize,
    next_offset: i64,
}

fn whole_bytes(bytes: &[u8], base_offset: i64) -> Whole {
    let mut whole = Whole {
        position: 0,
        next_offset: base_offset,
    };
    while let Some(header) = bytes.get(whole.position..).and_then(whole_batch)
        && header.base_offset == whole.next_offset
    {
        whole.position += header.size_bytes();
        whole.next_offset = header.next_offset();
    }
    whole
}

/// The batch that `bytes` begin with, if all of it is there and its checksum is right.
fn whole_batch(bytes: &[u8]) -> Option<BatchHeader> {
    let header = BatchHeader::parse(bytes).ok()?;
    let batch = bytes.get(..header.size_bytes())?;
    check_crc(batch).is_ok().then_some(header)
}

/// `None` if nothing is left behind the whole batches, or what a torn append leaves.
fn problem(bytes: &[u8], whole: Whole, has_next: bool) -> Option<&'static str> {
    let rest = bytes.get(whole.position..).unwrap_or_default();
    if rest.is_empty() {
        return None;
    }
    if has_next {
        return Some("no whole batch, and the log goes on in another file");
    }
    if whole_batch(rest).is_some() {
        return Some("a whole batch at another offset than comes next");
    }
    let later = (1..rest.len().saturating_sub(HEADER_SIZE_BYTES)).filter_map(|at| rest.get(at..));
    if later.into_iter().any(|later| whole_batch(later).is_some()) {
        return Some("no whole batch, and one behind it");
    }
    is_a_bit_off(rest, whole).then_some("the last batch has a flipped bit")
}

/// One bit alone the other way is no power cut's work, which leaves sectors without anything.
fn is_a_bit_off(rest: &[u8], whole: Whole) -> bool {
    if rest.len() > MAX_MENDED_BYTES {
        return false;
    }
    let mut mended = rest.to_vec();
    (0..rest.len() * 8).any(|bit| {
        let flip = |bytes: &mut Vec<u8>| {
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        };
        flip(&mut mended);
        let is_whole = whole_batch(&mended).is_some_and(|header| {
            header.size_bytes() == rest.len() && header.base_offset == whole.next_offset
        });
        flip(&mut mended);
        is_whole && !lacks_sector(rest, bit / 8, whole.position)
    })
}

/// Whether nothing of the sector is there that holds byte `at` of `rest`, which begins at `position` of the file.
fn lacks_sector(rest: &[u8], at: usize, position: usize) -> bool {
    let from = (position + at) / SECTOR_BYTES * SECTOR_BYTES;
    let sector = from.saturating_sub(position)..rest.len().min(from + SECTOR_BYTES - position);
    rest.get(sector)
        .is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
#[path = "damage_tests.rs"]
mod tests;
