"""Power cuts: what was acknowledged is there, whatever else of it the disk keeps."""

import random
import time

from harness.disk import TidelogOnDisk
from harness.load import Load
from harness.report import say

CUTS = 5
LONG_CUTS = 100
# Enough to lose something of what nobody synced.
CUTS_TO_LOSE = 2
ROWS_PER_SECOND = 200
# So that segments are rolled and recovery points written while the power is cut.
PROPERTIES = {"log.segment.bytes": "1048576", "log.flush.offset.checkpoint.interval.ms": "1000", "log.index.interval.bytes": "512"}


def under_load(properties, cuts, strict):
    """Cuts the power again and again. Returns whether all is well, what was counted, and what was said."""
    with TidelogOnDisk(PROPERTIES | properties) as broker, Load(broker, ROWS_PER_SECOND, strict) as load:
        for number in range(cuts):
            time.sleep(random.uniform(0.3, 2.5))
            how = "drop" if number % 3 == 0 else str(random.getrandbits(32))
            broker.cut_power(how)
            began = time.monotonic()
            broker.start()
            say(f"power cut ({how}); ready again after {time.monotonic() - began:.2f} s")
        time.sleep(2)
        return load.check()


def power_cut(report, cuts=CUTS):
    """First the harness: it must see a broker lose what it does not sync. Then the default mode: nothing is lost."""
    ok, counts, said = under_load({"log.durability": "page-cache"}, CUTS_TO_LOSE, strict=False)
    report.note(counts.get("lost", 0) > 0, "the power cut reaches what is not synced", said)
    report.note(ok, "without syncs, what is left is sound", said)
    ok, _, said = under_load({}, cuts, strict=True)
    report.note(ok, "acknowledged records outlive power cuts", said)


def power_cut_long(report):
    power_cut(report, LONG_CUTS)
