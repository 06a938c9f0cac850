//! The Raft library's own tests of a storage, run on ours.

use std::sync::Arc;

use openraft::testing::{StoreBuilder, Suite};
use tempfile::TempDir;
use uuid::Uuid;

use crate::disk::Disk;
use crate::log_store::LogStore;
use crate::quorum::tests::options;
use crate::state_machine::StateMachine;
use crate::types::{StorageError, TypeConfig, VoterId};

/// The suite numbers its nodes.
impl From<u64> for VoterId {
    fn from(number: u64) -> Self {
        Self {
            node_id: number as i32,
            directory_id: Uuid::from_u128(number.into()),
        }
    }
}

struct OnDisk;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for OnDisk {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError> {
        let dir = tempfile::tempdir().unwrap();
        let log_options = crate::quorum::log_options(options(dir.path()));
        let disk = Disk::open(VoterId::from(0), dir.path(), log_options).unwrap();
        let disk = Arc::new(disk);
        Ok((
            dir,
            LogStore::new(Arc::clone(&disk)),
            StateMachine::new(disk),
        ))
    }
}

#[test]
fn our_storage_is_what_the_library_expects() {
    Suite::test_all(OnDisk).unwrap();
}
