"""What is printed while the cells run, and what is kept of them: JSON, a Markdown table, plots."""

import json
from statistics import median

import machine
from bounds import judge
from clients import CONSUMER, PRODUCER
from plots import bars

COLUMNS = ["MB/s", "records/s", "CPU s/GB", "CPU s/payload GB", "CPU s/M records", "broker cores", "client cores", "frame KB",
           "p50 ms", "p99 ms", "p99.9 ms", "max ms", "RssAnon MiB", "RSS MiB"]
PLOTS = {"cpu": "CPU s/GB", "throughput": "MB/s", "latency": "p99 ms", "memory": "RssAnon MiB"}


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def medians(runs):
    """The median of every metric over a contender's runs."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: median(run[name] for run in runs if name in run) for name in names}


def columns_of(runs):
    present = {name for each in runs.values() for run in each for name in run}
    return [name for name in COLUMNS if name in present] + sorted(present - set(COLUMNS))


def verdicts(cell, runs):
    """(bound, ratio, met) of every bound; one that could not be measured has no ratio and is not met."""
    return [(bound, *(judge(bound, runs) or (None, False))) for bound in cell.bounds]


def load_of(load):
    """What a cell asks of its clients, beside their fixed settings."""
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in load.items())


def print_cell(cell, runs):
    print(f"\n{cell.name} (median of {max(map(len, runs.values()))}): {load_of(cell.load)}")
    columns = columns_of(runs)
    widths = [max(len(name), 9) + 2 for name in columns]
    print(f"{'':16}" + "".join(f"{name:>{width}}" for name, width in zip(columns, widths)))
    for contender, each in runs.items():
        middle = medians(each)
        values = (f"{number(middle.get(name)):>{width}}" for name, width in zip(columns, widths))
        print(f"  {contender:14}" + "".join(values))
    for bound, ratio, met in verdicts(cell, runs):
        print(f"  {'met    ' if met else 'NOT MET'} {bound}: {ratio or 'not measured'}", flush=True)


def as_json(cell, runs):
    bounds = [{"bound": str(bound), "ratio": ratio and ratio.median, "spread": ratio and [ratio.low, ratio.high], "met": met}
              for bound, ratio, met in verdicts(cell, runs)]
    return {"load": cell.load, "commit": machine.commit(), "runs": runs, "bounds": bounds}


def ratio_text(bound):
    if bound["ratio"] is None:
        return "not measured"
    low, high = bound["spread"]
    return f"{bound['ratio']:.3g}" + (f" [{low:.3g}, {high:.3g}]" if low < high else "")


def markdown(kept):
    described = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in kept["machine"].items())
    lines = ["# Tidelog beside Apache Kafka 4.3.1", "", f"Machine: {described}.", "", "Made by:", ""]
    lines += [f"    {command}" for command in kept["commands"]]
    for who, values in (("Producers", PRODUCER), ("Consumers", CONSUMER)):
        lines += ["", f"{who}: " + ", ".join(f"`{key}={value}`" for key, value in values.items()) + "."]
    lines += ["", "Medians of the runs. A ratio is the median of the paired runs' ratios, with its 95 % interval.",
              "`benches/README.md` tells how to read this.", "", "| cell | bound | ratio | met |", "|---|---|---|---|"]
    for name, cell in kept["cells"].items():
        for bound in cell["bounds"]:
            lines.append(f"| {name} | {bound['bound']} | {ratio_text(bound)} | {'yes' if bound['met'] else '**no**'} |")
    for name, cell in kept["cells"].items():
        columns = columns_of(cell["runs"])
        lines += ["", f"## {name}", "", f"`{load_of(cell['load'])}`, commit {cell['commit']}", "", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        for contender, each in cell["runs"].items():
            middle = medians(each)
            lines.append(f"| {contender} | {' | '.join(number(middle.get(column)) for column in columns)} |")
    return "\n".join(lines) + "\n"


def plot(kept, metric):
    """Bars of one metric over the cells that have it."""
    found = {name: {contender: medians(each)[metric] for contender, each in cell["runs"].items()
                    if any(metric in run for run in each)} for name, cell in kept["cells"].items()}
    return bars(metric, {name: values for name, values in found.items() if values})


class Results:
    """`DIR/NAME.json` and what is made of it. A cell that is run again stands in for its older self."""

    def __init__(self, dir, name, description, command):
        self.dir, self.path = dir, dir / f"{name}.json"
        self.name = name
        self.kept = {"machine": description, "commands": [], "cells": {}}
        if self.path.exists():
            older = json.loads(self.path.read_text())
            if older["machine"] == description:
                self.kept = older
        if command not in self.kept["commands"]:
            self.kept["commands"].append(command)

    def add(self, cell, runs):
        self.kept["cells"][cell.name] = as_json(cell, runs)
        self.dir.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(self.kept, indent=1) + "\n")
        self.path.with_suffix(".md").write_text(markdown(self.kept))
        for word, metric in PLOTS.items():
            (self.dir / f"{self.name}-{word}.svg").write_text(plot(self.kept, metric))
