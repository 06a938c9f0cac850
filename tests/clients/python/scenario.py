"""What the Python programs share: running scenarios by name and waiting for conditions."""

import inspect
import time
import traceback

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
ACKS = [0, 1, "all"]
LIMIT_S = 30
BIG = b"b" * 2_000_000


def numbered(count):
    return [b"record %d" % i for i in range(count)]


def expect(expected, actual):
    if expected != actual:
        raise AssertionError(f"expected {str(expected)[:200]} but got {str(actual)[:200]}")


def until(what, condition):
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {LIMIT_S} s: {what}")


def failure(why):
    line = traceback.extract_tb(why.__traceback__)[-1]
    return f"{type(why).__name__}: {' '.join(str(why).split())} ({line.name}:{line.lineno})"


def run(scenarios):
    """Runs each (name, function) in turn; `run_async` is its sister."""
    for name, scenario in scenarios:
        try:
            scenario()
            print(f"ok {name}", flush=True)
        except Exception as why:  # noqa: BLE001 - a scenario's failure is its result
            print(f"FAIL {name} {failure(why)}", flush=True)
    print("done", flush=True)


async def run_async(scenarios):
    for name, scenario in scenarios:
        try:
            result = scenario()
            if inspect.isawaitable(result):
                await result
            print(f"ok {name}", flush=True)
        except Exception as why:  # noqa: BLE001
            print(f"FAIL {name} {failure(why)}", flush=True)
    print("done", flush=True)
