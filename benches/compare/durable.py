"""Cells with fsync before every acknowledgement, beside Kafka without and with, and beside the disk itself."""

import shutil
import tempfile

from clients import PRODUCER, metrics, outcome_of, produced, topic_of
from machine import settle
from throughput import Kind

IN_FLIGHT = PRODUCER["max.in.flight.requests.per.connection"]


class Durable(Kind):
    """Producing; `kafka-flush1` is Kafka syncing after every message, `disk` no broker at all."""

    full_s = 5

    def __init__(self, fleet, name, load, scale):
        self.is_disk = name == "disk"
        self.config = {"flush.messages": "1"} if name == "kafka-flush1" else None
        if self.is_disk:
            self.load, self.scale = load, scale
        else:
            super().__init__(fleet, name.removesuffix("-flush1"), load, scale)

    def run(self, others):
        if self.is_disk:
            return self.disk(others["tidelog-fsync"])
        with topic_of(self.broker, self.load["partitions"], self.config) as topic:
            return metrics(produced(self.broker, topic, self.load, seconds=self.full_s * self.scale))

    def disk(self, ours):
        """A request has one partition, so as many files are dirty as requests are under way."""
        requests = IN_FLIGHT * self.load.get("producers", 1)
        dir = tempfile.mkdtemp(prefix="tidelog-disk-")
        try:
            written = outcome_of("disk", dir, "--files", min(self.load["partitions"], requests), "--bytes-per-commit",
                                 int(requests * ours["frame KB"] * 1e3), "--seconds", self.full_s * self.scale)
        finally:
            shutil.rmtree(dir)
            settle()
        return {"MB/s": written["bytes"] / 1e6 / written["seconds"], "commits/s": written["commits"] / written["seconds"]}
