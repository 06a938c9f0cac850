"""A disk that fails, is full or hangs, and a process without descriptors: no false acknowledgement, and reads go on."""

import errno
import os
import resource
import socket
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from harness import wire
from harness.brokers import read_exactly, wait_for
from harness.disk import TidelogOnDisk
from harness.node import Node
from harness.report import say

NONE, TIMED_OUT, NOT_LEADER, STORAGE_ERROR = 0, 7, 6, 56
LOADING, NOT_COORDINATOR = 14, 16
STALL_S = 5
LONG_STALL_S = 30
WARM_UP_S = 2
P99_LIMIT_S = 0.1
# What a disk is given to write goes to the page cache for a while, so that a sync is the first to wait.
SYNCS_STALL_BEFORE_S = 0.1
LATE_WRITERS_PER_TOPIC = 4
REQUEST_INTERVAL_S = 0.005
CROWD = 60
CROWD_LIMIT_KIB = 120 * 1024
STOP_S = 15
PROPERTIES = {"log.flush.offset.checkpoint.interval.ms": "1000", "num.partitions": "1"}
# So that a log is several times what is mapped rather than copied; of that, what cannot be read is in the middle.
RECORDS_TO_MAP, RECORD_BYTES = 100, 4000
UNREADABLE_BYTES = " 131072 196608"
# One after the other, so that they fall on both of two directories.
TOPICS = ("one", "two")


class Connection:
    """One request after the other."""

    def __init__(self, port, timeout_s=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)

    def ask(self, request):
        self.socket.sendall(request)
        return read_exactly(self.socket, struct.unpack(">i", read_exactly(self.socket, 4))[0])


def record_batch(value=b"x" * 100):
    return wire.batch(wire.record(value, key=None))


def produce(broker, topic, value=b"x" * 100):
    """Error code and base offset of one record with acks=all."""
    answer = Connection(broker.port).ask(wire.produce(topic, record_batch(value)))
    return struct.unpack_from(">hq", answer, 4 + 4 + 2 + len(topic) + 4 + 4)


def high_watermark(broker, topic):
    """None unless everything below it can be read."""
    answer = Connection(broker.port).ask(wire.fetch(topic))
    error, watermark = struct.unpack_from(">hq", answer, 4 + 4 + 4 + 2 + len(topic) + 4 + 4)
    at = 4 + 4 + 4 + 2 + len(topic) + 4 + 4 + 2 + 8 + 8 + 4
    records = answer[at + 4:]
    end = 0
    while len(records) >= 61:
        base, length = struct.unpack_from(">qi", records)
        end = base + struct.unpack_from(">i", records, 23)[0] + 1
        records = records[12 + length:]
    return watermark if error == NONE and end == watermark else None


def create_topics(broker):
    for topic in TOPICS:
        wait_for(lambda: made(broker, topic), "a topic being made", timeout_s=20)


def topic_on(broker, directory):
    return next(topic for topic in TOPICS if (broker.log_dirs[directory] / f"{topic}-0").is_dir())


def fails_and_shows_nothing(report, broker, topic, name):
    """The next records are refused, and nobody is shown them."""
    errors = [produce(broker, topic)[0] for _ in range(3)]
    report.note(NONE not in errors, f"{name}: nothing is acknowledged", f"{errors}")
    report.note(errors[0] == STORAGE_ERROR, f"{name}: it is called a storage error", f"{errors}")


def disk_full(report):
    """ENOSPC heals by itself, for records and for metadata."""
    with TidelogOnDisk(PROPERTIES) as broker:
        create_topics(broker)
        acknowledged = [produce(broker, "one") for _ in range(5)]
        broker.tell("fill")
        fails_and_shows_nothing(report, broker, "one", "full")
        report.note(high_watermark(broker, "one") == 5, "full: reads go on")
        refused = wire.ask(broker.port, creation("late"))
        report.note(broker.alive(), "full: a topic cannot be made, and the broker lives", f"{refused}")
        time.sleep(2.5)
        report.note(broker.alive() and broker.ready(), "full: checkpoints that fail end nothing")
        broker.tell("heal")
        acknowledged += [produce(broker, "one") for _ in range(5)]
        report.note(acknowledged == [(NONE, offset) for offset in range(10)], "full: it heals by itself", f"{acknowledged}")
        wait_for(lambda: made(broker, "later"), "a topic being made", timeout_s=20, pause_s=0.5)
        report.note(True, "full: topics can be made again")
        broker.cut_power("drop")
        broker.start()
        report.note(high_watermark(broker, "one") == 10, "full: everything acknowledged is there after a power cut")
        controller_waits(report, broker)


