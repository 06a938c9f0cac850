"""Cells about what a broker takes before it does anything: memory, time to start, partitions.

Each has a broker of its own, with a directory of its own.
"""

import signal
import subprocess
import time

from brokers import harness, run_load
from clients import connections, produced
from machine import memory_bytes
from throughput import Kind

SETTLE_S = 3


class OwnBroker(Kind):
    takes_extras = False
    warms = False

    def __init__(self, fleet, name, load, scale):
        self.make = lambda: fleet.make(name)
        super().__init__(fleet, name, load, scale, self.make())

    def memory(self):
        return {"RssAnon MiB": memory_bytes(self.broker.pid, "RssAnon") / 2**20,
                "RSS MiB": memory_bytes(self.broker.pid, "VmRSS") / 2**20}

    def started_s(self):
        """Starts it and waits for its first answer."""
        began = time.monotonic()
        self.broker.launch()
        harness.wait_for(self.broker.ready, "an answered Metadata", pause_s=0.001)
        return time.monotonic() - began

    def close(self):
        self.broker.__exit__(None, None, None)


class Idle(OwnBroker):
    """Started, and left alone."""

    def run(self, others):
        self.started_s()
        time.sleep(SETTLE_S)
        found = self.memory()
        self.broker.stop()
        return found


class IdleConnections(OwnBroker):
    """What a connection that does nothing takes."""

    def run(self, others):
        self.started_s()
        # What the first connections bring for good is not theirs.
        with connections(self.broker, hold=self.load["count"] // 4):
            time.sleep(SETTLE_S)
        before = memory_bytes(self.broker.pid, "RssAnon")
        with connections(self.broker, hold=self.load["count"]):
            time.sleep(SETTLE_S)
            grown = memory_bytes(self.broker.pid, "RssAnon") - before
        self.broker.stop()
        return {"KiB/connection": grown / 1024 / self.load["count"]}


class Start(OwnBroker):
    """From the start of the process to its first answer, with many partitions and much data; after a clean stop, or
    after SIGKILL with a tenth of the data written since the last start."""

    def __init__(self, fleet, name, load, scale):
        super().__init__(fleet, name, load, scale)
        self.started_s()
        self.broker.create("wide", load["partitions"])
        self.write(load["fill_bytes"])
        if not load.get("kill"):
            self.broker.stop()

    def write(self, payload_bytes):
        load = {"record_bytes": 100_000, "partitions": self.load["partitions"]}
        produced(self.broker, "wide", load, seconds=3600, payload_bytes=int(payload_bytes * self.scale))

    def run(self, others):
        if self.load.get("kill"):
            self.write(self.load["fill_bytes"] / 10)
            self.broker.kill()
        found = {"start s": self.started_s()}
        if not self.load.get("kill"):
            self.broker.stop(signal.SIGTERM)
        return found


def limited(broker, descriptors):
    broker.descriptors = descriptors
    return broker


class Partitions(OwnBroker):
    """Many partitions created, a thousand a topic, and then described by Kafka's own tool. Tidelog may have no more
    files open than `descriptors`; Kafka keeps several a partition."""

    def __init__(self, fleet, name, load, scale):
        super().__init__(fleet, name, load, scale)
        make = self.make
        self.make = lambda: limited(make(), load["descriptors"])
        self.broker = limited(self.broker, load["descriptors"])

    def run(self, others):
        self.started_s()
        before = memory_bytes(self.broker.pid, "RssAnon")
        topics = int(self.load["partitions"] * self.scale) // 1000 or 1
        began = time.monotonic()
        for number in range(topics):
            run_load("create", self.broker.bootstrap, f"wide-{number}", "--partitions", 1000)
        created_s = time.monotonic() - began
        grown = memory_bytes(self.broker.pid, "RssAnon") - before
        began = time.monotonic()
        command = harness.java(harness.kafka_classpath(), "org.apache.kafka.tools.TopicCommand", "--bootstrap-server",
                               self.broker.bootstrap, "--describe")
        listed = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.count("Partition: ")
        listed_s = time.monotonic() - began
        if listed != topics * 1000:
            raise RuntimeError(f"{listed} of {topics * 1000} partitions are listed")
        found = self.memory() | {"create s": created_s, "list s": listed_s, "KiB/partition": grown / 1024 / (topics * 1000)}
        self.close()
        self.broker = self.make()
        return found
