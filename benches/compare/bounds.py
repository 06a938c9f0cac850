"""Bounds on a cell: a metric of one contender against the same of another, run by run."""

import math
from dataclasses import dataclass
from statistics import mean, median, stdev

# Student's t for a two-sided interval of 95 %, by degrees of freedom.
T95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23, 14: 2.14, 19: 2.09}
# How far the median may be on the wrong side of a bound of 1.0 that the interval reaches.
PARITY_SLACK = 0.03


@dataclass(frozen=True)
class Bound:
    """`ours` / `against` of a metric is at most, or at least, `limit`."""

    metric: str
    limit: float
    at_least: bool = False
    against: str = "kafka"
    ours: str = "tidelog"

    def __str__(self):
        return f"{self.metric} of {self.ours} {'>=' if self.at_least else '<='} {self.limit:g} x {self.against}"


@dataclass(frozen=True)
class Ratio:
    median: float
    low: float
    high: float

    def __str__(self):
        spread = f" [{self.low:.3g}, {self.high:.3g}]" if self.low < self.high else ""
        return f"{self.median:.3g}{spread}"


def at_most(metric, limit, against="kafka", ours="tidelog"):
    return Bound(metric, limit, False, against, ours)


def at_least(metric, limit, against="kafka", ours="tidelog"):
    return Bound(metric, limit, True, against, ours)


def paired_ratio(ours, theirs):
    """The ratio of runs that were made beside each other, with its 95 % interval (of the mean of its logarithm)."""
    ratios = [a / b for a, b in zip(ours, theirs) if a is not None and b]
    if not ratios:
        return None
    if len(ratios) == 1 or min(ratios) <= 0:
        return Ratio(median(ratios), min(ratios), max(ratios))
    logs = [math.log(ratio) for ratio in ratios]
    freedom = max(known for known in T95 if known <= len(logs) - 1)
    half = T95[freedom] * stdev(logs) / math.sqrt(len(logs))
    return Ratio(median(ratios), math.exp(mean(logs) - half), math.exp(mean(logs) + half))


def is_met(bound, ratio):
    """Whether the bound holds. Parity is met when the interval reaches it and the median is close."""
    sign = -1 if bound.at_least else 1
    if sign * ratio.median <= sign * bound.limit:
        return True
    reaches = ratio.high >= bound.limit if bound.at_least else ratio.low <= bound.limit
    return bound.limit == 1.0 and reaches and abs(ratio.median - 1) <= PARITY_SLACK


def judge(bound, runs):
    """`runs` is {contender: [metrics of each run]}; answers (ratio, met), or None when it was not measured."""
    values = [[run.get(bound.metric) for run in runs.get(name, [])] for name in (bound.ours, bound.against)]
    ratio = paired_ratio(*values)
    return ratio and (ratio, is_met(bound, ratio))
