"""A Tidelog with the few requests by which the tests look at what it does, their answers taken apart."""

import socket
import struct
import time

from harness import wire
from harness.brokers import Tidelog, read_exactly, wait_for

EARLIEST = -2
TOPIC, BROKER = 2, 4
CLUSTER_METADATA = "__cluster_metadata-0"


class Answer:
    """Reads an answer's fields in order, after the correlation id."""

    def __init__(self, data):
        self.data, self.at = data, 4

    def take(self, kinds):
        values = struct.unpack_from(">" + kinds, self.data, self.at)
        self.at += struct.calcsize(">" + kinds)
        return values[0] if len(values) == 1 else values

    def bytes(self, length):
        self.at += max(length, 0)
        return self.data[self.at - max(length, 0):self.at]

    def text(self):
        return self.bytes(self.take("h")).decode()

    def list(self, item):
        return [item() for _ in range(self.take("i"))]


def listed(*items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Node(Tidelog):
    def __init__(self, properties=None, log_dirs=1, trace=None):
        """`trace` is what strace is to follow, for `traced`."""
        super().__init__(properties, log_dirs)
        self.trace = trace

    def command(self):
        if self.trace is None:
            return super().command()
        # -D: the broker, not strace, is the child.
        return ["strace", "-D", "-f", "-q", "-y", "-s", "0", "-o", str(self.dir / "trace"), *self.trace, *super().command()]

    def traced(self, *words):
        """The calls seen so far that have all these words."""
        lines = (self.dir / "trace").read_text(errors="replace").splitlines()
        return [line for line in lines if all(word in line for word in words)]

    def ask(self, key, version, body, flexible=False):
        data = wire.ask(self.port, wire.frame(key, version, body, flexible))
        assert data is not None, f"the connection was closed on API {key}"
        return Answer(data)

    # Topics and configurations

    def metadata(self, *topics):
        """Brokers as (id, host, port, rack) and the partition counts of topics."""
        answer = Answer(wire.ask(self.port, wire.metadata(*topics)))
        answer.take("i")
        brokers = answer.list(lambda: (answer.take("i"), answer.text(), answer.take("i"), answer.text()))
        answer.text()
        answer.take("i")

        def partition():
            answer.take("hii")
            return answer.list(lambda: answer.take("i")), answer.list(lambda: answer.take("i"))

        def topic():
            error, name = answer.take("h"), answer.text()
            answer.take("b")
            return name, (error, len(answer.list(partition)))
        return brokers, dict(answer.list(topic))

    def create(self, topic, partitions=1, replicas=1, **configs):
        """The error code; configs are written with "_" for "."."""
        entries = listed(*(wire.text(key.replace("_", ".")) + wire.text(str(value)) for key, value in configs.items()))
        body = listed(wire.text(topic) + struct.pack(">ih", partitions, replicas) + listed() + entries)
        answer = self.ask(19, 2, body + struct.pack(">ib", 20_000, 0))
        answer.take("ii")
        answer.text()
        return answer.take("h")

    def delete(self, topic):
        answer = self.ask(20, 1, listed(wire.text(topic)) + struct.pack(">i", 20_000))
        answer.take("ii")
        answer.text()
        return answer.take("h")

    def add_partitions(self, topic, total):
        """The error code."""
        wanted = listed(wire.text(topic) + struct.pack(">ii", total, -1))
        answer = self.ask(37, 0, wanted + struct.pack(">ib", 20_000, 0))
        answer.take("ii")
        answer.text()
        return answer.take("h")

    def alter(self, kind, name, key, value):
        """Sets one key dynamically."""
        change = wire.text(key) + b"\0" + wire.text(str(value))
        answer = self.ask(44, 0, listed(struct.pack(">b", kind) + wire.text(name) + listed(change)) + b"\0")
        answer.take("ii")
        error, why = answer.take("h"), answer.text()
        assert error == 0, f"{key}={value}: {error} {why}"

    # Records

    def produce(self, topic, batch, partition=0, acks=-1):
        """(error code, base offset, log append time)"""
        data = struct.pack(">ii", partition, len(batch)) + batch
        answer = self.ask(0, 7, struct.pack(">hhi", -1, acks, 20_000) + listed(wire.text(topic) + listed(data)))
        answer.take("i")
        answer.text()
        answer.take("i")
        return answer.take("ihqqq")[1:4]

    def write(self, topic, batch, partition=0):
        """As `produce`, of what must be accepted; answers the base offset."""
        error, offset, _ = self.produce(topic, batch, partition)
        assert error == 0, f"produce to {topic}: error {error}"
        return offset

    def fetch(self, topic, max_bytes=1 << 20, session=(0, -1)):
        """(session id, records) from offset 0"""
        wanted = listed(wire.text(topic) + listed(struct.pack(">iqqi", 0, 0, -1, max_bytes)))
        answer = self.ask(1, 7, struct.pack(">iiiibii", -1, 100, 1, 1 << 20, 0, *session) + wanted + listed())
        _, _, session_id, topics = answer.take("ihii")
        if topics == 0:
            return session_id, b""
        answer.text()
        answer.take("iihqqq")
        answer.list(lambda: answer.take("qq"))
        return session_id, answer.bytes(answer.take("i"))

    def offset(self, topic, time_or_end, partition=0):
        wanted = listed(wire.text(topic) + listed(struct.pack(">iq", partition, time_or_end)))
        answer = self.ask(2, 1, struct.pack(">i", -1) + wanted)
        answer.take("i")
        answer.text()
        answer.take("i")
        return answer.take("ihqq")[3]

    def delete_records(self, topic, before):
        wanted = listed(wire.text(topic) + listed(struct.pack(">iq", 0, before)))
        answer = self.ask(21, 0, wanted + struct.pack(">i", 20_000))
        answer.take("ii")
        answer.text()
        answer.take("i")
        return answer.take("iqh")[2]

    # Groups

    def find_coordinator(self, group="g"):
        return self.ask(10, 0, wire.text(group)).take("h")

    def await_coordinator(self, group="g"):
        wait_for(lambda: self.find_coordinator(group) == 0, "a coordinator")
        wait_for(lambda: self.committed(group, "t")[2] == 0, "the group's offsets being loaded")

    def commit(self, group, topic, offset=1, metadata=""):
        wanted = listed(wire.text(topic) + listed(struct.pack(">iq", 0, offset) + wire.text(metadata)))
        answer = self.ask(8, 2, wire.text(group) + struct.pack(">i", -1) + wire.text("") + struct.pack(">q", -1) + wanted)
        answer.take("i")
        answer.text()
        answer.take("i")
        return answer.take("ih")[1]

    def committed(self, group, topic):
        """(offset, metadata, error code)"""
        answer = self.ask(9, 1, wire.text(group) + listed(wire.text(topic) + listed(struct.pack(">i", 0))))
        answer.take("i")
        answer.text()
        answer.take("ii")
        return answer.take("q"), answer.text(), answer.take("h")

    def join(self, group, session_ms=10_000):
        """(error code, seconds until the answer)"""
        protocol = wire.text("range") + struct.pack(">i", 0)
        body = wire.text(group) + struct.pack(">i", session_ms) + wire.text("") + wire.text("consumer") + listed(protocol)
        began = time.monotonic()
        return self.ask(11, 0, body).take("h"), time.monotonic() - began

    # Files

    def file(self, name, folder=None):
        return (folder or self.log_dirs[0]) / name

    def segments(self, partition, suffix=".log"):
        """The partition's files, oldest first."""
        return sorted(self.file(partition).glob(f"*{suffix}"))

    def checkpoint(self, name):
        """A checkpoint file's offsets by partition."""
        path = self.file(name)
        lines = path.read_text().splitlines()[2:] if path.exists() else []
        return {f"{topic}-{partition}": int(offset) for topic, partition, offset in map(str.split, lines) if topic[0] != "#"}


def connect(port, timeout_s=5):
    return socket.create_connection(("127.0.0.1", port), timeout_s)


def is_open(connection, wait_s=0.5, request=None):
    """Whether the broker keeps the connection and answers on it."""
    connection.settimeout(wait_s)
    try:
        connection.sendall(request or wire.metadata())
        return len(read_exactly(connection, 4)) == 4
    except OSError:
        return False


def now_ms():
    return int(time.time() * 1000)


def small_batch(timestamp_ms=None, **options):
    return wire.batch(wire.record(b"value"), timestamp_ms=now_ms() if timestamp_ms is None else timestamp_ms, **options)


def settle(condition, timeout_s=10):
    """Whether it comes true in time."""
    try:
        wait_for(condition, "", timeout_s)
        return True
    except TimeoutError:
        return False


def words(seed, count):
    """Text that packs neither well nor badly, the same for the same seed."""
    state, out = seed, bytearray()
    for _ in range(count):
        state = (state * 1103515245 + 12345) % (1 << 31)
        out += b"%x," % (state >> 19)
    return bytes(out)
