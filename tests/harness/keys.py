"""Every key that does something is changed here, and the effect is seen in a running broker or in its files.

Each check below names the keys that it covers; those that are neither covered nor marked as inert in the
configuration reference fail the test, as do those that are covered twice or are inert.
"""

import gzip
import re
import select
import signal
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from harness import wire
from harness.brokers import ROOT, free_port, wait_for
from harness.node import BROKER, CLUSTER_METADATA, EARLIEST, TOPIC, Node, connect, is_open, listed, now_ms, settle, small_batch, words

AT_ONCE = 8
HOUR_MS = 3_600_000
MIB = 1 << 20
LONG_MAX = (1 << 63) - 1
# What no request to one node can show, and the unit test that does.
BY_UNIT_TEST = {
    "unclean.leader.election.enable": ("crates/controller/src/decide/brokers/tests.rs",
                                       "an_unclean_election_is_for_partitions_without_a_leader"),
}
# Keys that the reference leaves out, as Kafka's does, and that the tests need all the same.
UNLISTED = {"log.initial.task.delay.ms", "internal.segment.bytes", "producer.id.expiration.check.interval.ms"}
# So that what happens by the clock happens soon.
PROMPT = {"log.initial.task.delay.ms": 0, "log.retention.check.interval.ms": 100}
CHECKS = []


def changes(*keys):
    def register(check):
        CHECKS.append((keys, check))
        return check
    return register


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


@cache
def reference():
    """By the titles of the reference page's chapters, by key: how it may change, and whether it is inert."""
    keys, chapter = {}, None
    for line in (ROOT / "crates/config/REFERENCE.md").read_text().splitlines():
        if line.startswith("## "):
            chapter = keys.setdefault(line[3:], {})
        elif line.startswith("| `"):
            cells = line.split(" | ")
            chapter[cells[0][3:-1]] = (cells[5].strip(), "**Inert.**" in cells[6])
    return keys


def live_keys():
    return {key for keys in reference().values() for key, (_, is_inert) in keys.items() if not is_inert}


def is_dynamic(key):
    return reference()["Broker"].get(key, ("restart",))[0] in ("broker", "cluster")


def with_broker_key(key, value, properties=None, **options):
    """A node whose `key` is set: while it runs where that is possible, else by its file."""
    node = Node({**(properties or {}), **({} if is_dynamic(key) else {key: value})}, **options).start()
    if is_dynamic(key):
        node.alter(BROKER, "", key, value)
    return node


def inherited_and_own(broker_key, topic_key, values, observe, properties=None):
    """Sets the broker's key, which one topic inherits and another overrides; `observe` sees a difference as told.

    `values` are the broker's and the topic's own, `observe(node, topic)` answers whether the topic behaves as the
    first says.
    """
    inherited, own = values
    with with_broker_key(broker_key, inherited, properties) as node:
        expect(node.create("inherits") == 0 and node.create("overrides", **{topic_key: own}) == 0, "topics are created")
        expect(observe(node, "inherits"), f"{broker_key}={inherited} has no effect")
        expect(not observe(node, "overrides"), f"{topic_key}={own} has no effect")


@cache
def big():
    """A batch of 600 kB from this hour."""
    return wire.batch(wire.record(b"x" * 600_000), timestamp_ms=now_ms())


# The node and its topics


@changes("node.id")
def node_id():
    node = Node()
    node.properties |= {"node.id": 7, "controller.quorum.voters": f"7@127.0.0.1:{node.controller_port}"}
    with node:
        expect(node.metadata()[0][0][0] == 7, "the node's number")


@changes("broker.id")
def broker_id():
    node = Node()
    del node.properties["node.id"]
    node.properties |= {"broker.id": 8, "controller.quorum.voters": f"8@127.0.0.1:{node.controller_port}"}
    with node:
        expect(node.metadata()[0][0][0] == 8, "the node's number")


@changes("broker.rack")
def rack():
    with Node({"broker.rack": "r1"}) as node, Node() as plain:
        expect((node.metadata()[0][0][3], plain.metadata()[0][0][3]) == ("r1", ""), "the rack")


@changes("auto.create.topics.enable", "num.partitions")
def auto_creation():
    with Node({"num.partitions": 3}) as node, Node({"auto.create.topics.enable": "false"}) as other:
        for asked in (node, other):
            asked.metadata("made")
        expect(settle(lambda: node.metadata("made")[1]["made"] == (0, 3)), "a topic of three partitions")
        expect(not settle(lambda: other.metadata("made")[1]["made"][0] == 0, 1), "no topic is made")


@changes("default.replication.factor", "delete.topic.enable")
def creation_and_deletion():
    with Node({"default.replication.factor": 2, "delete.topic.enable": "false"}) as node, Node() as plain:
        expect((node.create("t", -1, -1), plain.create("t", -1, -1)) == (38, 0), "one node has no two replicas")
        expect(node.create("u") == 0, "created")
        expect((node.delete("u"), plain.delete("t")) == (42, 0), "deletion is off")


@changes("message.max.bytes", "max.message.bytes")
def max_message_bytes():
    batch = wire.batch(wire.record(b"x" * 5000))
    inherited_and_own("message.max.bytes", "max_message_bytes", (1000, 100_000),
                      lambda node, topic: node.produce(topic, batch)[0] == 10)


