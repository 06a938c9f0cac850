"""The differential net: the same requests to Kafka and to Tidelog, in both validation modes."""

import os
import re
import subprocess
import threading

from harness.brokers import TESTS, Kafka, Tidelog, java, wait_for
from harness.javac import compiled

TIME_LIMIT_S = 600
NET = TESTS / "differential"
# The records of most cases are older than any retention, and which broker looks first is not told.
PROPERTIES = {"log.initial.task.delay.ms": "3600000"}


def compare(report, kafka, other, options):
    driver = java(compiled("differential/src"), "differential.Differential", "--kafka", kafka.bootstrap,
                  "--other", other.bootstrap, "--cases", NET / "cases", *options,
                  "--only", os.environ.get("TIDELOG_TEST_ONLY", ""), heap="512M")
    counted = None
    with subprocess.Popen(driver, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        limit = threading.Timer(TIME_LIMIT_S, run.kill)
        limit.start()
        for line in run.stdout:
            print(line, end="", flush=True)
            counted = re.search(r"pairs: (\d+) passed, (\d+) failed", line) or counted
            if line.startswith("restart "):
                restart((kafka, other), dict(word.split("=", 1) for word in line.split()[1:]))
                run.stdin.write("\n")
                run.stdin.flush()
        limit.cancel()
    if not counted:
        raise RuntimeError(f"the driver ended with {run.returncode} before it had counted")
    passed, failed = map(int, counted.groups())
    report.add(passed, failed, "differential")
    if run.returncode and not failed:
        raise RuntimeError("the table or the list of deliberate differences is not up to date, or a version was not asked")


def restart(brokers, properties):
    for broker in brokers:
        broker.stop()
        broker.properties |= properties
        broker.launch()
    for broker in brokers:
        wait_for(broker.ready, f"{broker.name} being ready")


def with_kafka_itself(report):
    """Kafka against Kafka: shows that a difference is the other broker's and not the test's."""
    kafka, other = Kafka(PROPERTIES).launch(), Kafka(PROPERTIES).launch()
    with kafka, other:
        compare(report, kafka, other, [])


def with_tidelog(report, validation, lists, table):
    kafka, tidelog = Kafka(PROPERTIES).launch(), Tidelog(PROPERTIES | {"log.record.validation": validation}).launch()
    with kafka, tidelog:
        compare(report, kafka, tidelog, ["--deliberate", ",".join(str(NET / name) for name in lists),
                                         *(["--errors", NET / "errors.txt", "--table", NET / "ERRORS.md"] if table else [])])


def elsewhere():
    """The system tests that `errors.txt` names as provoking an error."""
    return set(re.findall(r" tests/system\.py ([\w-]+)", (NET / "errors.txt").read_text()))


def full(report):
    known = set(re.findall(r'^    "([\w-]+)":', (TESTS / "system.py").read_text(), re.M))
    report.note(elsewhere() <= known, "differential", f"errors.txt names tests that are none: {elsewhere() - known}")
    with_tidelog(report, "full", ["deliberate.txt"], table=True)


def header(report):
    with_tidelog(report, "header", ["deliberate.txt", "deliberate-header.txt"], table=False)
