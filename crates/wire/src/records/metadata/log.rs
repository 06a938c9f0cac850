//! Records about the metadata log itself.

use crate::codec::message;

message! {
    /// The records up to the matching end take effect together (KIP-868).
    pub struct BeginTransactionRecord: 0..=0, flexible 0 {
        name: Option<String> [null, tag 0],
    }

    /// The open metadata transaction takes effect.
    pub struct EndTransactionRecord: 0..=0, flexible 0 {}

    /// The open metadata transaction never was.
    pub struct AbortTransactionRecord: 0..=0, flexible 0 {
        reason: Option<String> [null, tag 0],
    }

    /// Says nothing; it shows that the controller lives.
    pub struct NoOpRecord: 0..=0, flexible 0 {}

    /// How far a migration from ZooKeeper is; Kafka 4 only reads it.
    pub struct ZkMigrationStateRecord: 0..=0, flexible 0 {
        zk_migration_state: i8,
    }
}