def stored_codec(node, topic):
    node.write(topic, wire.batch(wire.record(words(1, 500))))
    return node.fetch(topic)[1][22] & 7


@changes("compression.type")
def compression_type():
    inherited_and_own("compression.type", "compression_type", ("zstd", "gzip"),
                      lambda node, topic: {4: True, 1: False}[stored_codec(node, topic)])


@changes("compression.gzip.level", "compression.lz4.level", "compression.zstd.level")
def compression_levels():
    batch = wire.batch(wire.record(words(7, 60_000)))
    for codec, low, high in (("gzip", 1, 9), ("lz4", 1, 12), ("zstd", 1, 19)):
        def size(node, topic):
            node.write(topic, batch)
            return len(node.fetch(topic)[1])
        key = f"compression.{codec}.level"
        with with_broker_key(key, low, {"compression.type": codec}) as node:
            expect(node.create("fast") == 0 and node.create("small", **{key.replace(".", "_"): high}) == 0, "created")
            sizes = size(node, "fast"), size(node, "small")
            expect(sizes[0] > sizes[1] * 1.01, f"{key}: {sizes}")
            if is_dynamic(key):
                node.alter(BROKER, "", key, high)
                expect(node.create("now-small") == 0 and size(node, "now-small") == sizes[1], f"{key} changes at once")


# Connections


