//! Kafka's small text files: a version, a count, and one entry a line.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::disk_fault::fsync;

const VERSION: &str = "0";

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

/// Reads a checkpoint file, one entry a line; a missing or empty file has none.
pub(crate) fn read_lines<T>(
    path: &Path,
    parse: impl Fn(&[&str]) -> Option<T>,
) -> io::Result<Vec<T>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    parse_lines(&text, parse).map_err(|problem| {
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
