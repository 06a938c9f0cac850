//! `meta.properties`: whose log dir this is. Its first comment is a checksum of what follows, unless Kafka wrote it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use format::crc::crc32c;
use uuid::Uuid;

use crate::base64url;
use crate::checkpoint::{self, Sync};

pub(crate) const FILE_NAME: &str = "meta.properties";
const CHECKSUM: &str = "#crc32c=";

/// Version 1, which KRaft brokers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaProperties {
    pub cluster_id: String,
    pub node_id: i32,
    pub directory_id: Uuid,
}

/// `None` if the file does not exist.
pub(crate) fn read(dir: &Path) -> io::Result<Option<MetaProperties>> {
    let bytes = match fs::read(dir.join(FILE_NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&bytes);
    parse(&text).map(Some).map_err(|problem| {
        let message = format!("{FILE_NAME} {problem}");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

fn parse(text: &str) -> Result<MetaProperties, &'static str> {
    let body = match text.strip_prefix(CHECKSUM) {
        Some(checked) => verified(checked).ok_or("is damaged: its checksum is wrong")?,
        None => text,
    };
    parse_properties(body).ok_or("is not of version 1 or lacks a property")
}

/// What follows the checksum, if it is right.
fn verified(text: &str) -> Option<&str> {
    let (crc, body) = text.split_once('\n')?;
    (crc == checksum(body)).then_some(body)
}

fn checksum(body: &str) -> String {
    format!("{:08x}", crc32c(body.as_bytes()))
}

fn parse_properties(text: &str) -> Option<MetaProperties> {
    let properties: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect();
    if *properties.get("version")? != "1" {
        return None;
    }
    Some(MetaProperties {
        cluster_id: unescape(properties.get("cluster.id")?),
        node_id: properties.get("node.id")?.parse().ok()?,
        directory_id: base64url::decode(&unescape(properties.get("directory.id")?))?,
    })
}

/// Java's writer puts a backslash before `=`, `:`, `#` and `!`.
fn unescape(value: &str) -> String {
    value.replace('\\', "")
}

pub(crate) fn write(dir: &Path, meta: &MetaProperties) -> io::Result<()> {
    let body = format!(
        "node.id={}\nversion=1\ndirectory.id={}\ncluster.id={}\n",
        meta.node_id,
        base64url::encode(meta.directory_id),
        meta.cluster_id,
    );
    let text = format!("{CHECKSUM}{}\n{body}", checksum(&body));
    checkpoint::replace_file(&dir.join(FILE_NAME), text.as_bytes(), Sync::Now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_reads_kafkas() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        let meta = MetaProperties {
            cluster_id: "Some-cluster_id".to_owned(),
            node_id: 3,
            directory_id: Uuid::from_u128(0xabcd << 100 | 5),
        };
        write(dir.path(), &meta).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(meta));

        let kafkas = "#\n#Mon Nov 23 17:00:00 UTC 2026\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ\nversion=1\ncluster.id=x\n";
        assert_eq!(parse(kafkas).unwrap().directory_id, Uuid::from_u128(1));
        assert!(parse("version=0\nbroker.id=1\n").is_err());
    }

    #[test]
    fn each_flipped_bit_is_an_error_or_means_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let meta = MetaProperties {
            cluster_id: "Some-cluster_id".to_owned(),
            node_id: 3,
            directory_id: Uuid::from_u128(0xabcd << 100 | 5),
        };
        write(dir.path(), &meta).unwrap();
        let path = dir.path().join(FILE_NAME);
        let good = fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).unwrap();
            // The checksum's own name: what is left is as Kafka writes it.
            if let Ok(found) = read(dir.path()) {
                assert_eq!(found.as_ref(), Some(&meta), "bit {bit}");
            }
        }
    }
}
