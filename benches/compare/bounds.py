"""Bounds on a cell: a metric of one contender against the same of another, run by run."""

import math
from dataclasses import dataclass
from statistics import mean, median, stdev

# Student's t for a two-sided interval of 95 %, by degrees of freedom.
T95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 14: 2.14, 19: 2.09, 29: 2.05}
# How far the median may be on the wrong side of a bound of 1.0 that the interval reaches.
PARITY_SLACK = 0.03


@dataclass(frozen=True)
class Bound:
    """A metric of `ours` is at most, or at least, `limit` times that of `against`: of the lowest of them if it names
    several. Against nobody, the limit is in the metric's own unit."""

    metric: str
    limit: float
    at_least: bool
    against: tuple
    ours: str

    def __str__(self):
        times = f" x {' or '.join(self.against)}" if self.against else ""
        return f"{self.metric} of {self.ours} {'>=' if self.at_least else '<='} {self.limit:g}{times}"


def at_most(metric, limit, *against, ours="tidelog"):
    return Bound(metric, limit, False, against, ours)


def at_least(metric, limit, *against, ours="tidelog"):
    return Bound(metric, limit, True, against, ours)


@dataclass(frozen=True)
class Ratio:
    median: float
    low: float
    high: float

    def __str__(self):
        spread = f" [{self.low:.3g}, {self.high:.3g}]" if self.low < self.high else ""
        return f"{self.median:.3g}{spread}"


def ratio_of(ratios):
    """The median of paired ratios, with the 95 % interval of the mean of their logarithms."""
    if len(ratios) == 1 or min(ratios) <= 0:
        return Ratio(median(ratios), min(ratios), max(ratios))
    logs = [math.log(ratio) for ratio in ratios]
    freedom = max(known for known in T95 if known <= len(logs) - 1)
    half = T95[freedom] * stdev(logs) / math.sqrt(len(logs))
    return Ratio(median(ratios), math.exp(mean(logs) - half), math.exp(mean(logs) + half))


def is_met(bound, ratio):
    """Whether the bound holds. Parity is met when the interval reaches it and the median is close."""
    if ratio.median == bound.limit or (ratio.median > bound.limit) == bound.at_least:
        return True
    return reaches_parity(bound, ratio) and abs(ratio.median - 1) <= PARITY_SLACK


def reaches_parity(bound, ratio):
    """Whether it is a bound of parity, and the interval leaves room for it."""
    reaches = ratio.high >= bound.limit if bound.at_least else ratio.low <= bound.limit
    return bound.limit == 1.0 and bool(bound.against) and reaches


def judge(bound, runs):
    """`runs` is {contender: [metrics of each run]}; answers (ratio, met), or None when it was not measured."""
    ratios = []
    for number, ours in enumerate(runs.get(bound.ours, [])):
        theirs = [runs[name][number].get(bound.metric) for name in bound.against if len(runs.get(name, [])) > number]
        if bound.metric not in ours or len(theirs) < len(bound.against) or not all(theirs):
            continue
        ratios.append(ours[bound.metric] / min(theirs, default=1))
    if not ratios:
        return None
    ratio = ratio_of(ratios)
    return ratio, is_met(bound, ratio)


def is_open(bounds, runs):
    """Whether more pairs may show that a bound of parity is met after all."""
    verdicts = [(bound, judge(bound, runs)) for bound in bounds]
    return any(verdict and not verdict[1] and reaches_parity(bound, verdict[0]) for bound, verdict in verdicts)
