//! What must hold between keys, checked at start and before a dynamic change.

use crate::broker_config::BrokerConfig;
use crate::listener::SecurityProtocol;
use crate::value::ValueError;

type Check = Result<(), ValueError>;

pub(crate) fn check(config: &BrokerConfig) -> Check {
    check_ids(config)?;
    check_roles(config)?;
    check_served(config)?;
    check_listeners(config)?;
    check_network(config)?;
    check_log(config)?;
    check_replication(config)?;
    check_group_ranges(config)
}

/// Kafka's clients see these faults with a prefix (and those of the groups without).
fn require(holds: bool, message: impl FnOnce() -> String) -> Check {
    ensure(holds, || format!("requirement failed: {}", message()))
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Check {
    if holds {
        Ok(())
    } else {
        Err(ValueError::new(message()))
    }
}

fn check_ids(config: &BrokerConfig) -> Check {
    let broker_id: i32 = config.values.get("broker.id")?;
    require(broker_id == config.server.node_id, || {
        "You must set `node.id` to the same value as `broker.id`.".to_owned()
    })
}

/// A node is broker and controller in one, until brokers can reach a controller elsewhere.
fn check_roles(config: &BrokerConfig) -> Check {
    let roles: Vec<String> = config.values.get("process.roles")?;
    let has = |role: &str| roles.iter().any(|own| own == role);
    ensure(has("broker") && has("controller"), || {
        "process.roles must be broker,controller: a node with one role alone is not supported"
            .to_owned()
    })
}

/// What would protect data or keep copies of them, and is not there yet, is refused: served without it, they would only
/// seem safe.
fn check_served(config: &BrokerConfig) -> Check {
    let mut listeners = config.listeners.iter();
    let unserved = listeners.find(|listener| listener.protocol != SecurityProtocol::Plaintext);
    ensure(unserved.is_none(), || {
        let named = unserved.map(ToString::to_string).unwrap_or_default();
        format!("listeners: {named} is not PLAINTEXT: TLS and SASL are not supported yet")
    })?;
    let authorizer: String = config.values.get("authorizer.class.name")?;
    ensure(authorizer.is_empty(), || {
        "authorizer.class.name must be empty: ACLs are not supported yet".to_owned()
    })?;
    let voters: Vec<String> = config.values.get("controller.quorum.voters")?;
    ensure(voters.len() <= 1, || {
        "controller.quorum.voters must name this node alone: more than one is not supported yet"
            .to_owned()
    })?;
    let servers: Vec<String> = config.values.get("controller.quorum.bootstrap.servers")?;
    ensure(servers.len() <= 1, || {
        "controller.quorum.bootstrap.servers must name this node alone: more than one is not supported yet"
            .to_owned()
    })
}

fn check_listeners(config: &BrokerConfig) -> Check {
    let advertised = &config.advertised_listeners;
    let names = |listeners: &[crate::listener::Listener]| {
        listeners
            .iter()
            .map(|l| l.name.as_str())
            .collect::<Vec<_>>()
            .join(",")
    };
    require(!advertised.is_empty(), || {
        "There must be at least one broker advertised listener. \
         Perhaps all listeners appear in controller.listener.names?"
            .to_owned()
    })?;
    require(
        advertised
            .iter()
            .any(|l| l.name == config.inter_broker_listener_name),
        || {
            format!(
                "inter.broker.listener.name must be a listener name defined in advertised.listeners. \
             The valid options based on currently configured listeners are {}",
                names(advertised)
            )
        },
    )?;
    let is_bound = |name: &str| config.listeners.iter().any(|l| l.name == name);
    require(advertised.iter().all(|l| is_bound(&l.name)), || {
        format!(
            "advertised.listeners listener names must be equal to or a subset of the ones defined in \
             listeners. Found {}. The valid options based on the current configuration are {}",
            names(advertised),
            names(&config.listeners)
        )
    })?;
    require(!advertised.iter().any(|l| l.host == "0.0.0.0"), || {
        "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address."
            .to_owned()
    })
}

/// Unlike Kafka, `queued.max.request.bytes` may be below `socket.request.max.bytes`: a request
/// larger than the whole budget is admitted alone.
fn check_network(config: &BrokerConfig) -> Check {
    let network = &config.network;
    let overrides = &config.max_connections_per_ip_overrides;
    require(
        network.max_connections_per_ip != 0 || !overrides.is_empty(),
        || {
            "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."
            .to_owned()
        },
    )?;
    let delay_ms: i32 = config
        .values
        .get("connection.failed.authentication.delay.ms")?;
    let idle_ms = network.connections_max_idle_ms;
    require(idle_ms < 0 || i64::from(delay_ms) < idle_ms, || {
        format!(
            "connection.failed.authentication.delay.ms={delay_ms} should always be less than \
             connections.max.idle.ms={idle_ms} to prevent failed authentication responses from timing out"
        )
    })
}

fn check_log(config: &BrokerConfig) -> Check {
    let roll_ms: Option<i64> = config.values.get("log.roll.ms")?;
    require(roll_ms.is_none_or(|v| v >= 1), || {
        "log.roll.ms must be greater than or equal to 1".to_owned()
    })?;
    let jitter: Option<i64> = config.values.get("log.roll.jitter.ms")?;
    require(jitter.is_none_or(|v| v >= 0), || {
        "log.roll.jitter.ms must be greater than or equal to 0".to_owned()
    })?;
    let retention_ms = config.topic_defaults.retention_ms;
    require(retention_ms == -1 || retention_ms >= 1, || {
        "log.retention.ms must be unlimited (-1) or, greater than or equal to 1".to_owned()
    })?;
    let cleaner_threads: i32 = config.values.get("log.cleaner.threads")?;
    let buffer_bytes: i64 = config.values.get("log.cleaner.dedupe.buffer.size")?;
    let per_thread = buffer_bytes
        .checked_div(i64::from(cleaner_threads))
        .unwrap_or(i64::MAX);
    require(per_thread > 1024 * 1024, || {
        "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.".to_owned()
    })?;
    check_cordoned_dirs(config)
}

fn check_cordoned_dirs(config: &BrokerConfig) -> Check {
    let cordoned: Option<Vec<String>> = config.values.get("cordoned.log.dirs")?;
    let cordoned = cordoned.unwrap_or_default();
    if cordoned.iter().any(|dir| dir == "*") {
        return require(cordoned.len() == 1, || {
            "When cordoned.log.dirs is set to *, it must not contain other values".to_owned()
        });
    }
    let is_log_dir = |dir: &String| {
        config
            .log_dirs
            .iter()
            .any(|known| known.as_os_str() == dir.as_str())
    };
    let missing: Vec<_> = cordoned
        .iter()
        .filter(|dir| !is_log_dir(dir))
        .cloned()
        .collect();
    require(missing.is_empty(), || {
        format!(
            "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : {}",
            missing.join(", ")
        )
    })
}

fn check_replication(config: &BrokerConfig) -> Check {
    let wait_ms: i32 = config.values.get("replica.fetch.wait.max.ms")?;
    let socket_timeout_ms: i32 = config.values.get("replica.socket.timeout.ms")?;
    require(wait_ms <= socket_timeout_ms, || {
        "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms \
         to prevent unnecessary socket timeouts"
            .to_owned()
    })?;
    let lag_ms: i64 = config.values.get("replica.lag.time.max.ms")?;
    require(i64::from(wait_ms) <= lag_ms, || {
        "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms \
         to prevent frequent changes in ISR"
            .to_owned()
    })
}

/// Settings of a group protocol: each lies between its least and its largest value.
const GROUP_RANGES: &[[&str; 3]] = &[
    range(
        "group.consumer.min.heartbeat.interval.ms",
        "group.consumer.heartbeat.interval.ms",
        "group.consumer.max.heartbeat.interval.ms",
    ),
    range(
        "group.consumer.min.session.timeout.ms",
        "group.consumer.session.timeout.ms",
        "group.consumer.max.session.timeout.ms",
    ),
    range(
        "group.consumer.min.assignment.interval.ms",
        "group.consumer.assignment.interval.ms",
        "group.consumer.max.assignment.interval.ms",
    ),
    range(
        "group.share.min.heartbeat.interval.ms",
        "group.share.heartbeat.interval.ms",
        "group.share.max.heartbeat.interval.ms",
    ),
    range(
        "group.share.min.session.timeout.ms",
        "group.share.session.timeout.ms",
        "group.share.max.session.timeout.ms",
    ),
    range(
        "group.share.min.assignment.interval.ms",
        "group.share.assignment.interval.ms",
        "group.share.max.assignment.interval.ms",
    ),
    range(
        "group.share.min.record.lock.duration.ms",
        "group.share.record.lock.duration.ms",
        "group.share.max.record.lock.duration.ms",
    ),
    range(
        "group.share.min.delivery.count.limit",
        "group.share.delivery.count.limit",
        "group.share.max.delivery.count.limit",
    ),
    range(
        "group.share.min.partition.max.record.locks",
        "group.share.partition.max.record.locks",
        "group.share.max.partition.max.record.locks",
    ),
    range(
        "group.streams.min.heartbeat.interval.ms",
        "group.streams.heartbeat.interval.ms",
        "group.streams.max.heartbeat.interval.ms",
    ),
    range(
        "group.streams.min.session.timeout.ms",
        "group.streams.session.timeout.ms",
        "group.streams.max.session.timeout.ms",
    ),
    range(
        "group.streams.min.assignment.interval.ms",
        "group.streams.assignment.interval.ms",
        "group.streams.max.assignment.interval.ms",
    ),
];

const fn range(min: &'static str, value: &'static str, max: &'static str) -> [&'static str; 3] {
    [min, value, max]
}

fn check_group_ranges(config: &BrokerConfig) -> Check {
    let int = |name: &str| config.values.get::<i32>(name);
    for [min, value, max] in GROUP_RANGES {
        ensure(int(max)? >= int(min)?, || {
            format!("{max} must be greater than or equal to {min}")
        })?;
        ensure(int(value)? >= int(min)?, || {
            format!("{value} must be greater than or equal to {min}")
        })?;
        ensure(int(value)? <= int(max)?, || {
            format!("{value} must be less than or equal to {max}")
        })?;
    }
    for protocol in ["consumer", "share", "streams"] {
        let heartbeat = format!("group.{protocol}.heartbeat.interval.ms");
        let session = format!("group.{protocol}.session.timeout.ms");
        ensure(int(&heartbeat)? < int(&session)?, || {
            format!("{heartbeat} must be less than {session}")
        })?;
    }
    Ok(())
}
