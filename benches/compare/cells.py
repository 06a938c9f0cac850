"""The table of cells: what is run, against whom, and which bounds it has to meet."""

from dataclasses import dataclass
from typing import Any

from bounds import at_least, at_most
from durable import Durable
from footprint import Idle, IdleConnections, Partitions, Start
from java import JavaConsume, JavaEndToEnd, JavaProduce
from latency import CatchUp, EndToEnd, OpenLoop
from throughput import Consume, ConsumeCold, Disturbed, Produce

BOTH = ("tidelog", "kafka")
WITH_FLOOR = ("tidelog", "kafka", "floor")
# A topic to be consumed holds so many bytes of payload, by the size of its records.
FILL_BYTES = {10: 60e6, 100: 600e6, 1_000: 2e9, 100_000: 2e9}
SIZES = {10: "10b", 100: "100b", 1_000: "1k", 100_000: "100k"}
NEVER_SLOWER = at_least("MB/s", 1.0, "kafka")
MEMORY = at_most("RssAnon MiB", 0.05, "kafka")
# The cells of a quick run: at least one of each family that needs no large data.
QUICK = {
    "produce-1k-acks1-none-1p", "produce-1k-acksall-lz4-12p", "consume-1k-none-1p-1c", "consume-1k-none-12p-10c",
    "produce-100-partitions", "latency-50", "end-to-end", "durable-1p", "idle", "start-clean-small",
}


@dataclass(frozen=True)
class Cell:
    name: str
    kind: Any
    load: dict
    bounds: tuple
    contenders: tuple = BOTH

    @property
    def is_quick(self):
        return self.name in QUICK


def produce_cells():
    bounds = (at_most("CPU s/GB", 0.25, "kafka"), at_most("CPU s/GB", 2, "floor"), NEVER_SLOWER, MEMORY)
    for size in (1_000, 100_000):
        for acks in ("1", "all"):
            for codec in ("none", "lz4", "zstd"):
                for partitions in (1, 12):
                    load = {"record_bytes": size, "acks": acks, "codec": codec, "partitions": partitions}
                    yield Cell(f"produce-{SIZES[size]}-acks{acks}-{codec}-{partitions}p", Produce, load, bounds, WITH_FLOOR)
    for size in (10, 100):
        yield Cell(f"produce-{SIZES[size]}", Produce, {"record_bytes": size},
                   (at_most("CPU s/GB", 0.3, "kafka"), NEVER_SLOWER, MEMORY), (*WITH_FLOOR, "tidelog-full"))
    for size in (100, 1_000):
        # Several clients, so that the broker is the limit.
        yield Cell(f"produce-{SIZES[size]}-4-producers", Produce, {"record_bytes": size, "partitions": 12, "producers": 4},
                   (at_least("MB/s", 1.5, "kafka"), at_most("CPU s/GB", 0.3, "kafka"), MEMORY), WITH_FLOOR)


def consume_cells():
    bounds = (at_most("CPU s/GB", 1.0, "kafka"), at_most("CPU s/GB", 1.2, "floor"), NEVER_SLOWER, MEMORY)
    shapes = [(size, codec, partitions)
              for size in (1_000, 100_000) for codec in ("none", "lz4", "zstd") for partitions in (1, 12)]
    for size, codec, partitions in [*shapes, (10, "none", 1), (100, "none", 1)]:
        for consumers in (1, 10):
            load = {"record_bytes": size, "codec": codec, "partitions": partitions, "consumers": consumers,
                    "fill_bytes": FILL_BYTES[size] / (1 if consumers == 1 else 4)}
            yield Cell(f"consume-{SIZES[size]}-{codec}-{partitions}p-{consumers}c", Consume, load, bounds, WITH_FLOOR)
    yield Cell("consume-cold", ConsumeCold, {"record_bytes": 1_000, "fill_bytes": 4e9}, (NEVER_SLOWER,))


def small_batch_cells():
    bounds = (at_most("CPU s/M records", 0.35, "kafka"), NEVER_SLOWER, MEMORY)
    for partitions in (100, 1_000):
        # A short queue, or the records that it holds at the end would take longer than the run.
        few = {"batch.num.messages": 10, "queue.buffering.max.kbytes": 16_384}
        load = {"record_bytes": 1_000, "partitions": partitions, "set": few}
        more = (at_most("RssAnon MiB", 96),) if partitions == 1_000 else ()
        yield Cell(f"produce-{partitions}-partitions", Produce, load, (*bounds, *more))
        hundred = load | {"set": {"batch.num.messages": 100}}
        yield Cell(f"produce-{partitions}-partitions-100r", Produce, hundred, bounds)
        single = load | {"set": {"batch.num.messages": 1, "queue.buffering.max.kbytes": 4_096}}
        yield Cell(f"produce-{partitions}-partitions-1r", Produce, single, bounds)
    keyed = {"record_bytes": 1_000, "partitions": 100, "producers": 50, "keyed": True,
             "set": {"queue.buffering.max.kbytes": 4_096}}
    yield Cell("produce-50-producers-keyed", Produce, keyed, bounds)
    java = {"record_bytes": 1_000, "records": 1_000_000}
    yield Cell("java-produce-16k", JavaProduce, java, bounds)
    yield Cell("java-produce-16k-12p", JavaProduce, java | {"partitions": 12}, bounds)
    yield Cell("java-consume-16k", JavaConsume, java, (at_most("CPU s/M records", 1.0, "kafka"), NEVER_SLOWER))


