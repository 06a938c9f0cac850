//! What an interrupted deletion, compaction or truncation left in a partition's directory.

use std::fs;
use std::io;
use std::path::Path;

use crate::names::{CLEANED_SUFFIX, DELETED_SUFFIX, FileKind, SWAP_SUFFIX, parse_file_name};
use crate::segment::{Segment, SegmentHome};
use crate::sync::remove_if_there;

/// Removes deleted and half-made files, and completes swaps, by Kafka's rules: a `.swap` file is
/// complete and replaces what it covers, unless a `.cleaned` file of a lower or the same offset
/// shows that its making was cut short.
pub(crate) fn clear(home: &SegmentHome, dir: &Path) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().into_string());
    }
    let mut first_cleaned = i64::MAX;
    for name in &names {
        if let Some(cleaned) = name.strip_suffix(CLEANED_SUFFIX) {
            if let Some((offset, _)) = parse_file_name(cleaned) {
                first_cleaned = first_cleaned.min(offset);
            }
            remove_if_there(&dir.join(name))?;
        }
        let deleted = name.strip_suffix(DELETED_SUFFIX).and_then(parse_file_name);
        if deleted.is_some() || name.ends_with(".tmp") {
            remove_if_there(&dir.join(name))?;
        }
    }
    let mut swaps = Vec::new();
    for name in &names {
        let swap = name.strip_suffix(SWAP_SUFFIX).and_then(parse_file_name);
        match swap {
            Some((offset, _)) if offset >= first_cleaned => remove_if_there(&dir.join(name))?,
            Some((offset, kind)) => swaps.push((name, offset, kind)),
            None => {}
        }
    }
    let complete = swaps.iter().filter(|(_, _, kind)| *kind == FileKind::Log);
    for (name, base_offset, _) in complete {
        remove_covered(home, dir, name, *base_offset, &names)?;
    }
    for (name, offset, kind) in &swaps {
        fs::rename(dir.join(name), home.dir.file(*offset, *kind))?;
    }
    Ok(())
}

/// Removes the files of the segments that a swapped-in log replaces.
fn remove_covered(
    home: &SegmentHome,
    dir: &Path,
    swap: &str,
    base_offset: i64,
    names: &[String],
) -> io::Result<()> {
    let path = dir.join(swap);
    let next_offset = Segment::next_offset_of(&path, base_offset)?;
    for name in names {
        match parse_file_name(name) {
            Some((offset, kind)) if (base_offset..next_offset).contains(&offset) => {
                remove_if_there(&home.dir.file(offset, kind))?;
            }
            _ => {}
        }
    }
    Ok(())
}
