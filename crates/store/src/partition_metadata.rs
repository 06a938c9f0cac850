//! `partition.metadata`: the id of the topic that a partition's directory belongs to. Behind Kafka's two lines, of which
//! Kafka reads no more, there is a checksum of them.

use std::fs;
use std::io;
use std::path::Path;

use format::crc::crc32c;
use uuid::Uuid;

use crate::base64url;
use crate::checkpoint::{self, Sync};

pub(crate) const FILE_NAME: &str = "partition.metadata";
const CHECKSUM: &str = "\ncrc32c: ";

/// The topic id of the partition in `dir`; `None` if there is no such file, or none that says it.
pub(crate) fn read(dir: &Path) -> Option<Uuid> {
    let path = dir.join(FILE_NAME);
    let bytes = fs::read(&path).ok()?;
    let topic_id = str::from_utf8(&bytes).ok().and_then(parse);
    if topic_id.is_none() {
        tracing::error!(path = %path.display(), "damaged: the topic's id is not known from here");
    }
    topic_id
}

/// Whether `dir` has the file. What cannot be told is taken for there.
pub(crate) fn is_there(dir: &Path) -> bool {
    dir.join(FILE_NAME).try_exists().unwrap_or(true)
}

fn parse(text: &str) -> Option<Uuid> {
    let text = match text.split_once(CHECKSUM) {
        Some((text, crc)) if crc == checksum(text) => text,
        Some(_) => return None,
        None => text,
    };
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
            .map(str::trim)
    };
    if value("version")? != "0" {
        return None;
    }
    base64url::decode(value("topic_id")?)
}

/// Written without an fsync: the log's first sync covers it.
pub(crate) fn write(dir: &Path, topic_id: Uuid) -> io::Result<()> {
    let text = format!("version: 0\ntopic_id: {}", base64url::encode(topic_id));
    let text = format!("{text}{CHECKSUM}{}", checksum(&text));
    checkpoint::replace_file(&dir.join(FILE_NAME), text.as_bytes(), Sync::Later)
}

fn checksum(text: &str) -> String {
    format!("{:08x}", crc32c(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flipped_bit_hides_the_id_or_means_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let topic_id = Uuid::from_u128(0xabcd << 100 | 5);
        assert_eq!(read(dir.path()), None);
        write(dir.path(), topic_id).unwrap();
        assert_eq!(read(dir.path()), Some(topic_id));
        let path = dir.path().join(FILE_NAME);
        let good = fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).unwrap();
            let found = read(dir.path());
            assert!(found.is_none_or(|found| found == topic_id), "bit {bit}");
        }
        fs::write(&path, "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ").unwrap();
        assert_eq!(
            read(dir.path()),
            Some(Uuid::from_u128(1)),
            "as Kafka writes it"
        );
    }
}
