"""In 256 MiB of memory, under slow consumers, large requests and hostile clients, it lives and goes on."""

import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import wire
from harness.brokers import Tidelog, wait_for
from harness.faults import NONE, made, produce
from harness.report import say

LIMIT_MIB = 256
SLOW_CONSUMERS = 100
LARGE_REQUESTS = 4
LARGE_REQUEST_BYTES = 100_000_000
HOSTILE_CLIENTS = 200
BATCHES = 400
BATCH_BYTES = 900_000


class Confined:
    """A control group that holds one process to a limit, where the machine lets us make one."""

    def __init__(self, pid, mib):
        self.path = None
        for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            path = Path(root) / f"tidelog-test-{pid}"
            try:
                path.mkdir()
                (path / limit).write_text(str(mib << 20))
                (path / "cgroup.procs").write_text(str(pid))
                self.path = path
                return
            except OSError:
                continue
        say(f"no control group can be made here: the process may take more than {mib} MiB")

    def remove(self):
        if self.path is not None:
            self.path.rmdir()


def anonymous_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) >> 10


class Watch(threading.Thread):
    """The most anonymous memory that was seen."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most_mib, self.ended = pid, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.02):
            try:
                self.most_mib = max(self.most_mib, anonymous_mib(self.pid))
            except OSError:
                return


def slow_consumer(port, offset):
    """Asks for much from this offset on, again and again, and takes little of it."""
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(20):
        connection.sendall(wire.fetch("one", offset, max_bytes=50 << 20))
    connection.recv(1000)
    return connection


def send_large(port):
    """A produce request of the largest size, all of it sent; what is in it is nothing."""
    head = wire.frame(0, 7, struct.pack(">hhi", -1, -1, 5000))
    try:
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            connection.sendall(struct.pack(">i", LARGE_REQUEST_BYTES) + head[4:])
            rest, piece = LARGE_REQUEST_BYTES - (len(head) - 4), bytes(1 << 20)
            while rest > 0:
                connection.sendall(piece[:rest])
                rest -= min(rest, len(piece))
            connection.recv(100)
    except OSError:
        pass


def hostile_client(port):
    """Announces a large request and sends no more than its head."""
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall(struct.pack(">i", LARGE_REQUEST_BYTES) + wire.frame(0, 7)[4:])
    return connection


def memory_cap(report):
    for buffers in ("102400", "-1"):
        confined_to_the_cap(report, buffers)


def confined_to_the_cap(report, buffers):
    """`buffers` is the size of the sockets' buffers: Kafka's, and the kernel's own."""
    title = f"memory, buffers of {buffers}:"
    sizes = {"socket.send.buffer.bytes": buffers, "socket.receive.buffer.bytes": buffers}
    with Tidelog(sizes) as broker, ThreadPoolExecutor(LARGE_REQUESTS) as threads:
        wait_for(lambda: made(broker, "one"), "a topic being made", timeout_s=20)
        confined, watch = Confined(broker.process.pid, LIMIT_MIB), Watch(broker.process.pid)
        watch.start()
        value = b"x" * BATCH_BYTES
        request = wire.produce("one", wire.batch(wire.record(value, key=None)))
        for _ in range(BATCHES):
            wire.ask(broker.port, request)
        consumers = [slow_consumer(broker.port, i * BATCHES // SLOW_CONSUMERS) for i in range(SLOW_CONSUMERS)]
        hostile = [hostile_client(broker.port) for _ in range(HOSTILE_CLIENTS)]
        for sent in [threads.submit(send_large, broker.port) for _ in range(LARGE_REQUESTS)]:
            hostile.pop().close()
            sent.result()
        report.note(broker.alive() and broker.ready(), f"{title} it lives under slow consumers, large requests and hostile clients")
        for connection in hostile:
            connection.close()
        began = time.monotonic()
        report.note(produce(broker, "one")[0] == NONE and time.monotonic() - began < 5, f"{title} it goes on")
        watch.ended.set()
        report.note(watch.most_mib < LIMIT_MIB, f"{title} its anonymous memory stays below the cap", f"{watch.most_mib} MiB")
        for connection in consumers:
            connection.close()
        broker.stop()
        confined.remove()
