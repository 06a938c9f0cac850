//! `partition.metadata`: the id of the topic that a partition's directory belongs to.

use std::fs;
use std::io;
use std::path::Path;

use uuid::Uuid;

use crate::base64url;
use crate::checkpoint::{self, Sync};

pub(crate) const FILE_NAME: &str = "partition.metadata";

/// The topic id of the partition in `dir`; `None` if there is no such file, or none that says it.
pub(crate) fn read(dir: &Path) -> Option<Uuid> {
    let text = fs::read_to_string(dir.join(FILE_NAME)).ok()?;
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
    checkpoint::replace_file(&dir.join(FILE_NAME), text.as_bytes(), Sync::Later)
}