def controller_waits(report, broker):
    """While the controller waits for a full disk: what waits for it takes no memory without bound, and a stop ends all."""
    broker.tell("fill")
    before = broker.resident_kib()
    first = socket.create_connection(("127.0.0.1", broker.port))
    first.sendall(creation("awaited", timeout_ms=60_000))
    time.sleep(0.5)
    crowd = []
    for _ in range(CROWD):
        crowd.append(socket.create_connection(("127.0.0.1", broker.port)))
        crowd[-1].setblocking(False)
    request, sent, end = alteration(), [0] * CROWD, time.monotonic() + 4
    while time.monotonic() < end:
        for index, connection in enumerate(crowd):
            try:
                sent[index] += connection.send(request[sent[index]:])
            except OSError:
                continue
        time.sleep(0.001)
    grown = broker.resident_kib() - before
    report.note(grown < CROWD_LIMIT_KIB, "full: requests that wait for the controller keep within their memory",
                f"{CROWD} of {len(request)} bytes, {sum(count == len(request) for count in sent)} of them sent, grown by {grown} KiB")
    for connection in [first, *crowd]:
        connection.close()
    stops(report, broker, "full: a stop does not wait for room")
    broker.tell("heal")
    broker.start()
    report.note(high_watermark(broker, "one") == 10, "full: the next start finds everything")


def alteration():
    """An IncrementalAlterConfigs of one group's keys, which do not exist."""
    keys = [wire.text(f"key-{index}") + b"\0" + wire.text("x" * 32_000) for index in range(110)]
    return wire.frame(44, 0, struct.pack(">ib", 1, 32) + wire.text("g") + struct.pack(">i", len(keys)) + b"".join(keys) + b"\0")


def stops(report, broker, what):
    began = time.monotonic()
    broker.process.terminate()
    try:
        broker.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        broker.kill()
    report.note(broker.process.returncode == 0, what, f"{broker.process.returncode} after {time.monotonic() - began:.1f} s")


def creation(topic, timeout_ms=3000):
    return wire.frame(19, 2, struct.pack(">i", 1) + wire.text(topic) + struct.pack(">ihiii", 1, 1, 0, 0, timeout_ms) + b"\0")


def made(broker, topic):
    answer = wire.ask(broker.port, creation(topic))
    return answer is not None and struct.unpack_from(">h", answer, 4 + 4 + 4 + 2 + len(topic))[0] in (NONE, 36)


def disk_fails(report):
    """EIO and EROFS take a directory offline, and the process with the last one or the metadata's."""
    for name, command in [("EIO on write", f"fail write {errno.EIO}"), ("EIO on fsync", f"fail sync {errno.EIO}"), ("EROFS", "lock")]:
        with TidelogOnDisk(PROPERTIES, disks=2) as broker:
            create_topics(broker)
            healthy, failing = topic_on(broker, 0), topic_on(broker, 1)
            before = {topic: [produce(broker, topic)[0] for _ in range(5)] for topic in TOPICS}
            report.note(all(set(errors) == {NONE} for errors in before.values()), f"{name}: all is well before", f"{before}")
            broker.disks[1].tell(command)
            fails_and_shows_nothing(report, broker, failing, name)
            report.note(produce(broker, healthy)[0] == NONE and high_watermark(broker, healthy) == 6, f"{name}: the other directory goes on")
            broker.disks[1].tell("heal")
            time.sleep(1.5)
            report.note(produce(broker, failing)[0] != NONE, f"{name}: only a restart brings it back")
            broker.disks[0].tell(command)
            produce_unheard(broker, healthy)
            wait_for(lambda: not broker.alive(), "the end of the process", timeout_s=20)
            report.note(broker.process.returncode not in (0, None) and broker.process.returncode > 0, f"{name}: the process ends with an error",
                        f"{broker.process.returncode}")
            broker.tell("heal")
            broker.start()
            # The page cache may have more than the disk: whatever is shown now must outlive a power cut.
            shown = {topic: high_watermark(broker, topic) for topic in TOPICS}
            report.note(shown[failing] in (5, 6, 7, 8) and shown[healthy] in (6, 7), f"{name}: a restart brings all of it back", f"{shown}")
            broker.cut_power("drop")
            broker.start()
            after = {topic: high_watermark(broker, topic) for topic in TOPICS}
            report.note(after == shown, f"{name}: what a restart shows outlives a power cut", f"{shown}, then {after}")


class NodeOnDisk(TidelogOnDisk, Node):
    """With the requests of groups."""


