//! Whose the directories are: `meta.properties` names their cluster, their node, and each one's own id.

use store::{LogDir, MetaProperties};
use uuid::Uuid;

use super::{LogsError, at};

/// The cluster that the formatted directories belong to, all of them to the same.
pub(super) fn common_cluster_id<'a>(
    stores: impl Iterator<Item = &'a LogDir>,
    node_id: i32,
) -> Result<Option<String>, LogsError> {
    let mut common: Option<String> = None;
    for store in stores {
        let Some(meta) = store.meta() else { continue };
        let path = store.path().to_owned();
        if meta.node_id != node_id {
            return Err(LogsError::OtherNode {
                path,
                found: meta.node_id,
                expected: node_id,
            });
        }
        match &common {
            Some(expected) if *expected != meta.cluster_id => {
                let (found, expected) = (meta.cluster_id.clone(), expected.clone());
                return Err(LogsError::OtherCluster {
                    path,
                    found,
                    expected,
                });
            }
            _ => common = Some(meta.cluster_id.clone()),
        }
    }
    Ok(common)
}

pub(super) fn directory_id(
    store: &mut LogDir,
    cluster_id: &str,
    node_id: i32,
) -> Result<Uuid, LogsError> {
    if let Some(id) = store.directory_id() {
        return Ok(id);
    }
    let id = Uuid::new_v4();
    let path = store.path().to_owned();
    store
        .set_meta(MetaProperties {
            cluster_id: cluster_id.to_owned(),
            node_id,
            directory_id: id,
        })
        .map_err(at(&path))?;
    Ok(id)
}
