//! The keys that do nothing yet: they are parsed, checked, stored and described, but no code acts
//! on them. The list may only shrink.

pub(crate) struct Group {
    /// Why its keys do nothing, for the reference.
    pub(crate) reason: &'static str,
    /// Sorted. A name that is both a broker's and a topic's key stands for both.
    pub(crate) keys: &'static [&'static str],
}

pub(crate) const INERT: &[Group] = &[
    Group {
        reason: "Transactions are not served yet.",
        keys: &[
            "add.partitions.to.txn.retry.backoff.max.ms",
            "add.partitions.to.txn.retry.backoff.ms",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            "transaction.max.timeout.ms",
            "transaction.partition.verification.enable",
            "transaction.remove.expired.transaction.cleanup.interval.ms",
            "transaction.state.log.load.buffer.size",
            "transaction.two.phase.commit.enable",
            "transactional.id.expiration.ms",
        ],
    },
    Group {
        reason: "Share groups are not served yet.",
        keys: &[
            "group.share.assignment.interval.ms",
            "group.share.assignors",
            "group.share.delivery.count.limit",
            "group.share.heartbeat.interval.ms",
            "group.share.initialize.retry.interval.ms",
            "group.share.max.assignment.interval.ms",
            "group.share.max.delivery.count.limit",
            "group.share.max.heartbeat.interval.ms",
            "group.share.max.partition.max.record.locks",
            "group.share.max.record.lock.duration.ms",
            "group.share.max.session.timeout.ms",
            "group.share.max.share.sessions",
            "group.share.max.size",
            "group.share.min.assignment.interval.ms",
            "group.share.min.delivery.count.limit",
            "group.share.min.heartbeat.interval.ms",
            "group.share.min.partition.max.record.locks",
            "group.share.min.record.lock.duration.ms",
            "group.share.min.session.timeout.ms",
            "group.share.partition.max.record.locks",
            "group.share.persister.class.name",
            "group.share.record.lock.duration.ms",
            "group.share.session.timeout.ms",
            "share.assignment.interval.ms",
            "share.auto.offset.reset",
            "share.coordinator.append.linger.ms",
            "share.coordinator.cached.buffer.max.bytes",
            "share.coordinator.cold.partition.snapshot.interval.ms",
            "share.coordinator.load.buffer.size",
            "share.coordinator.snapshot.update.records.per.snapshot",
            "share.coordinator.state.topic.compression.codec",
            "share.coordinator.state.topic.prune.interval.ms",
            "share.coordinator.threads",
            "share.coordinator.write.timeout.ms",
            "share.delivery.count.limit",
            "share.fetch.purgatory.purge.interval.requests",
            "share.heartbeat.interval.ms",
            "share.isolation.level",
            "share.partition.max.record.locks",
            "share.record.lock.duration.ms",
            "share.renew.acknowledge.enable",
            "share.session.timeout.ms",
        ],
    },
    Group {
        reason: "Streams groups are not served yet.",
        keys: &[
            "group.streams.assignment.interval.ms",
            "group.streams.heartbeat.interval.ms",
            "group.streams.initial.rebalance.delay.ms",
            "group.streams.max.assignment.interval.ms",
            "group.streams.max.heartbeat.interval.ms",
            "group.streams.max.session.timeout.ms",
            "group.streams.max.size",
            "group.streams.max.standby.replicas",
            "group.streams.min.assignment.interval.ms",
            "group.streams.min.heartbeat.interval.ms",
            "group.streams.min.session.timeout.ms",
            "group.streams.num.standby.replicas",
            "group.streams.session.timeout.ms",
            "streams.assignment.interval.ms",
            "streams.heartbeat.interval.ms",
            "streams.initial.rebalance.delay.ms",
            "streams.num.standby.replicas",
            "streams.session.timeout.ms",
        ],
    },
    Group {
        reason: "Groups of the consumer protocol (KIP-848) are not served yet; the classic protocol has keys of its own.",
        keys: &[
            "consumer.assignment.interval.ms",
            "consumer.heartbeat.interval.ms",
            "consumer.session.timeout.ms",
            "group.consumer.assignment.interval.ms",
            "group.consumer.assignors",
            "group.consumer.heartbeat.interval.ms",
            "group.consumer.max.assignment.interval.ms",
            "group.consumer.max.heartbeat.interval.ms",
            "group.consumer.max.session.timeout.ms",
            "group.consumer.max.size",
            "group.consumer.migration.policy",
            "group.consumer.min.assignment.interval.ms",
            "group.consumer.min.heartbeat.interval.ms",
            "group.consumer.min.session.timeout.ms",
            "group.consumer.regex.refresh.interval.ms",
            "group.consumer.session.timeout.ms",
            "group.coordinator.rebalance.protocols",
        ],
    },
    Group {
        reason: "Records are not compacted yet: a compacted topic keeps all of them.",
        keys: &[
            "delete.retention.ms",
            "log.cleaner.backoff.ms",
            "log.cleaner.dedupe.buffer.size",
            "log.cleaner.delete.retention.ms",
            "log.cleaner.enable",
            "log.cleaner.io.buffer.load.factor",
            "log.cleaner.io.buffer.size",
            "log.cleaner.io.max.bytes.per.second",
            "log.cleaner.max.compaction.lag.ms",
            "log.cleaner.min.cleanable.ratio",
            "log.cleaner.min.compaction.lag.ms",
            "log.cleaner.threads",
            "max.compaction.lag.ms",
            "min.cleanable.dirty.ratio",
            "min.compaction.lag.ms",
        ],
    },
    Group {
        reason: "Logs are not tiered yet.",
        keys: &[
            "follower.fetch.last.tiered.offset.enable",
            "local.retention.bytes",
            "local.retention.ms",
            "log.local.retention.bytes",
            "log.local.retention.ms",
            "remote.fetch.max.wait.ms",
            "remote.list.offsets.request.timeout.ms",
            "remote.log.copy.disable",
            "remote.log.delete.on.disable",
            "remote.log.index.file.cache.total.size.bytes",
            "remote.log.index.file.cache.ttl.ms",
            "remote.log.manager.copier.thread.pool.size",
            "remote.log.manager.copy.max.bytes.per.second",
            "remote.log.manager.copy.quota.window.num",
            "remote.log.manager.copy.quota.window.size.seconds",
            "remote.log.manager.expiration.thread.pool.size",
            "remote.log.manager.fetch.max.bytes.per.second",
            "remote.log.manager.fetch.quota.window.num",
            "remote.log.manager.fetch.quota.window.size.seconds",
            "remote.log.manager.follower.thread.pool.size",
            "remote.log.manager.task.interval.ms",
            "remote.log.manager.task.retry.backoff.max.ms",
            "remote.log.manager.task.retry.backoff.ms",
            "remote.log.manager.task.retry.jitter",
            "remote.log.manager.thread.pool.size",
            "remote.log.metadata.custom.metadata.max.bytes",
            "remote.log.metadata.manager.class.name",
            "remote.log.metadata.manager.class.path",
            "remote.log.metadata.manager.impl.prefix",
            "remote.log.metadata.manager.listener.name",
            "remote.log.reader.max.pending.tasks",
            "remote.log.reader.threads",
            "remote.log.storage.manager.class.name",
            "remote.log.storage.manager.class.path",
            "remote.log.storage.manager.impl.prefix",
            "remote.log.storage.system.enable",
            "remote.storage.enable",
        ],
    },
    Group {
        reason: "Replicas are not moved between log directories yet.",
        keys: &[
            "alter.log.dirs.replication.quota.window.num",
            "alter.log.dirs.replication.quota.window.size.seconds",
            "num.replica.alter.log.dirs.threads",
            "replica.alter.log.dirs.io.max.bytes.per.second",
        ],
    },
    Group {
        reason: "A partition has one replica, on the only node: nobody fetches to follow, falls behind, or could lead instead.",
        keys: &[
            "auto.leader.rebalance.enable",
            "follower.replication.throttled.rate",
            "follower.replication.throttled.replicas",
            "leader.imbalance.check.interval.seconds",
            "leader.replication.throttled.rate",
            "leader.replication.throttled.replicas",
            "min.insync.replicas",
            "num.replica.fetchers",
            "replica.fetch.backoff.ms",
            "replica.fetch.max.bytes",
            "replica.fetch.min.bytes",
            "replica.fetch.response.max.bytes",
            "replica.fetch.wait.max.ms",
            "replica.lag.time.max.ms",
            "replica.selector.class",
            "replica.socket.receive.buffer.bytes",
            "replica.socket.timeout.ms",
            "replication.quota.window.num",
            "replication.quota.window.size.seconds",
            "unclean.leader.election.interval.ms",
        ],
    },
    Group {
        reason: "The node is broker and controller in one, its quorum's only voter: it votes, beats and registers within the process.",
        keys: &[
            "broker.heartbeat.interval.ms",
            "broker.session.timeout.ms",
            "controlled.shutdown.enable",
            "controller.quorum.append.linger.ms",
            "controller.quorum.auto.join.enable",
            "controller.quorum.bootstrap.servers",
            "controller.quorum.election.backoff.max.ms",
            "controller.quorum.election.timeout.ms",
            "controller.quorum.fetch.max.bytes",
            "controller.quorum.fetch.snapshot.max.bytes",
            "controller.quorum.fetch.timeout.ms",
            "controller.quorum.request.timeout.ms",
            "controller.quorum.retry.backoff.ms",
            "controller.quorum.voters",
            "initial.broker.registration.timeout.ms",
            "log.dir.failure.timeout.ms",
            "metadata.max.idle.interval.ms",
            "process.roles",
        ],
    },
    Group {
        reason: "The node opens no connection to another.",
        keys: &[
            "controller.socket.timeout.ms",
            "request.timeout.ms",
            "socket.connection.setup.timeout.max.ms",
            "socket.connection.setup.timeout.ms",
        ],
    },
    Group {
        reason: "Connections are not encrypted yet.",
        keys: &[
            "security.providers",
            "ssl.allow.dn.changes",
            "ssl.allow.san.changes",
            "ssl.cipher.suites",
            "ssl.client.auth",
            "ssl.enabled.protocols",
            "ssl.endpoint.identification.algorithm",
            "ssl.engine.factory.class",
            "ssl.key.password",
            "ssl.keymanager.algorithm",
            "ssl.keystore.certificate.chain",
            "ssl.keystore.key",
            "ssl.keystore.location",
            "ssl.keystore.password",
            "ssl.keystore.type",
            "ssl.principal.mapping.rules",
            "ssl.protocol",
            "ssl.provider",
            "ssl.secure.random.implementation",
            "ssl.trustmanager.algorithm",
            "ssl.truststore.certificates",
            "ssl.truststore.location",
            "ssl.truststore.password",
            "ssl.truststore.type",
        ],
    },
    Group {
        reason: "Clients are not authenticated yet.",
        keys: &[
            "connection.failed.authentication.delay.ms",
            "connections.max.reauth.ms",
            "principal.builder.class",
            "sasl.client.callback.handler.class",
            "sasl.enabled.mechanisms",
            "sasl.jaas.config",
            "sasl.kerberos.kinit.cmd",
            "sasl.kerberos.min.time.before.relogin",
            "sasl.kerberos.principal.to.local.rules",
            "sasl.kerberos.service.name",
            "sasl.kerberos.ticket.renew.jitter",
            "sasl.kerberos.ticket.renew.window.factor",
            "sasl.login.callback.handler.class",
            "sasl.login.class",
            "sasl.login.connect.timeout.ms",
            "sasl.login.read.timeout.ms",
            "sasl.login.refresh.buffer.seconds",
            "sasl.login.refresh.min.period.seconds",
            "sasl.login.refresh.window.factor",
            "sasl.login.refresh.window.jitter",
            "sasl.login.retry.backoff.max.ms",
            "sasl.login.retry.backoff.ms",
            "sasl.mechanism.controller.protocol",
            "sasl.mechanism.inter.broker.protocol",
            "sasl.oauthbearer.assertion.algorithm",
            "sasl.oauthbearer.assertion.claim.aud",
            "sasl.oauthbearer.assertion.claim.exp.seconds",
            "sasl.oauthbearer.assertion.claim.iss",
            "sasl.oauthbearer.assertion.claim.jti.include",
            "sasl.oauthbearer.assertion.claim.nbf.seconds",
            "sasl.oauthbearer.assertion.claim.sub",
            "sasl.oauthbearer.assertion.file",
            "sasl.oauthbearer.assertion.private.key.file",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "sasl.oauthbearer.assertion.template.file",
            "sasl.oauthbearer.client.credentials.client.id",
            "sasl.oauthbearer.client.credentials.client.secret",
            "sasl.oauthbearer.clock.skew.seconds",
            "sasl.oauthbearer.expected.audience",
            "sasl.oauthbearer.expected.issuer",
            "sasl.oauthbearer.jwks.endpoint.refresh.ms",
            "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
            "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
            "sasl.oauthbearer.jwks.endpoint.url",
            "sasl.oauthbearer.jwt.retriever.class",
            "sasl.oauthbearer.jwt.validator.class",
            "sasl.oauthbearer.scope",
            "sasl.oauthbearer.scope.claim.name",
            "sasl.oauthbearer.sub.claim.name",
            "sasl.oauthbearer.token.endpoint.url",
            "sasl.server.callback.handler.class",
            "sasl.server.max.receive.size",
        ],
    },
    Group {
        reason: "Clients are not authorized yet.",
        keys: &[
            "allow.everyone.if.no.acl.found",
            "authorizer.class.name",
            "early.start.listeners",
            "super.users",
        ],
    },
    Group {
        reason: "Delegation tokens are not served yet.",
        keys: &[
            "delegation.token.expiry.check.interval.ms",
            "delegation.token.expiry.time.ms",
            "delegation.token.max.lifetime.ms",
            "delegation.token.secret.key",
        ],
    },
    Group {
        reason: "Quotas are not served yet.",
        keys: &[
            "client.quota.callback.class",
            "controller.quota.window.num",
            "controller.quota.window.size.seconds",
        ],
    },
    Group {
        reason: "Metrics are not told yet, neither the broker's nor those that clients would push.",
        keys: &[
            "interval.ms",
            "kafka.metrics.polling.interval.secs",
            "kafka.metrics.reporters",
            "match",
            "metric.reporters",
            "metrics",
            "metrics.num.samples",
            "metrics.recording.level",
            "metrics.sample.window.ms",
            "telemetry.max.bytes",
        ],
    },
    Group {
        reason: "It names classes of Java, which this broker cannot load.",
        keys: &[
            "alter.config.policy.class.name",
            "config.providers",
            "create.topic.policy.class.name",
        ],
    },
    Group {
        reason: "It sizes threads and queues that this broker does not have: there is one worker a core, and memory, not their number, bounds the requests.",
        keys: &[
            "background.threads",
            "group.coordinator.background.threads",
            "group.coordinator.threads",
            "num.io.threads",
            "num.network.threads",
            "queued.max.requests",
        ],
    },
    Group {
        reason: "It sizes buffers that this broker does not keep for reuse.",
        keys: &["group.coordinator.cached.buffer.max.bytes"],
    },
    Group {
        reason: "The group coordinator always does what Kafka's default -1 says: it appends at once what has come in while the last append was under way.",
        keys: &["group.coordinator.append.linger.ms"],
    },
    Group {
        reason: "A request that waits is forgotten as soon as it is answered: nothing is left to be purged.",
        keys: &[
            "delete.records.purgatory.purge.interval.requests",
            "fetch.purgatory.purge.interval.requests",
            "producer.purgatory.purge.interval.requests",
        ],
    },
    Group {
        reason: "A file's length is its log's length: a zero tail breaks Kafka's tools, and a gigabyte ahead for each partition fills the disk.",
        keys: &["log.preallocate", "preallocate"],
    },
    Group {
        reason: "Few threads open all logs, which takes milliseconds: what recovery reads is bounded by the recovery point.",
        keys: &["num.recovery.threads.per.data.dir"],
    },
    Group {
        reason: "A snapshot replaces all before it, and the log that it covers goes at once: the least that Kafka keeps by whatever limit.",
        keys: &["metadata.max.retention.bytes", "metadata.max.retention.ms"],
    },
    Group {
        reason: "There is nothing unstable to enable.",
        keys: &[
            "unstable.api.versions.enable",
            "unstable.feature.versions.enable",
        ],
    },
    Group {
        reason: "It is for Kafka's own tests.",
        keys: &[
            "internal.metadata.delete.delay.millis",
            "internal.metadata.log.segment.bytes",
            "internal.metadata.max.batch.size.in.bytes",
            "server.max.startup.time.ms",
        ],
    },
    Group {
        reason: "It is for Kafka's log of its controller's slow events, which has no counterpart.",
        keys: &[
            "controller.performance.always.log.threshold.ms",
            "controller.performance.sample.period.ms",
        ],
    },
];

pub fn is_inert(name: &str) -> bool {
    INERT
        .iter()
        .any(|group| group.keys.binary_search(&name).is_ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::keys::{broker_key, client_metrics_key, group_key, topic_key};

    /// Lower it whenever a key comes to life; never raise it.
    const MOST: usize = 308;

    #[test]
    fn the_list_names_existing_keys_and_does_not_grow() {
        let names = || INERT.iter().flat_map(|group| group.keys);
        for name in names() {
            let exists = broker_key(name).is_some()
                || topic_key(name).is_some()
                || group_key(name).is_some()
                || client_metrics_key(name).is_some();
            assert!(exists, "{name} is no key");
        }
        for group in INERT {
            assert!(group.reason.ends_with('.'), "{}", group.reason);
            assert!(group.keys.is_sorted(), "{}", group.reason);
        }
        assert_eq!(names().collect::<BTreeSet<_>>().len(), names().count());
        assert_eq!(names().count(), MOST);
    }

    #[test]
    fn what_the_broker_acts_on_is_not_inert() {
        for name in crate::settings::KEYS_ACTED_ON.iter().copied().flatten() {
            assert!(!is_inert(name), "{name}");
        }
    }
}
