"""The table of cells: what is run, against whom, and which bounds it has to meet."""

from dataclasses import dataclass
from typing import Any

from bounds import at_least, at_most
from kinds import Consume, Produce

BOTH = ("tidelog", "kafka")
WITH_FLOOR = ("tidelog", "kafka", "floor")
# A topic to be consumed holds so many bytes of payload, by the size of its records.
FILL_BYTES = {10: 60_000_000, 100: 600_000_000, 1_000: 2_000_000_000, 100_000: 2_000_000_000}
SIZES = {10: "10b", 100: "100b", 1_000: "1k", 100_000: "100k"}
NEVER_SLOWER = at_least("MB/s", 1.0)


@dataclass(frozen=True)
class Cell:
    name: str
    kind: Any
    load: dict
    bounds: tuple
    contenders: tuple = BOTH
    quick: bool = False


def produce_cells():
    bounds = (at_most("CPU s/GB", 0.25), at_most("CPU s/GB", 2.0, "floor"), NEVER_SLOWER)
    for size in (1_000, 100_000):
        for acks in ("1", "all"):
            for codec in ("none", "lz4", "zstd"):
                for partitions in (1, 12):
                    load = {"record_bytes": size, "acks": acks, "codec": codec, "partitions": partitions}
                    name = f"produce-{SIZES[size]}-acks{acks}-{codec}-{partitions}p"
                    quick = name in ("produce-1k-acks1-none-1p", "produce-1k-acksall-lz4-12p", "produce-100k-acks1-none-1p")
                    yield Cell(name, Produce, load, bounds, WITH_FLOOR, quick)
    for size in (10, 100):
        yield Cell(f"produce-{SIZES[size]}", Produce, {"record_bytes": size},
                   (at_most("CPU s/GB", 0.3), NEVER_SLOWER), (*WITH_FLOOR, "tidelog-full"), quick=size == 100)


def consume_cells():
    bounds = (at_most("CPU s/GB", 1.0), at_most("CPU s/GB", 1.2, "floor"), NEVER_SLOWER)
    shapes = [(size, codec, partitions) for size in (1_000, 100_000) for codec in ("none", "lz4", "zstd") for partitions in (1, 12)]
    for size, codec, partitions in [*shapes, (10, "none", 1), (100, "none", 1)]:
        for consumers in (1, 10):
            load = {"record_bytes": size, "codec": codec, "partitions": partitions, "consumers": consumers,
                    "fill_bytes": FILL_BYTES[size] / (1 if consumers == 1 else 4)}
            name = f"consume-{SIZES[size]}-{codec}-{partitions}p-{consumers}c"
            quick = name in ("consume-1k-none-1p-1c", "consume-1k-none-12p-10c")
            yield Cell(name, Consume, load, bounds, WITH_FLOOR, quick)


CELLS = [*produce_cells(), *consume_cells()]
