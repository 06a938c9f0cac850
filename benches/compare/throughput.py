"""Cells that go as fast as they can: producing, consuming hot and cold, and producing while something disturbs.

A kind of cell is made once per contender; `run` answers one run's metrics, whose names carry their units.
"""

import time

from clients import connections, consume_words, metrics, outcome_of, produced, topic_of
from machine import cpu_seconds, drop_from_cache, settle


class Kind:
    """What every kind of cell has."""

    takes_extras = True
    # Whether the first run of a JVM, whose compiler has not seen this load yet, is left out.
    warms = True

    def __init__(self, fleet, name, load, scale, broker=None):
        """`broker` is one of the cell's own, else the fleet's is taken."""
        self.broker, self.load, self.scale = broker or fleet.get(name), load, scale
        self.ready_machine = fleet.ready_machine

    def run(self, others):
        """One run; `others` has the metrics of those who ran before in this round."""
        raise NotImplementedError

    def close(self):
        """Gives back what the runs shared."""


class Produce(Kind):
    """Each run into a new topic."""

    full_s = 4

    def run(self, others):
        return metrics(self.produce(self.load.get("config")))

    def produce(self, config):
        with topic_of(self.broker, self.load.get("partitions", 1), config) as topic:
            return produced(self.broker, topic, self.load, seconds=self.full_s * self.scale)


class Consume(Kind):
    """A topic that is written once and read from its start in every run, out of the page cache."""

    def __init__(self, fleet, name, load, scale):
        super().__init__(fleet, name, load, scale)
        self.topic = topic_of(self.broker, load.get("partitions", 1), load.get("config"))
        self.name = self.topic.__enter__()
        payload_bytes = int(load["fill_bytes"] * scale)
        self.records = produced(self.broker, self.name, load, seconds=3600, payload_bytes=payload_bytes)["records"]
        settle()

    def run(self, others):
        return metrics(outcome_of(*consume_words(self.broker, self.name, self.load, self.records)))

    def close(self):
        self.topic.__exit__(None, None, None)


class ConsumeCold(Consume):
    """The same from the disk."""

    takes_extras = False

    def run(self, others):
        self.drop_from_cache()
        return super().run(others)

    def drop_from_cache(self):
        drop_from_cache(path for dir in self.broker.directories(self.name) for path in dir.glob("*.log"))
        # What it gave up is free memory now.
        self.ready_machine()


class Disturbed(Produce):
    """Producing with something else going on, against the same without; the disturbance's own cost is taken off."""

    takes_extras = False

    def __init__(self, fleet, name, load, scale):
        own = fleet.make(name, load["properties"]).start() if "properties" in load else None
        super().__init__(fleet, name, load, scale, own)

    def run(self, others):
        plain = metrics(self.produce(None))
        with connections(self.broker, **self.load.get("connections", {})):
            before_s, began = cpu_seconds(self.broker.pid), time.monotonic()
            time.sleep(self.full_s * self.scale)
            alone_cores = (cpu_seconds(self.broker.pid) - before_s) / (time.monotonic() - began)
            self.ready_machine()
            outcome = self.produce(self.load.get("config"))
        outcome["broker"]["cpu_s"] -= alone_cores * outcome["seconds"]
        disturbed = metrics(outcome)
        return disturbed | {
            "CPU s/GB alone": plain["CPU s/GB"],
            "disturbance alone cores": alone_cores,
            "CPU disturbed/alone": disturbed["CPU s/GB"] / plain["CPU s/GB"],
        }

    def close(self):
        if "properties" in self.load:
            self.broker.__exit__(None, None, None)