def latency_cells():
    for share in (10, 50, 80):
        yield Cell(f"latency-{share}", OpenLoop, {"record_bytes": 1_000, "share": share / 100},
                   (at_most("net p99 ms", 0.5, "kafka"), at_most("net p99.9 ms", 0.3, "kafka")), ("stub", *BOTH))
    yield Cell("end-to-end", EndToEnd, {"record_bytes": 1_000},
               (at_most("p50 ms", 0.5, "kafka"), at_most("p99 ms", 0.3, "kafka"),
                at_most("net p50 ms", 0.5, "kafka"), at_most("net p99 ms", 0.3, "kafka")), ("floor", *BOTH))
    yield Cell("java-end-to-end", JavaEndToEnd, {"record_bytes": 1_000, "records": 5_000},
               (at_most("p50 ms", 0.5, "kafka"), at_most("p99 ms", 0.3, "kafka")))
    yield Cell("catch-up", CatchUp, {"record_bytes": 1_000, "share": 0.1, "fill_bytes": 10e9},
               (at_most("p99 beside/alone", 1.5), at_most("p99 ms", 0.5, "kafka")))


def disturbed_cells():
    bounds = (at_most("CPU disturbed/alone", 1.1),)
    rolling = {"record_bytes": 1_000, "properties": {"log.retention.check.interval.ms": "1000"},
               "config": {"segment.bytes": "16777216", "retention.bytes": "67108864"}}
    yield Cell("produce-rolling-retention", Disturbed, rolling, bounds)
    yield Cell("produce-4000-connections", Disturbed, {"record_bytes": 1_000, "connections": {"hold": 4_000}}, bounds)
    yield Cell("produce-1000-connects-a-second", Disturbed,
               {"record_bytes": 1_000, "connections": {"per_second": 1_000}}, bounds)


def durable_cells():
    bounds = (at_least("MB/s", 0.9, "kafka", "disk", ours="tidelog-fsync"),
              at_least("MB/s", 10, "kafka-flush1", ours="tidelog-fsync"))
    for partitions in (1, 12, 100, 1_000):
        memory = (at_most("RssAnon MiB", 96, ours="tidelog-fsync"),) if partitions == 1_000 else ()
        yield Cell(f"durable-{partitions}p", Durable, {"record_bytes": 1_000, "acks": "all", "partitions": partitions},
                   (*bounds, *memory), ("tidelog-fsync", "kafka", "kafka-flush1", "disk"))


def footprint_cells():
    yield Cell("idle", Idle, {}, (at_most("RSS MiB", 32), at_most("RssAnon MiB", 0.05, "kafka")))
    yield Cell("idle-connections", IdleConnections, {"count": 4_000}, (at_most("KiB/connection", 8),))
    start = (at_most("start s", 0.2), at_most("start s", 0.05, "kafka"))
    yield Cell("start-clean-small", Start, {"partitions": 100, "fill_bytes": 1e9}, start)
    yield Cell("start-clean", Start, {"partitions": 1_000, "fill_bytes": 10e9}, start)
    yield Cell("start-killed", Start, {"partitions": 1_000, "fill_bytes": 10e9, "kill": True},
               (at_most("start s", 0.1, "kafka"),))
    yield Cell("10000-partitions", Partitions, {"partitions": 10_000, "descriptors": 20_000},
               (at_most("create s", 0.2, "kafka"), at_most("KiB/partition", 32)))


# A second of each kind: that the harness itself still works.
SMOKE = [
    Cell("smoke-produce", Produce, {"record_bytes": 1_000}, (at_most("CPU s/GB", 20, "floor"),), ("tidelog", "floor")),
    Cell("smoke-consume", Consume, {"record_bytes": 1_000, "fill_bytes": 1e9}, (at_most("CPU s/GB", 20, "floor"),),
         ("tidelog", "floor")),
    Cell("smoke-end-to-end", EndToEnd, {"record_bytes": 100}, (), ("floor", "tidelog")),
    Cell("smoke-durable", Durable, {"record_bytes": 1_000, "partitions": 12}, (), ("tidelog-fsync", "disk")),
    Cell("smoke-connections", Disturbed, {"record_bytes": 1_000, "connections": {"per_second": 100}}, (), ("tidelog",)),
    Cell("smoke-idle", Idle, {}, (at_most("RSS MiB", 32),), ("tidelog",)),
]
CELLS = [*produce_cells(), *consume_cells(), *small_batch_cells(), *latency_cells(), *durable_cells(), *disturbed_cells(),
         *footprint_cells()]
