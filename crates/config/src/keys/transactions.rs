//! Transactions and producer ids.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Milliseconds that a transactional id is remembered after its last transaction.
    Int "transactional.id.expiration.ms" = 604_800_000, high, at_least(1);

    /// Longest transaction timeout in milliseconds that a producer may ask for.
    Int "transaction.max.timeout.ms" = 900_000, high, at_least(1);

    /// Partitions of `__transaction_state`; fixed once the topic exists.
    Int "transaction.state.log.num.partitions" = 50, high, at_least(1);

    /// Replicas of each partition of `__transaction_state`.
    Short "transaction.state.log.replication.factor" = 3, high, at_least(1);

    /// In-sync replicas that a write to `__transaction_state` needs.
    Int "transaction.state.log.min.isr" = 2, high, at_least(1);

    /// Segment size in bytes of `__transaction_state`.
    Int "transaction.state.log.segment.bytes" = 104_857_600, high, at_least(1);

    /// Bytes read at a time while a partition of `__transaction_state` is loaded.
    Int "transaction.state.log.load.buffer.size" = 5_242_880, high, at_least(1);

    /// Milliseconds between looks for transactions that have timed out.
    Int "transaction.abort.timed.out.transaction.cleanup.interval.ms" = 10_000, low, at_least(1);

    /// Milliseconds between looks for transactional ids that have expired.
    Int "transaction.remove.expired.transaction.cleanup.interval.ms" = 3_600_000, low, at_least(1);

    /// Whether a transactional write is checked against its coordinator first.
    Boolean "transaction.partition.verification.enable" = true, low, cluster_wide;

    /// Whether a producer may leave the end of its transactions to an outside coordinator.
    Boolean "transaction.two.phase.commit.enable" = false, low;

    /// Milliseconds before the broker tries again to add a partition to a transaction.
    Int "add.partitions.to.txn.retry.backoff.ms" = 20, high, at_least(1);

    /// Longest total time in milliseconds that the broker keeps trying to add a partition to a transaction.
    Int "add.partitions.to.txn.retry.backoff.max.ms" = 100, high, at_least(0);

    /// Milliseconds that a producer's sequence state is kept after its last write to a partition.
    Int "producer.id.expiration.ms" = 86_400_000, low, at_least(1), cluster_wide;

    /// Milliseconds between looks for expired producer state.
    Int "producer.id.expiration.check.interval.ms" = 600_000, low, at_least(1), internal;
};
