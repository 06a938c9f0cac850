"""The kinds of cells: how one run of each is made against one contender, and what is measured.

A run answers a dictionary of metrics, whose names carry their units.
"""

import itertools
import json
from contextlib import contextmanager

from brokers import run_load
from machine import settle

# Fixed for every cell; a cell says what it changes.
PRODUCER = {
    "linger.ms": 5, "batch.size": 1_000_000, "batch.num.messages": 10_000,
    "max.in.flight.requests.per.connection": 5,
    "queue.buffering.max.kbytes": 65_536, "queue.buffering.max.messages": 1_000_000,
}
CONSUMER = {
    "fetch.wait.max.ms": 500, "fetch.min.bytes": 1, "fetch.message.max.bytes": 1_048_576, "check.crcs": "false",
    "queued.min.messages": 1_000_000, "queued.max.messages.kbytes": 65_536, "fetch.queue.backoff.ms": 1,
}

_numbers = itertools.count()


def settings(base, changes):
    return [f"--set={key}={value}" for key, value in {**base, **changes}.items()]


def metrics(outcome):
    """What the load generator saw, in the units of the report."""
    broker, latency = outcome["broker"], outcome.get("latency") or {}
    frame_gb, payload_gb = outcome["frame_bytes"] / 1e9, outcome["payload_bytes"] / 1e9
    found = {
        "MB/s": outcome["payload_bytes"] / 1e6 / outcome["seconds"],
        "records/s": outcome["records"] / outcome["seconds"],
        "CPU s/GB": broker["cpu_s"] / frame_gb,
        "CPU s/payload GB": broker["cpu_s"] / payload_gb,
        "CPU s/M records": broker["cpu_s"] / (outcome["records"] / 1e6),
        "broker cores": broker["cpu_s"] / outcome["seconds"],
        "client cores": outcome["client_cpu_s"] / outcome["seconds"],
        "frame KB": outcome["frame_bytes"] / max(outcome["requests"], 1) / 1e3,
        "RssAnon MiB": broker["rss_anon_bytes"] / 2**20,
        "RSS MiB": broker["rss_bytes"] / 2**20,
    }
    found |= {f"{name} ms": latency[f"{key}_us"] / 1e3
              for name, key in [("p50", "p50"), ("p99", "p99"), ("p99.9", "p999"), ("max", "max")] if latency}
    return found


@contextmanager
def topic_of(broker, partitions, config=None):
    topic = f"cell-{next(_numbers)}"
    broker.create(topic, partitions, config)
    try:
        yield topic
    finally:
        broker.delete(topic)
        settle()


def produced(broker, topic, load, **limits):
    """Runs producers; `load` is a cell's, `limits` say when they stop."""
    words = ["--producers", load.get("producers", 1), "--partitions", load.get("partitions", 1),
             "--record-bytes", load["record_bytes"], "--acks", load.get("acks", "1"), "--codec", load.get("codec", "none")]
    words += ["--keyed"] * load.get("keyed", False)
    words += [word for name, value in limits.items() for word in (f"--{name.replace('_', '-')}", value)]
    words += settings(PRODUCER, load.get("set", {}))
    return json.loads(run_load("produce", broker.bootstrap, topic, "--pid", broker.pid, *words))


class Produce:
    """As fast as the broker takes it, each run into a new topic."""

    def __init__(self, broker, load, scale):
        self.broker, self.load, self.seconds = broker, load, 4 * scale

    def run(self):
        with topic_of(self.broker, self.load.get("partitions", 1), self.load.get("config")) as topic:
            return metrics(produced(self.broker, topic, self.load, seconds=self.seconds))

    def close(self):
        """Nothing is kept."""


class Consume:
    """A topic that is written once and read from its start in every run, out of the page cache."""

    def __init__(self, broker, load, scale):
        self.broker, self.load = broker, load
        self.topic = topic_of(broker, load.get("partitions", 1), load.get("config"))
        self.name = self.topic.__enter__()
        payload_bytes = int(load["fill_bytes"] * scale)
        self.records = produced(broker, self.name, load, seconds=600, payload_bytes=payload_bytes)["records"]
        settle()

    def run(self):
        outcome = run_load("consume", self.broker.bootstrap, self.name, "--pid", self.broker.pid,
                           "--consumers", self.load.get("consumers", 1), "--partitions", self.load.get("partitions", 1),
                           "--records", self.records, *settings(CONSUMER, {}))
        return metrics(json.loads(outcome))

    def close(self):
        self.topic.__exit__(None, None, None)
