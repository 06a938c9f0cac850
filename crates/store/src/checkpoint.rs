//! Kafka's small text files: a version, a count, and one entry a line.
//!
//! Those of offsets end with an entry of our own, which Kafka takes for that of a partition that it does not have: the
//! checksum of the lines before it. A file without one is Kafka's, and believed.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use format::crc::crc32c;

use crate::verdict::fsync;

const VERSION: &str = "0";

/// Where an entry has its topic; no topic may be called so.
const CHECKSUM: &str = "#crc32c";

/// Whether a replaced file must survive a power cut before the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    Now,
    /// The caller syncs the whole file system later.
    Later,
}

/// Replaces the file at `path` as a whole: a reader finds the old contents or the new.
pub(crate) fn replace_file(path: &Path, contents: &[u8], sync: Sync) -> io::Result<()> {
    let mut temporary = PathBuf::from(path).into_os_string();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let mut file = File::create(&temporary)?;
    file.write_all(contents)?;
    if sync == Sync::Now {
        fsync(&file)?;
    }
    fs::rename(&temporary, path)?;
    match (sync, path.parent()) {
        (Sync::Now, Some(parent)) => sync_dir(parent),
        _ => Ok(()),
    }
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    fsync(&File::open(path)?)
}

/// The contents of a checkpoint file with these lines.
pub(crate) fn format_lines(lines: impl ExactSizeIterator<Item = String>) -> String {
    let mut text = format!("{VERSION}\n{}\n", lines.len());
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// As [`format_lines`], with a checksum. Each line is of a topic, a partition and an offset.
pub(crate) fn format_offsets(lines: impl Iterator<Item = String>) -> String {
    let mut lines: Vec<String> = lines.collect();
    lines.push(checksum_line(&lines.concat()));
    format_lines(lines.into_iter())
}

/// Kafka reads its second field as a 32-bit integer with a sign.
fn checksum_line(lines: &str) -> String {
    format!("{CHECKSUM} {} 0", crc32c(lines.as_bytes()) as i32)
}

/// As [`read_lines`], of a file of offsets; an error too if there is a checksum and it is wrong.
pub(crate) fn read_offsets<T>(
    path: &Path,
    parse: impl Fn(&[&str]) -> Option<T>,
) -> io::Result<Vec<T>> {
    let lines = read_lines(path, |fields| Some(fields.join(" ")))?;
    let (offsets, checksum) = match lines.split_last() {
        Some((last, offsets)) if last.starts_with(CHECKSUM) => (offsets, Some(last)),
        _ => (lines.as_slice(), None),
    };
    let is_right = checksum.is_none_or(|found| *found == checksum_line(&offsets.concat()));
    let parse = |line: &String| parse(&line.split(' ').collect::<Vec<_>>());
    let parsed: Option<Vec<T>> = offsets.iter().map(parse).collect();
    parsed.filter(|_| is_right).ok_or_else(|| {
        let message = format!(
            "{}: damaged: a line or the checksum is wrong",
            path.display()
        );
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Reads a checkpoint file, one entry a line; a missing or empty file has none.
pub(crate) fn read_lines<T>(
    path: &Path,
    parse: impl Fn(&[&str]) -> Option<T>,
) -> io::Result<Vec<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let text = str::from_utf8(&bytes).map_err(|_| "it is not text".to_owned());
    text.and_then(|text| parse_lines(text, parse))
        .map_err(|problem| {
            let message = format!("{}: {problem}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })
}

fn parse_lines<T>(text: &str, parse: impl Fn(&[&str]) -> Option<T>) -> Result<Vec<T>, String> {
    let mut lines = text.lines();
    match lines.next() {
        None => return Ok(Vec::new()),
        Some(VERSION) => {}
        Some(version) => return Err(format!("unknown checkpoint version {version:?}")),
    }
    let Some(count) = lines.next() else {
        return Ok(Vec::new());
    };
    let count: usize = count.parse().map_err(|_| format!("bad count {count:?}"))?;
    let entries = lines
        .map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            parse(&fields).ok_or_else(|| format!("malformed line {line:?}"))
        })
        .collect::<Result<Vec<T>, String>>()?;
    if entries.len() != count {
        return Err(format!(
            "{count} entries announced, {} found",
            entries.len()
        ));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(fields: &[&str]) -> Option<(String, i64)> {
        let [name, value] = fields else { return None };
        Some(((*name).to_owned(), value.parse().ok()?))
    }

    #[test]
    fn lines_round_trip_through_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        assert_eq!(read_lines(&path, pair).unwrap(), []);
        let text = format_lines(["a 1".to_owned(), "b 22".to_owned()].into_iter());
        assert_eq!(text, "0\n2\na 1\nb 22\n");
        replace_file(&path, text.as_bytes(), Sync::Now).unwrap();
        let read = read_lines(&path, pair).unwrap();
        assert_eq!(read, [("a".to_owned(), 1), ("b".to_owned(), 22)]);
    }

    #[test]
    fn each_flipped_bit_of_offsets_is_an_error_or_means_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        let read = || {
            read_offsets(&path, |fields| {
                let [topic, partition, offset] = fields else {
                    return None;
                };
                let name = format!("{topic}-{partition}");
                Some((name, offset.parse::<i64>().ok()?))
            })
        };
        let expected = [("a-0".to_owned(), 1), ("b-11".to_owned(), 22)];
        let text = format_offsets(["a 0 1".to_owned(), "b 11 22".to_owned()].into_iter());
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).unwrap();
            // The checksum's own name: what is left is Kafka's file, with an entry of no partition.
            if let Ok(found) = read() {
                assert_eq!(found.get(..2), Some(&expected[..]), "bit {bit}");
            }
        }
        fs::write(&path, "0\n2\na 0 1\nb 11 22\n").unwrap();
        assert_eq!(read().unwrap(), expected, "as Kafka writes it");
        fs::write(&path, text).unwrap();
        assert_eq!(read().unwrap(), expected);
    }

    #[test]
    fn damage_is_an_error_and_never_half_a_checkpoint() {
        for text in [
            "1\n0\n",
            "0\nx\n",
            "0\n2\na 1\n",
            "0\n1\na 1\nb 2\n",
            "0\n1\na\n",
        ] {
            assert!(parse_lines(text, pair).is_err(), "{text:?}");
        }
        assert_eq!(parse_lines("", pair), Ok(Vec::new()));
        assert_eq!(parse_lines("0\n", pair), Ok(Vec::new()));
    }
}
