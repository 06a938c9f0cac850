//! Listeners, connections and the limits on requests.

use crate::key::{Key, keys};

pub(crate) const KEYS: &[Key] = keys! {
    /// Addresses to listen on, as a list of `NAME://host:port`; an empty host means every interface.
    List "listeners" = "PLAINTEXT://:9092", high, filled, per_broker;

    /// Addresses that clients and other brokers are told to connect to; unset means those of `listeners`.
    List "advertised.listeners", high, filled;

    /// Pairs of `NAME:PROTOCOL` that give each listener name its security protocol.
    String "listener.security.protocol.map" = "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", low, per_broker;

    /// Listener that brokers use among themselves; unset means the one named by `security.inter.broker.protocol`.
    String "inter.broker.listener.name", medium;

    /// Security protocol between brokers when `inter.broker.listener.name` is unset.
    String "security.inter.broker.protocol" = "PLAINTEXT", medium, one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]);

    /// Listeners that may open before the authorizer is ready; unset means the controller's.
    List "early.start.listeners", high;

    /// Size in bytes of a connection's send buffer; -1 leaves it to the operating system, with at most 512 KiB waiting for the peer's window.
    Int "socket.send.buffer.bytes" = 102_400, high;

    /// Size in bytes of a connection's receive buffer; -1 leaves it to the operating system.
    Int "socket.receive.buffer.bytes" = 102_400, high;

    /// Largest request in bytes that is read from a connection; a larger one closes it.
    Int "socket.request.max.bytes" = 104_857_600, high, at_least(1);

    /// How many connections may wait to be accepted on one listener.
    Int "socket.listen.backlog.size" = 50, medium, at_least(1);

    /// Milliseconds that the first attempt to open a connection to another node may take.
    Long "socket.connection.setup.timeout.ms" = 10_000, medium;

    /// Upper bound in milliseconds to which the connection timeout grows after repeated failures.
    Long "socket.connection.setup.timeout.max.ms" = 30_000, medium;

    /// How many connections the broker holds at once; a listener prefix sets it for one listener.
    Int "max.connections" = 2147483647, medium, at_least(0), cluster_wide;

    /// How many connections one client address may hold at once.
    Int "max.connections.per.ip" = 2147483647, medium, at_least(0), cluster_wide;

    /// Pairs of `host:count` that replace `max.connections.per.ip` for single addresses.
    String "max.connections.per.ip.overrides" = "", medium, cluster_wide;

    /// How many new connections are accepted per second; a listener prefix sets it for one listener.
    Int "max.connection.creation.rate" = 2147483647, medium, at_least(0), cluster_wide;

    /// Milliseconds without a request after which a connection is closed; negative never closes it.
    Long "connections.max.idle.ms" = 600_000, medium;

    /// Milliseconds that a connection stays open after its authentication failed, to slow down guessing.
    Int "connection.failed.authentication.delay.ms" = 100, low, at_least(0);

    /// How many requests may wait for a handler before reading from the network pauses.
    Int "queued.max.requests" = 500, high, at_least(1);

    /// Bytes of requests held in memory at once before reading from the network pauses; -1 means no bound.
    // Kafka's default is -1; ours bounds the memory that requests can take.
    Long "queued.max.request.bytes" = 33_554_432, medium;

    /// How many partitions one DescribeTopicPartitions answer may hold.
    Int "max.request.partition.size.limit" = 2000, medium, at_least(1);

    /// How many incremental fetch sessions are remembered at once.
    Int "max.incremental.fetch.session.cache.slots" = 1000, medium, at_least(0);

    /// Largest answer in bytes to one fetch; the first batch is returned even when it is larger.
    Int "fetch.max.bytes" = 57_671_680, medium, at_least(1024);

    /// Milliseconds that a request to another node may wait for its answer.
    Int "request.timeout.ms" = 30_000, high;

    /// How many threads serve the connections of each listener.
    Int "num.network.threads" = 3, high, at_least(1), cluster_wide;

    /// How many threads process requests.
    Int "num.io.threads" = 8, high, at_least(1), cluster_wide;

    /// How many threads run background work.
    Int "background.threads" = 10, high, at_least(1), cluster_wide;

    /// After how many completed produce requests the waiting list is swept.
    Int "producer.purgatory.purge.interval.requests" = 1000, medium;

    /// After how many completed fetch requests the waiting list is swept.
    Int "fetch.purgatory.purge.interval.requests" = 1000, medium;

    /// After how many completed DeleteRecords requests the waiting list is swept.
    Int "delete.records.purgatory.purge.interval.requests" = 1, medium;

    /// After how many completed share fetch requests the waiting list is swept.
    Int "share.fetch.purgatory.purge.interval.requests" = 1000, medium;
};
