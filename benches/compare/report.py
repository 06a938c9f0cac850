"""What is printed while the cells run, and what is kept: JSON, a Markdown table, plots."""

from statistics import median

from bounds import judge

COLUMNS = ["MB/s", "records/s", "CPU s/GB", "CPU s/payload GB", "CPU s/M records", "broker cores", "client cores", "frame KB",
           "p50 ms", "p99 ms", "p99.9 ms", "max ms", "RssAnon MiB", "RSS MiB"]


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
    """(bound, ratio, met) of every bound that was measured."""
    found = [(bound, judge(bound, runs)) for bound in cell.bounds]
    return [(bound, *verdict) for bound, verdict in found if verdict]


def print_cell(cell, runs):
    columns = columns_of(runs)
    pairs = max(map(len, runs.values()))
    print(f"\n{cell.name} (median of {pairs})\n{'':16}" + "".join(f"{name:>17}" for name in columns))
    for contender, each in runs.items():
        middle = medians(each)
        print(f"  {contender:14}" + "".join(f"{number(middle.get(name)):>17}" for name in columns))
    for bound, ratio, met in verdicts(cell, runs):
        print(f"  {'met   ' if met else 'NOT MET'} {bound}: {ratio}", flush=True)