def fetch_error(broker, topic):
    """The error code, or "closed": an answer that was begun cannot be taken back."""
    try:
        return struct.unpack_from(">h", Connection(broker.port).ask(wire.fetch(topic)), 4 + 4 + 4 + 2 + len(topic) + 4 + 4)[0]
    except OSError:
        return "closed"


def disk_cannot_be_read(report):
    """EIO on read, of pages that were in the cache and are not: an error for whoever asked, no signal for the process, and nothing for others."""
    with NodeOnDisk(PROPERTIES | {"offsets.topic.num.partitions": "1"}, disks=2) as broker:
        create_topics(broker)
        broker.await_coordinator()
        failing, healthy = topic_on(broker, 1), topic_on(broker, 0)
        for topic in TOPICS:
            for _ in range(RECORDS_TO_MAP):
                produce(broker, topic, b"x" * RECORD_BYTES)
        for what, command, errors in [("a disk", "", (STORAGE_ERROR,)), ("part of a log", UNREADABLE_BYTES, ("closed", STORAGE_ERROR))]:
            broker.disks[1].forget_pages()
            broker.disks[1].tell(f"fail read {errno.EIO}{command}")
            found = [fetch_error(broker, failing) for _ in range(3)]
            report.note(set(found) <= set(errors), f"EIO on read of {what}: a Fetch is told", f"{found}")
            report.note(produce(broker, healthy)[0] == NONE and high_watermark(broker, healthy), f"EIO on read of {what}: the other directory goes on")
            broker.tell("heal")
            report.note(high_watermark(broker, failing) == RECORDS_TO_MAP, f"EIO on read of {what}: all of it is there afterwards")
        offsets_cannot_be_read(report, broker)
        directory_cannot_be_read(report, broker, failing, healthy)


def offsets_cannot_be_read(report, broker):
    """They are loaded through a map, where a bare load would be a signal."""
    offsets = next(i for i in range(2) if (broker.log_dirs[i] / "__consumer_offsets-0").is_dir())
    for number in range(RECORDS_TO_MAP):
        broker.commit("g", "one", number, "x" * 4000)
    broker.stop()
    broker.disks[offsets].forget_pages()
    broker.disks[offsets].tell(f"fail read {errno.EIO}{UNREADABLE_BYTES}")
    broker.start()
    wait_for(lambda: b"offsets partition not loaded" in broker.log.read_bytes(), "a load that fails", timeout_s=20)
    error, other = broker.committed("g", "one")[2], topic_on(broker, 1 - offsets)
    report.note(error in (LOADING, NOT_COORDINATOR), "EIO on read of offsets: who asks for them is told", f"{error}")
    report.note(produce(broker, other)[0] == NONE and high_watermark(broker, other), "EIO on read of offsets: the other directory goes on")
    broker.tell("heal")
    broker.await_coordinator()
    committed = broker.committed("g", "one")[0]
    report.note(committed == RECORDS_TO_MAP - 1, "EIO on read of offsets: they are loaded afterwards", f"{committed}")


def directory_cannot_be_read(report, broker, failing, healthy):
    """At a start: the directory is offline; it is the process that ends where it was the last, or has the metadata."""
    before = {topic: high_watermark(broker, topic) for topic in TOPICS}
    broker.kill()
    broker.disks[1].forget_pages()
    broker.disks[1].tell(f"fail read {errno.EIO}")
    broker.start()
    report.note(produce(broker, failing)[0] == STORAGE_ERROR, "EIO on read at the start: that directory is offline")
    report.note(high_watermark(broker, healthy) == before[healthy], "EIO on read at the start: the other one is not")
    broker.kill()
    broker.disks[0].forget_pages()
    broker.disks[0].tell(f"fail read {errno.EIO}")
    broker.launch()
    wait_for(lambda: not broker.alive(), "the end of the process", timeout_s=20)
    report.note(broker.process.returncode > 0, "EIO on read at the start: without any it ends with an error", f"{broker.process.returncode}")
    broker.tell("heal")
    broker.start()
    after = {topic: high_watermark(broker, topic) for topic in TOPICS}
    report.note(after == before, "EIO on read at the start: a restart brings all of it back", f"{before}, then {after}")


def produce_unheard(broker, topic):
    try:
        return produce(broker, topic)[0]
    except OSError:
        return None


