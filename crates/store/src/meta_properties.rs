//! `meta.properties`: whose log dir this is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use uuid::Uuid;

use crate::base64url;
use crate::checkpoint::{self, Sync};

pub(crate) const FILE_NAME: &str = "meta.properties";

/// Version 1, which KRaft brokers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaProperties {
    pub cluster_id: String,
    pub node_id: i32,
    pub directory_id: Uuid,
}

/// `None` if the file does not exist.
pub(crate) fn read(dir: &Path) -> io::Result<Option<MetaProperties>> {
    let text = match fs::read_to_string(dir.join(FILE_NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    parse(&text).map(Some).ok_or_else(|| {
        let message = format!("{FILE_NAME} is not of version 1 or lacks a property");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

fn parse(text: &str) -> Option<MetaProperties> {
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
    let text = format!(
        "#\nnode.id={}\nversion=1\ndirectory.id={}\ncluster.id={}\n",
        meta.node_id,
        base64url::encode(meta.directory_id),
        meta.cluster_id,
    );
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
        assert_eq!(parse("version=0\nbroker.id=1\n"), None);
    }
}
