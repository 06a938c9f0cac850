"""The load generator's settings, which are the same for every contender, and what is made of its output."""

import itertools
import json
import subprocess
from contextlib import contextmanager

from brokers import program, run_load
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
# The clients of the latency cells wait for nobody.
PROMPT = {"linger.ms": 0, "acks": "all", "socket.nagle.disable": "true"}

_numbers = itertools.count()


def settings(base, changes=None):
    return [f"--set={key}={value}" for key, value in {**base, **(changes or {})}.items()]


@contextmanager
def topic_of(broker, partitions=1, config=None):
    topic = f"cell-{next(_numbers)}"
    broker.create(topic, partitions, config)
    try:
        yield topic
    finally:
        broker.delete(topic)
        settle()


def outcome_of(*arguments):
    """What a verb of the load generator prints last."""
    return json.loads(run_load(*arguments).splitlines()[-1])


def produced(broker, topic, load, **limits):
    """Runs producers; `load` is a cell's, `limits` say when they stop."""
    words = ["--producers", load.get("producers", 1), "--partitions", load.get("partitions", 1),
             "--record-bytes", load["record_bytes"], "--acks", load.get("acks", "1"), "--codec", load.get("codec", "none")]
    words += ["--keyed"] * load.get("keyed", False)
    words += [word for name, value in limits.items() for word in (f"--{name.replace('_', '-')}", value)]
    return outcome_of("produce", broker.bootstrap, topic, "--pid", broker.pid, *words, *settings(PRODUCER, load.get("set")))


def consume_words(broker, topic, load, records):
    return ["consume", broker.bootstrap, topic, "--pid", broker.pid, "--consumers", load.get("consumers", 1),
            "--partitions", load.get("partitions", 1), "--records", records, *settings(CONSUMER)]


def paced(broker, topic, load, rate, seconds):
    """Runs a producer in an open loop."""
    return outcome_of("latency", broker.bootstrap, topic, "--pid", broker.pid, "--rate", rate, "--seconds", seconds,
                      "--record-bytes", load["record_bytes"], "--partitions", load.get("partitions", 1),
                      *settings(PRODUCER, PROMPT))


@contextmanager
def connections(broker, hold=0, per_second=0, seconds=600.0):
    """Holds connections, or churns them, beside what is done meanwhile."""
    process = subprocess.Popen([program("load"), "connections", broker.bootstrap, "--hold", str(hold), "--per-second", str(per_second),
                                "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True)
    try:
        if not process.stdout.readline().startswith("held"):
            raise RuntimeError("the connections were not made")
        yield
    finally:
        process.kill()
        process.wait()


def latencies(outcome):
    latency = outcome.get("latency")
    names = [("p50", "p50_us"), ("p99", "p99_us"), ("p99.9", "p999_us"), ("max", "max_us")]
    return {f"{name} ms": latency[key] / 1e3 for name, key in names} if latency else {}


def metrics(outcome):
    """What the load generator saw, in the units of the report."""
    broker = outcome["broker"]
    return {
        "MB/s": outcome["payload_bytes"] / 1e6 / outcome["seconds"],
        "records/s": outcome["records"] / outcome["seconds"],
        "CPU s/GB": broker["cpu_s"] / (outcome["frame_bytes"] / 1e9),
        "CPU s/payload GB": broker["cpu_s"] / (outcome["payload_bytes"] / 1e9),
        "CPU s/M records": broker["cpu_s"] / (outcome["records"] / 1e6),
        "broker cores": broker["cpu_s"] / outcome["seconds"],
        "client cores": outcome["client_cpu_s"] / outcome["seconds"],
        "frame KB": outcome["frame_bytes"] / max(outcome["requests"], 1) / 1e3,
        "RssAnon MiB": broker["rss_anon_bytes"] / 2**20,
        "RSS MiB": broker["rss_bytes"] / 2**20,
    } | latencies(outcome)