def percentile_99(times_s):
    return sorted(times_s)[len(times_s) * 99 // 100]


def time_requests(connection, request, until):
    """How long each took; one that took long counts for all that were not sent meanwhile, or a connection that hangs would be one in thousands."""
    times = []
    while time.monotonic() < until:
        began = time.monotonic()
        connection.ask(request)
        took = time.monotonic() - began
        while took > 0:
            times.append(took)
            took -= REQUEST_INTERVAL_S
        time.sleep(REQUEST_INTERVAL_S)
    return times


def disk_stalls(report, stall_s=STALL_S, latency=False):
    """While neither writes nor fsyncs end, nobody is lied to; and whoever needs neither is answered at once."""
    with TidelogOnDisk(PROPERTIES) as broker, ThreadPoolExecutor(32) as threads:
        create_topics(broker)
        for topic in TOPICS:
            for _ in range(40):
                produce(broker, topic, b"x" * 4000)
            high_watermark(broker, topic)
        # Several of each, for each worker to have some. What is fetched ends well before the last page of the log: FUSE locks
        # that one, against readers too, while a write to it hangs, and cannot say that a read would wait.
        others = {"ApiVersions": wire.frame(18, 0), "Metadata": wire.metadata("one"), "hot fetches": wire.fetch("one", 5, 1 << 15)}
        connections = [(name, Connection(broker.port), request) for name, request in others.items() for _ in range(4)]
        acknowledged = []

        def write(topic, until):
            while time.monotonic() < until:
                acknowledged.append((produce(broker, topic)[0], time.monotonic()))

        until = time.monotonic() + WARM_UP_S + stall_s
        writers = [threads.submit(write, topic, until) for topic in TOPICS]
        time.sleep(WARM_UP_S)
        broker.tell("stall sync")
        time.sleep(SYNCS_STALL_BEFORE_S)
        broker.tell("stall")
        began = time.monotonic()
        # One writer a topic has its append done before the sync that hangs: FUSE lets none into a file that is being synced,
        # and whoever was let in would hold a worker. These come when the disk is known to hang.
        writers += [threads.submit(write, topic, until) for topic in TOPICS for _ in range(LATE_WRITERS_PER_TOPIC)]
        timings = [(name, threads.submit(time_requests, connection, request, until)) for name, connection, request in connections]
        time.sleep(stall_s)
        told = [error for error, at in acknowledged if error == NONE and at > began + 0.2]
        broker.tell("heal")
        report.note(not told, "stalled: nothing is acknowledged", f"{len(told)}")
        for name in others:
            times = [took for kind, timing in timings if kind == name for took in timing.result()]
            figures = f"p99 {percentile_99(times) * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms of {len(times)}"
            say(f"stalled: {name}: {figures}")
            if latency:
                report.note(percentile_99(times) < P99_LIMIT_S, f"stalled: {name} are answered", figures)
        for writer in writers:
            writer.result()
        report.note(produce(broker, "one")[0] == NONE, "stalled: it goes on afterwards")
        expected = {topic: high_watermark(broker, topic) for topic in TOPICS}
        broker.cut_power("drop")
        broker.start()
        report.note({topic: high_watermark(broker, topic) for topic in TOPICS} == expected, "stalled: all of it outlives a power cut")


def disk_stalls_long(report):
    disk_stalls(report, LONG_STALL_S, latency=True)


def no_descriptors(report):
    """EMFILE: who is connected is served, what needs a file is refused, and it heals by itself."""
    with TidelogOnDisk(PROPERTIES) as broker:
        create_topics(broker)
        connection = Connection(broker.port)
        connection.ask(wire.metadata("one"))
        report.note(produce(broker, "one") == (NONE, 0), "descriptors: all is well before")
        used = len(os.listdir(f"/proc/{broker.process.pid}/fd"))
        limits = resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
        # Its log has not been opened for writing yet, or it has, or a sync waits for a descriptor: no lie in any case.
        answer = connection.ask(wire.produce("two", record_batch()))
        error = struct.unpack_from(">h", answer, 4 + 4 + 2 + 3 + 4 + 4)[0]
        report.note(error in (NONE, STORAGE_ERROR, TIMED_OUT), "descriptors: a connected client is answered", f"{error}")
        crowd = [socket.create_connection(("127.0.0.1", broker.port), 5) for _ in range(50)]
        time.sleep(2)
        report.note(broker.alive() and bool(connection.ask(wire.metadata("one"))), "descriptors: it lives without any left")
        for one in crowd:
            one.close()
        resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, limits)
        wait_for(broker.ready, "answers after EMFILE", timeout_s=10)
        acknowledged = [produce(broker, topic)[0] for topic in TOPICS]
        report.note(acknowledged == [NONE, NONE], "descriptors: it heals by itself", f"{acknowledged}")
        expected = 1 if error == STORAGE_ERROR else 2
        report.note(high_watermark(broker, "one") == 2 and high_watermark(broker, "two") == expected, "descriptors: the logs hold what was acknowledged")