@changes("listeners", "advertised.listeners", "listener.security.protocol.map", "controller.listener.names")
def listeners():
    node, more = Node(), [free_port() for _ in range(2)]
    node.properties["listeners"] += f",SECOND://127.0.0.1:{more[0]},HIDDEN://127.0.0.1:{more[1]}"
    node.properties["listener.security.protocol.map"] += ",SECOND:PLAINTEXT,HIDDEN:PLAINTEXT"
    node.properties["controller.listener.names"] = "CONTROLLER,HIDDEN"
    node.properties["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{node.port},SECOND://example.test:99"
    with node:
        answer = wire.ask(more[0], wire.metadata())
        expect(b"example.test" in answer, "the listener's own advertised address is told on it")
        expect(node.metadata()[0][0][1:3] == ("127.0.0.1", node.port), "and the other's on the other")
        try:
            expect(wire.ask(more[1], wire.metadata()) is None, "the controller's listener is not for clients")
        except OSError:
            pass
    unnamed = Node()
    unnamed.properties |= {"listeners": f"ODD://127.0.0.1:{unnamed.port},CONTROLLER://127.0.0.1:{unnamed.controller_port}",
                           "inter.broker.listener.name": "ODD"}
    unnamed.launch()
    expect(settle(lambda: not unnamed.alive()), "a listener without a protocol is refused")
    unnamed.properties["listener.security.protocol.map"] = "ODD:PLAINTEXT,CONTROLLER:PLAINTEXT"
    with unnamed.launch():
        expect(unnamed.metadata()[0][0][0] == 1, "and served once it has one")


@changes("socket.send.buffer.bytes", "socket.receive.buffer.bytes")
def socket_buffers():
    with Node({"socket.send.buffer.bytes": 12345, "socket.receive.buffer.bytes": 23456},
              trace=["-e", "trace=setsockopt"]) as node:
        expect(settle(lambda: node.traced("SO_SNDBUF", "[12345]") and node.traced("SO_RCVBUF", "[23456]")), "the sizes are set")
    with Node({"socket.send.buffer.bytes": -1}, trace=["-e", "trace=setsockopt"]) as node:
        expect(settle(lambda: node.traced("TCP_NOTSENT_LOWAT", "[524288]") and not node.traced("SO_SNDBUF")),
               "-1 leaves the size to the kernel, which keeps little unsent")


@changes("socket.request.max.bytes")
def request_size():
    with Node({"socket.request.max.bytes": 10_000}) as node, Node() as plain:
        request = wire.produce("t", wire.batch(wire.record(b"x" * 20_000)))
        expect(plain.create("t") == 0 and node.create("t") == 0, "created")
        expect(wire.ask(plain.port, request) is not None and wire.ask(node.port, request) is None, "too large a request")


@changes("max.connections", "max.connections.per.ip", "max.connections.per.ip.overrides")
def connection_limits():
    with Node() as node:
        for key, value in (("max.connections", 3), ("listener.name.plaintext.max.connections", 3), ("max.connections.per.ip", 3),
                           ("max.connections.per.ip.overrides", "127.0.0.1:3")):
            expect(settle(lambda: opened(node, 4) == 4), "four connections at once")
            whose = "1" if key.startswith("listener") or reference()["Broker"][key][0] != "cluster" else ""
            node.alter(BROKER, whose, key, value)
            expect(settle(lambda: opened(node, 4) == 3), f"{key}={value} leaves three of four")
            if "per.ip" not in key:
                first, *rest = [connect(node.port) for _ in range(4)]
                expect(settle(lambda: sum(map(is_open, rest)) == 2), "the fourth waits")
                first.close()
                expect(settle(lambda: all(map(is_open, rest))), "until another has ended")
                for connection in rest:
                    connection.close()
            expect(settle(lambda: opened(node, 1) == 1), "the others are gone")
            node.alter(BROKER, whose, key, "" if key.endswith("overrides") else 1000)


def opened(node, count):
    """How many of so many connections are served while all of them are open."""
    connections = [connect(node.port) for _ in range(count)]
    served = sum(is_open(connection) for connection in connections)
    for connection in connections:
        connection.close()
    return served


@changes("inter.broker.listener.name", "security.inter.broker.protocol")
def brokers_own_listener():
    """max.connections keeps nobody waiting on it, while clients have another."""
    for key, own, exempt in (("inter.broker.listener.name", "OWN", True), ("inter.broker.listener.name", "PLAINTEXT", False),
                             ("security.inter.broker.protocol", "SSL", True), ("security.inter.broker.protocol", "PLAINTEXT", False)):
        node, port, second = Node({"max.connections": 1}), free_port(), "SSL" if key.startswith("security") else "OWN"
        del node.properties["inter.broker.listener.name"]
        node.properties[key] = own
        node.properties["listeners"] += f",{second}://127.0.0.1:{port}"
        node.properties["listener.security.protocol.map"] += f",{second}:PLAINTEXT"
        with node:
            client = connect(node.port)
            expect(settle(lambda: is_open(client)), "one connection is served")
            expect(is_open(connect(port)) == exempt, f"{key}={own}: another is served on {second}: {not exempt}")
            client.close()


@changes("max.connection.creation.rate", "quota.window.num", "quota.window.size.seconds")
def connection_rate():
    """So many connections at once as the windows that are over have room for; the next one comes a second later."""
    rate = "max.connection.creation.rate"
    for properties, key, value, at_once in (({"quota.window.num": 4}, rate, 1, 3), ({"quota.window.num": 4}, rate, 2, 6), ({}, rate, 1, 10),
                                            ({"quota.window.num": 3, "quota.window.size.seconds": 2}, rate, 1, 4),
                                            ({"quota.window.num": 4}, f"listener.name.plaintext.{rate}", 1, 3)):
        with Node(properties) as node:
            node.alter(BROKER, "" if key == rate else "1", key, value)
            time.sleep(1.5)
            connections = [connect(node.port) for _ in range(at_once + 2)]
            for connection in connections:
                connection.sendall(wire.metadata())
            time.sleep(0.3)
            served = len(select.select(connections, [], [], 0)[0])
            expect(served == at_once, f"{served} at once with {key}={value} and {properties}")
            expect(settle(lambda: len(select.select(connections, [], [], 0)[0]) == len(connections), 8), "the others are served later")
            for connection in connections:
                connection.close()


@changes("socket.listen.backlog.size")
def listen_backlog():
    with Node({"socket.listen.backlog.size": 3}) as node, Node() as plain:
        counts = [let_in(broker, 10) for broker in (node, plain)]
        expect(counts == [4, 10], f"connections that a stopped broker has waiting: {counts}")


def let_in(node, count):
    """How many connections the kernel takes for a broker that takes none. (One more than the backlog, says Linux.)"""
    node.process.send_signal(signal.SIGSTOP)
    try:
        connections = [socket.socket() for _ in range(count)]
        for connection in connections:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", node.port))
        time.sleep(0.3)
        let_in = len(select.select([], connections, [], 0)[1])
        for connection in connections:
            connection.close()
        return let_in
    finally:
        node.process.send_signal(signal.SIGCONT)


@changes("connections.max.idle.ms")
def idle_time():
    properties = {"connections.max.idle.ms": 300, "connection.failed.authentication.delay.ms": 0}
    with Node(properties) as node, Node() as plain:
        idle = [connect(broker.port) for broker in (node, plain)]
        time.sleep(2)
        expect([is_open(connection) for connection in idle] == [False, True], "the idle one is closed")


@changes("queued.max.request.bytes")
def request_memory():
    def completed(node):
        """How many of three requests are answered that stand still for a while before they are whole."""
        expect(node.create("t") == 0, "created")
        request = wire.produce("t", wire.batch(wire.record(b"x" * 90_000)))
        connections = [connect(node.port) for _ in range(3)]
        for connection in connections:
            connection.sendall(request[:-100])
        time.sleep(3)
        return sum(is_open(connection, 2, request[-100:]) for connection in connections)
    with Node({"queued.max.request.bytes": 100_000}) as node, Node() as plain:
        expect(completed(plain) == 3, "there is room for all")
        expect(completed(node) in (1, 2), "who stands still makes room for others")


@changes("max.request.partition.size.limit")
def partitions_in_an_answer():
    def is_whole(node):
        expect(node.create("t", 3) == 0, "created")
        request = b"\2\2t\0" + struct.pack(">ib", 2000, -1) + b"\0"
        return wire.ask(node.port, wire.frame(75, 0, request, flexible=True)).endswith(b"\xff\0")
    with Node({"max.request.partition.size.limit": 2}) as node, Node() as plain:
        expect((is_whole(node), is_whole(plain)) == (False, True), "the answer has a cursor")


@changes("max.incremental.fetch.session.cache.slots")
def fetch_sessions():
    with Node({"max.incremental.fetch.session.cache.slots": 1}) as node, Node() as plain:
        def sessions(broker):
            broker.create("t")
            return [broker.fetch("t", session=(0, 0))[0] != 0 for _ in range(2)]
        expect((sessions(node), sessions(plain)) == ([True, False], [True, True]), "one session only")


@changes("fetch.max.bytes")
def fetch_size():
    with Node({"fetch.max.bytes": 1024}) as node, Node() as plain:
        for broker in (node, plain):
            broker.create("t")
            for _ in range(20):
                broker.write("t", wire.batch(wire.record(b"x" * 200)))
        sizes = len(node.fetch("t")[1]), len(plain.fetch("t")[1])
        expect(sizes[0] <= 1024 < sizes[1], f"bytes of an answer: {sizes}")


# Where logs lie, and when they roll


@changes("log.dir", "log.dirs")
def where_logs_lie():
    first = Node()
    del first.properties["log.dirs"]
    first.properties["log.dir"] = str(first.dir / "elsewhere")
    with first, Node(log_dirs=2) as second:
        first.create("t")
        second.create("t", 2)
        expect((first.dir / "elsewhere/t-0").is_dir(), "log.dir")
        expect(sorted(len(list(folder.glob("t-*"))) for folder in second.log_dirs) == [1, 1], "log.dirs")


@changes("cordoned.log.dirs")
def cordoned():
    key, refused = "cordoned.log.dirs", 38
    with Node(log_dirs=2) as node, Node({key: "*"}) as full:
        first, second = node.log_dirs
        node.alter(BROKER, "1", key, second)
        expect(cordons(node) == {str(first): False, str(second): True}, "the second is told to be cordoned")
        expect(node.create("t", 4) == 0, "created")
        expect(len(list(first.glob("t-*"))) == 4, "the other has all partitions")
        node.alter(BROKER, "1", key, "*")
        numbers = iter(range(1000))
        expect(settle(lambda: node.create(f"none-{next(numbers)}") == refused), "there is room for none")
        expect(node.add_partitions("t", 5) == refused, "nor for more partitions")
        node.alter(BROKER, "1", key, "")
        expect(settle(lambda: node.create(f"some-{next(numbers)}", 8) == 0), "there is again")
        expect(list(second.glob("some-*")) and not any(cordons(node).values()), "also in the second")
        expect(full.create("t") == refused and all(cordons(full).values()), "it holds from the start")


def cordons(node):
    """What DescribeLogDirs says of each directory."""
    answer = node.ask(35, 5, b"\1\0", flexible=True)
    _, _, _, count = answer.take("bihB")

    def directory():
        answer.take("h")
        path = answer.bytes(answer.take("B") - 1).decode()
        return path, answer.take("Bqq?b")[3]
    return dict(directory() for _ in range(count - 1))


@changes("log.segment.bytes", "segment.bytes")
def segment_size():
    def rolls(node, topic):
        for _ in range(2):
            node.write(topic, big())
        return len(node.segments(f"{topic}-0")) == 2
    inherited_and_own("log.segment.bytes", "segment_bytes", (MIB, 3 * MIB), rolls)


@changes("internal.segment.bytes")
def segment_size_for_tests():
    with Node() as node:
        node.create("t", internal_segment_bytes=200)
        for _ in range(5):
            node.write("t", small_batch())
        expect(len(node.segments("t-0")) > 2, "small segments")


def rolls_after(age_ms):
    def observe(node, topic):
        node.write(topic, small_batch(now_ms() - age_ms))
        node.write(topic, small_batch())
        return len(node.segments(f"{topic}-0")) == 2
    return observe


@changes("log.roll.ms", "segment.ms")
def segment_age():
    inherited_and_own("log.roll.ms", "segment_ms", (HOUR_MS, 10 * HOUR_MS), rolls_after(2 * HOUR_MS))


@changes("log.roll.hours")
def segment_age_in_hours():
    inherited_and_own("log.roll.hours", "segment_ms", (1, 10 * HOUR_MS), rolls_after(2 * HOUR_MS))


def rolls_early_somewhere(node, topic):
    """With an hour's jitter on an hour, half of the partitions roll after half an hour."""
    rolled = 0
    for index in range(20):
        name = f"{topic}{index}"
        expect(node.create(name, **({"segment_jitter_ms": 0} if topic == "overrides" else {})) == 0, "created")
        rolled += rolls_after(HOUR_MS // 2)(node, name)
    return rolled > 0


@changes("log.roll.jitter.ms", "segment.jitter.ms")
def segment_jitter():
    inherited_and_own("log.roll.jitter.ms", "segment_jitter_ms", (HOUR_MS, 0), rolls_early_somewhere, {"log.roll.hours": 1})


@changes("log.roll.jitter.hours")
def segment_jitter_in_hours():
    inherited_and_own("log.roll.jitter.hours", "segment_jitter_ms", (1, 0), rolls_early_somewhere, {"log.roll.hours": 1})


@changes("log.index.interval.bytes", "index.interval.bytes")
def index_interval():
    def has_entries(node, topic):
        for _ in range(3):
            node.write(topic, small_batch())
        # A full index file is cut to its entries when the segment is closed.
        node.alter(TOPIC, topic, "segment.ms", 1)
        node.write(topic, small_batch(now_ms() + 1000))
        return node.segments(f"{topic}-0", ".index")[0].stat().st_size > 0
    inherited_and_own("log.index.interval.bytes", "index_interval_bytes", (0, 4096), has_entries)


@changes("log.index.size.max.bytes", "segment.index.bytes")
def index_size():
    def rolls(node, topic):
        node.alter(TOPIC, topic, "index.interval.bytes", 0)
        for _ in range(10):
            node.write(topic, small_batch())
        return len(node.segments(f"{topic}-0")) > 1
    inherited_and_own("log.index.size.max.bytes", "segment_index_bytes", (24, 10_000), rolls)


# What is kept


def forgets(age_ms, wait_s=1.5):
    def observe(node, topic):
        node.write(topic, small_batch(now_ms() - age_ms))
        return settle(lambda: node.offset(topic, EARLIEST) == 1, wait_s)
    return observe


@changes("log.retention.ms", "retention.ms")
def retention_time():
    inherited_and_own("log.retention.ms", "retention_ms", (HOUR_MS, 10 * HOUR_MS), forgets(2 * HOUR_MS), PROMPT)


@changes("log.retention.minutes")
def retention_minutes():
    inherited_and_own("log.retention.minutes", "retention_ms", (60, 10 * HOUR_MS), forgets(2 * HOUR_MS), PROMPT)


@changes("log.retention.hours")
def retention_hours():
    inherited_and_own("log.retention.hours", "retention_ms", (1, 10 * HOUR_MS), forgets(2 * HOUR_MS), PROMPT)


@changes("log.retention.bytes", "retention.bytes")
def retention_size():
    def forgets_the_first(node, topic):
        node.alter(TOPIC, topic, "segment.bytes", MIB)
        for _ in range(3):
            node.write(topic, big())
        return settle(lambda: node.offset(topic, EARLIEST) > 0, 1.5)
    inherited_and_own("log.retention.bytes", "retention_bytes", (700_000, -1), forgets_the_first, PROMPT)


@changes("log.cleanup.policy", "cleanup.policy")
def cleanup_policy():
    keyless = wire.batch(wire.record(b"v", key=None))
    inherited_and_own("log.cleanup.policy", "cleanup_policy", ("compact", "delete"),
                      lambda node, topic: node.produce(topic, keyless)[0] == 87)
    inherited_and_own("log.cleanup.policy", "cleanup_policy", ("delete", "compact"), forgets(1000 * HOUR_MS), PROMPT)


@changes("log.segment.delete.delay.ms", "file.delete.delay.ms")
def delete_delay():
    def leaves_files(node, topic):
        node.write(topic, small_batch(now_ms() - 1000 * HOUR_MS))
        expect(settle(lambda: node.offset(topic, EARLIEST) == 1), "the segment is dropped")
        return not settle(lambda: not node.segments(f"{topic}-0", ".deleted"), 3)
    inherited_and_own("log.segment.delete.delay.ms", "file_delete_delay_ms", (HOUR_MS, 0), leaves_files, PROMPT)


@changes("log.initial.task.delay.ms", "log.retention.check.interval.ms")
def when_retention_looks():
    looks_once = {"log.initial.task.delay.ms": 0, "log.retention.check.interval.ms": HOUR_MS}
    looks_later = {"log.initial.task.delay.ms": HOUR_MS, "log.retention.check.interval.ms": HOUR_MS}
    for properties, forgets_old, forgets_new in ((looks_once, True, False), (looks_later, False, False), (PROMPT, True, True)):
        with Node({"log.retention.check.interval.ms": HOUR_MS}) as node:
            node.create("t")
            node.write("t", small_batch(now_ms() - 1000 * HOUR_MS))
            node.stop()
            node.properties |= properties
            node.start()
            expect(settle(lambda: node.offset("t", EARLIEST) == 1, 1.5) == forgets_old, f"at start with {properties}")
            node.write("t", small_batch(now_ms() - 1000 * HOUR_MS))
            expect(settle(lambda: node.offset("t", EARLIEST) == 2, 1) == forgets_new, f"later with {properties}")


# Checkpoints and durability


@changes("log.flush.offset.checkpoint.interval.ms", "log.flush.start.offset.checkpoint.interval.ms",
         "replica.high.watermark.checkpoint.interval.ms")
def checkpoints():
    files = {"log.flush.offset.checkpoint.interval.ms": ("recovery-point-offset-checkpoint", 5),
             "log.flush.start.offset.checkpoint.interval.ms": ("log-start-offset-checkpoint", 2),
             "replica.high.watermark.checkpoint.interval.ms": ("replication-offset-checkpoint", 5)}
    late = {key: 600_000 for key in files}
    for changed in files:
        with Node({"log.retention.check.interval.ms": 100, **late, changed: 100}) as node:
            node.create("t", segment_ms=HOUR_MS)
            for age_ms in (1000 * HOUR_MS, 1000 * HOUR_MS, 0, 0, 0):
                node.write("t", small_batch(now_ms() - age_ms))
            expect(settle(lambda: node.offset("t", EARLIEST) == 2), "two records are dropped")
            for key, (name, offset) in files.items():
                written = settle(lambda: node.checkpoint(name).get("t-0", 0) == offset, 2 if key == changed else 0.3)
                expect(written == (key == changed), f"{name} when {changed} is changed")


SYNCS = ["-e", "trace=fsync,fdatasync"]


def syncs_of(node, partition):
    return len(node.traced(f"/{partition}/", ".log>"))


def syncs_of_writes(node, topic, writes=6):
    """How many syncs the log had by the time that so many single records were answered."""
    for _ in range(writes):
        node.write(topic, small_batch())
    return syncs_of(node, f"{topic}-0")


@changes("log.durability")
def durability():
    with Node({"log.durability": "page-cache"}, trace=SYNCS) as node, Node(trace=SYNCS) as plain:
        for broker in (node, plain):
            broker.create("t")
        counts = syncs_of_writes(node, "t"), syncs_of_writes(plain, "t")
        expect(counts == (0, 6), f"syncs for six records: {counts}")


@changes("log.flush.interval.messages", "flush.messages")
def flush_messages():
    with with_broker_key("log.flush.interval.messages", 2, {"log.durability": "page-cache"}, trace=SYNCS) as node:
        for topic, configs, expected in (("inherits", {}, 3), ("each", {"flush_messages": 1}, 6),
                                         ("never", {"flush_messages": LONG_MAX}, 0)):
            expect(node.create(topic, **configs) == 0, "created")
            count = syncs_of_writes(node, topic)
            expect(count == expected, f"{topic}: {count} syncs for six records")


@changes("log.flush.interval.ms", "flush.ms", "log.flush.scheduler.interval.ms")
def flush_time():
    # The checkpoints sync too: they begin half a minute after the start.
    page_cache = {"log.durability": "page-cache"}
    with Node({**page_cache, "log.flush.scheduler.interval.ms": 100}, trace=SYNCS) as node, \
            Node(page_cache, trace=SYNCS) as unscheduled:
        unscheduled.create("soon", flush_ms=100)
        node.alter(BROKER, "", "log.flush.interval.ms", HOUR_MS)
        for topic, configs in (("inherits", {}), ("soon", {"flush_ms": 100})):
            expect(node.create(topic, **configs) == 0, "created")
        for broker, topic, expected in ((node, "inherits", False), (node, "soon", True), (unscheduled, "soon", False)):
            broker.write(topic, small_batch())
            is_synced = settle(lambda: syncs_of(broker, f"{topic}-0") > 0, 1.5)
            expect(is_synced == expected, f"{topic} synced: {is_synced}")
        node.alter(BROKER, "", "log.flush.interval.ms", 100)
        expect(settle(lambda: syncs_of(node, "inherits-0") > 0, 3), "the broker's key has an effect")


@changes("log.record.validation")
def record_validation():
    # Its header and checksum are right, what is packed in it is no record.
    broken = wire.batch(gzip.compress(b"\x40no record"), attributes=1)
    with Node({"log.record.validation": "full"}) as node, Node() as plain:
        for broker in (node, plain):
            broker.create("t")
        errors = node.produce("t", broken)[0], plain.produce("t", broken)[0]
        expect(errors[0] != 0 and errors[1] == 0, f"errors {errors}")


@changes("log.scrub.interval.ms")
def scrub_interval():
    with Node({"log.scrub.interval.ms": 500}) as node, Node() as plain:
        for broker in (node, plain):
            broker.create("t")
            broker.produce("t", small_batch())
            [log] = broker.log_dirs[0].glob("t-0/*.log")
            damaged = bytearray(log.read_bytes())
            damaged[-1] ^= 1
            log.write_bytes(damaged)
        told = lambda broker: "damaged" in broker.log.read_text() and "t-0/00000000000000000000.log" in broker.log.read_text()
        expect(settle(lambda: told(node), 5), "damage is told with its file")
        expect(not told(plain), "not before a week is over")
        mark = plain.file(".tidelog-scrubbed")
        plain.stop()
        mark.write_text("0 \n")
        plain.start()
        expect(settle(lambda: told(plain), 5), "but then, however often the broker was started meanwhile")
        metadata = plain.file(f"{CLUSTER_METADATA}/00000000000000000000.log")
        damaged = bytearray(metadata.read_bytes())
        damaged[-1] ^= 1
        metadata.write_bytes(damaged)
        plain.kill()
        plain.launch()
        wait_for(lambda: not plain.alive(), "the end of a broker whose metadata is damaged")
        expect("__cluster_metadata-0/00000000000000000000.log: damaged at position" in plain.log.read_text(), "named metadata")


# Times of records and producers


@changes("log.message.timestamp.type", "message.timestamp.type")
def timestamp_type():
    inherited_and_own("log.message.timestamp.type", "message_timestamp_type", ("LogAppendTime", "CreateTime"),
                      lambda node, topic: node.produce(topic, small_batch(1000))[2] > now_ms() - HOUR_MS)


@changes("log.message.timestamp.before.max.ms", "message.timestamp.before.max.ms")
def timestamps_before():
    inherited_and_own("log.message.timestamp.before.max.ms", "message_timestamp_before_max_ms", (HOUR_MS, 3 * HOUR_MS),
                      lambda node, topic: node.produce(topic, small_batch(now_ms() - 2 * HOUR_MS))[0] == 32)


@changes("log.message.timestamp.after.max.ms", "message.timestamp.after.max.ms")
def timestamps_after():
    inherited_and_own("log.message.timestamp.after.max.ms", "message_timestamp_after_max_ms", (2 * HOUR_MS, 4 * HOUR_MS),
                      lambda node, topic: node.produce(topic, small_batch(now_ms() + 3 * HOUR_MS))[0] == 32)


@changes("producer.id.expiration.ms", "producer.id.expiration.check.interval.ms")
def producer_expiry():
    def is_forgotten(node):
        node.create("t")
        node.write("t", small_batch(now_ms() - 2 * HOUR_MS, producer=(9, 0, 0)))
        # An unknown producer may begin anywhere; a known one goes on where it was.
        time.sleep(1)
        return node.produce("t", small_batch(producer=(9, 0, 50)))[0] == 0
    soon = {"log.initial.task.delay.ms": 0, "producer.id.expiration.check.interval.ms": 100}
    with with_broker_key("producer.id.expiration.ms", HOUR_MS, soon) as node:
        expect(is_forgotten(node), "a producer expires")
    with Node(soon) as lasting, Node({"log.initial.task.delay.ms": 0, "producer.id.expiration.ms": HOUR_MS}) as unchecked:
        expect(not is_forgotten(lasting), "it lasts for a day")
        expect(not is_forgotten(unchecked), "it lasts until it is looked at")


# Groups


@changes("offsets.topic.num.partitions", "offsets.topic.replication.factor")
def offsets_topic():
    with Node({"offsets.topic.num.partitions": 3}) as node, Node({"offsets.topic.replication.factor": 2}) as impossible:
        node.await_coordinator()
        expect(len(list(node.log_dirs[0].glob("__consumer_offsets-*"))) == 3, "three partitions")
        expect(not settle(lambda: impossible.find_coordinator() == 0, 1), "one node has no two replicas")


def described(node, topic, *keys):
    """The values of a topic's keys."""
    answer = node.ask(32, 1, listed(struct.pack(">b", TOPIC) + wire.text(topic) + listed(*map(wire.text, keys))) + b"\0")
    answer.take("iih")
    answer.text()
    answer.take("b")
    answer.text()

    def entry():
        key_and_value = answer.text(), answer.text()
        answer.take("bbbi")
        return key_and_value
    values = dict(answer.list(entry))
    return [values[key] for key in keys]


STATE_TOPICS = {"transaction.state.log": "__transaction_state", "share.coordinator.state.topic": "__share_group_state"}


@changes(*(f"{prefix}.{key}" for prefix in STATE_TOPICS for key in ("num.partitions", "replication.factor", "segment.bytes", "min.isr")))
def state_topics():
    """Metadata creates them as Kafka does, with settings of their own."""
    for prefix, topic in STATE_TOPICS.items():
        given = {f"{prefix}.num.partitions": 3, f"{prefix}.segment.bytes": 2 * MIB, f"{prefix}.min.isr": 2}
        with Node(given) as node, Node({f"{prefix}.replication.factor": 2}) as impossible:
            for broker in (node, impossible):
                wire.ask(broker.port, wire.metadata(topic))
            expect(settle(lambda: len(list(node.log_dirs[0].glob(f"{topic}-*"))) == 3), "three partitions")
            expect(described(node, topic, "segment.bytes", "min.insync.replicas") == [str(2 * MIB), "2"], "size and replicas")
            expect(not settle(lambda: list(impossible.log_dirs[0].glob(f"{topic}-*")), 1), "one node has no two replicas")


ONE_SHARD = {"offsets.topic.num.partitions": 1}


def full_of_offsets(properties, **options):
    node = Node({**ONE_SHARD, **properties}, **options).start()
    node.create("t")
    node.await_coordinator()
    for number in range(400):
        expect(node.commit("g", "t", number, "x" * 4000) == 0, "committed")
    return node


@changes("offsets.topic.segment.bytes")
def offsets_segments():
    with full_of_offsets({"offsets.topic.segment.bytes": MIB}) as node, full_of_offsets({}) as plain:
        counts = [len(broker.segments("__consumer_offsets-0")) for broker in (node, plain)]
        expect(counts == [2, 1], f"segments {counts}")


@changes("offsets.load.buffer.size")
def offsets_load_buffer():
    """Each round looks into the file for where it begins and where it ends."""
    def reads(properties):
        with full_of_offsets(properties) as node:
            node.stop()
            node.trace = ["-e", "trace=pread64"]
            node.start()
            node.await_coordinator()
            return len(node.traced("/__consumer_offsets-0/", ".log>"))
    counts = reads({"offsets.load.buffer.size": 50_000}), reads({})
    expect(counts[0] >= 30 and counts[1] < 10, f"reads {counts}")


@changes("offsets.topic.compression.codec")
def offsets_codec():
    def codec(properties):
        with Node({**ONE_SHARD, **properties}) as node:
            node.create("t")
            node.await_coordinator()
            expect(node.commit("g", "t", 1, "x" * 1000) == 0, "committed")
            return node.segments("__consumer_offsets-0")[0].read_bytes()[22] & 7
    expect((codec({"offsets.topic.compression.codec": 1}), codec({})) == (1, 0), "gzip")


@changes("offsets.retention.minutes", "offsets.retention.check.interval.ms")
def offsets_retention():
    """The time of a commit is set back in the file, so that nobody has to wait for it."""
    minute = {"offsets.retention.minutes": 1}
    often = {"offsets.retention.check.interval.ms": 100}
    for properties, expires in ((minute | often, True), (minute, False), (often, False)):
        with Node(ONE_SHARD) as node:
            node.create("t")
            node.await_coordinator()
            expect(node.commit("g", "t", 5, "mark") == 0, "committed")
            node.stop()
            age_commit(node.segments("__consumer_offsets-0")[0], b"mark", 120_000)
            node.properties |= properties
            node.start()
            node.await_coordinator()
            gone = settle(lambda: node.committed("g", "t")[0] == -1, 1.5)
            expect(gone == expires, f"expired: {gone} with {properties}")


def age_commit(log, metadata, by_ms):
    data = bytearray(log.read_bytes())
    at = data.index(metadata) + len(metadata)
    struct.pack_into(">q", data, at, struct.unpack_from(">q", data, at)[0] - by_ms)
    start = 0
    while start < len(data):
        end = start + 12 + struct.unpack_from(">i", data, start + 8)[0]
        struct.pack_into(">I", data, start + 17, wire.crc32c(data[start + 21:end]))
        start = end
    log.write_bytes(data)


@changes("offsets.commit.timeout.ms")
def commit_timeout():
    """Every sync takes a second; Kafka tells of a commit that took too long as of a coordinator that is not there."""
    slow = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=1000000"]

    def commit(properties):
        with Node(ONE_SHARD | properties) as node:
            node.create("t")
            node.await_coordinator()
            node.stop()
            node.trace = slow
            node.start()
            node.await_coordinator()
            return node.commit("g", "t")
    errors = commit({"offsets.commit.timeout.ms": 100}), commit({})
    expect(errors == (15, 0), f"errors {errors}")


@changes("offset.metadata.max.bytes")
def offset_metadata():
    with Node({"offset.metadata.max.bytes": 10}) as node, Node() as plain:
        for broker in (node, plain):
            broker.create("t")
            broker.await_coordinator()
        errors = [broker.commit("g", "t", 1, "x" * 11) for broker in (node, plain)]
        expect(errors == [12, 0], f"errors {errors}")


@changes("group.min.session.timeout.ms", "group.max.session.timeout.ms", "group.initial.rebalance.delay.ms", "group.max.size")
def joining():
    changed = {"group.min.session.timeout.ms": 8000, "group.max.session.timeout.ms": 9000,
               "group.initial.rebalance.delay.ms": 700, "group.max.size": 1}
    with Node(changed) as node, Node() as plain:
        for broker in (node, plain):
            broker.await_coordinator()
        expect([broker.join("short", 7000)[0] for broker in (node, plain)] == [26, 0], "too short a session")
        expect([broker.join("long", 9500)[0] for broker in (node, plain)] == [26, 0], "too long a session")
        (error, took), (_, plain_took) = (broker.join("g", 8500) for broker in (node, plain))
        expect(error == 0 and took >= 0.7 > plain_took, f"the first rebalance took {took:.2f} and {plain_took:.2f} s")
        expect(node.join("g", 8500)[0] == 81, "a second member is too many")


# The metadata log


@changes("metadata.log.dir")
def metadata_dir():
    node = Node()
    node.properties["metadata.log.dir"] = str(node.dir / "metadata")
    with node, Node() as plain:
        expect((node.dir / "metadata" / CLUSTER_METADATA).is_dir() and not node.file(CLUSTER_METADATA).exists(), "its own place")
        expect(plain.file(CLUSTER_METADATA).is_dir(), "the first log directory")


@changes("metadata.log.segment.bytes")
def metadata_segment_size():
    with Node({"metadata.log.segment.bytes": 8 * MIB}) as node, Node() as plain:
        for broker in (node, plain):
            broker.create("t")
            for number in range(300):
                broker.alter(TOPIC, "t", "leader.replication.throttled.replicas", ",".join([f"{number}:1"] * 5000))
        counts = [len(broker.segments(CLUSTER_METADATA)) for broker in (node, plain)]
        expect(counts == [2, 1], f"segments {counts}")


@changes("metadata.log.segment.ms")
def metadata_segment_age():
    with Node({"metadata.log.segment.ms": 300}) as node, Node() as plain:
        for broker in (node, plain):
            broker.create("t")
        time.sleep(0.6)
        for broker in (node, plain):
            broker.create("u")
        counts = [len(broker.segments(CLUSTER_METADATA)) for broker in (node, plain)]
        expect(counts[0] > 1 == counts[1], f"segments {counts}")


@changes("metadata.log.max.record.bytes.between.snapshots", "metadata.log.max.snapshot.interval.ms")
def metadata_snapshots():
    def has_snapshot(properties):
        with Node(properties) as node:
            node.create("t")
            time.sleep(0.5)
            node.create("u")
            return settle(lambda: node.segments(CLUSTER_METADATA, ".checkpoint"), 2)
    expect(has_snapshot({"metadata.log.max.record.bytes.between.snapshots": 100}), "by size")
    expect(has_snapshot({"metadata.log.max.snapshot.interval.ms": 400}), "by time")
    expect(not has_snapshot({}), "not yet")


def is_complete(report):
    """Every live key is covered, once, and no inert one is."""
    covered = [key for keys, _ in CHECKS for key in keys]
    live = live_keys()
    for key, (path, name) in BY_UNIT_TEST.items():
        report.note(re.search(rf"fn {name}\(", (ROOT / path).read_text()), f"the test of {key} exists")
    told = set(covered) | set(BY_UNIT_TEST)
    report.note(len(covered) == len(set(covered)), "no key is covered twice")
    report.note(not live - told, "every live key is covered", ", ".join(sorted(live - told)))
    report.note(not told - live - UNLISTED, "every covered key is live", ", ".join(sorted(told - live - UNLISTED)))


def config_keys(report):
    is_complete(report)

    def attempt(entry):
        keys, check = entry
        try:
            check()
            return None
        except Exception as why:  # noqa: BLE001 - a failed check is one line of the report
            return f"{type(why).__name__}: {why}"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for (keys, check), fault in zip(CHECKS, pool.map(attempt, CHECKS)):
            for key in keys:
                report.note(fault is None, f"{key} ({check.__name__})", fault or "")
