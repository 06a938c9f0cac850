"""Cells about time: an open loop at a share of Kafka's own peak, end to end, and a live producer beside a catch-up reader.

What the client itself takes is measured with the stub and the floor, and taken off: the net figures.
"""

import subprocess

from brokers import program
from clients import PRODUCER, PROMPT, consume_words, latencies, metrics, outcome_of, paced, produced, settings, topic_of
from machine import settle
from throughput import ConsumeCold, Kind

# A quantile that the client's own noise hides is counted as this, so that a ratio can be formed.
LEAST_NET_MS = 0.01


def kafka_peak(fleet, load):
    """Records a second that Kafka takes from the same client in a closed loop; measured once."""
    key = (load["record_bytes"], load.get("partitions", 1))
    if key not in fleet.peaks:
        kafka = fleet.get("kafka")
        with topic_of(kafka, load.get("partitions", 1)) as topic:
            outcome = produced(kafka, topic, load | {"set": PROMPT, "acks": "all"}, seconds=3)
        fleet.peaks[key] = outcome["records"] / outcome["seconds"]
    return fleet.peaks[key]


def add_net(found, others, beneath):
    """Takes off what the client needs with a server that does nothing."""
    if beneath in others:
        for quantile in ("p50 ms", "p99 ms", "p99.9 ms"):
            found[f"net {quantile}"] = max(found[quantile] - others[beneath][quantile], LEAST_NET_MS)
    return found


class OpenLoop(Kind):
    """Records at a fixed rate, each timed from when it was due."""

    full_s = 8

    def __init__(self, fleet, name, load, scale):
        super().__init__(fleet, name, load, scale)
        self.rate = load["share"] * kafka_peak(fleet, load)

    def run(self, others):
        with topic_of(self.broker, self.load.get("partitions", 1)) as topic:
            found = metrics(paced(self.broker, topic, self.load, self.rate, self.full_s * self.scale))
        return add_net(found, others, "stub")


class EndToEnd(Kind):
    """One record at a time, from the producer's call to the consumer's."""

    full_records = 4_000

    def run(self, others):
        with topic_of(self.broker) as topic:
            found = metrics(outcome_of("end-to-end", self.broker.bootstrap, topic, "--pid", self.broker.pid, "--records",
                                       int(self.full_records * self.scale), "--record-bytes", self.load["record_bytes"],
                                       *settings(PRODUCER, PROMPT)))
        return add_net(found, others, "floor")


class CatchUp(ConsumeCold):
    """A live producer alone, then beside a consumer that reads an old topic from the disk."""

    full_s = 10

    def __init__(self, fleet, name, load, scale):
        super().__init__(fleet, name, load, scale)
        self.rate = load["share"] * kafka_peak(fleet, load)

    def live(self):
        with topic_of(self.broker) as topic:
            return latencies(paced(self.broker, topic, self.load, self.rate, self.full_s * self.scale))

    def run(self, others):
        settle()
        alone = self.live()
        self.drop_from_cache()
        words = consume_words(self.broker, self.name, self.load, self.records)
        reader = subprocess.Popen([program("load"), *map(str, words)], stdout=subprocess.DEVNULL)
        beside = self.live()
        still_reading = reader.poll() is None
        if reader.wait():
            raise RuntimeError("the catch-up reader failed")
        return beside | {"p99 alone ms": alone["p99 ms"], "p99 beside/alone": beside["p99 ms"] / alone["p99 ms"],
                         "reader outlasts": float(still_reading)}
