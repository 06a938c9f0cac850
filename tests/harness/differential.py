"""The differential net: the same requests to Kafka and to Tidelog, in both validation modes."""

import os
import re
import subprocess

from harness.brokers import TESTS, Kafka, Tidelog, java
from harness.javac import compiled

TIME_LIMIT_S = 600
NET = TESTS / "differential"




def compare(report, kafka, other, options):
    driver = java(compiled("differential/src"), "differential.Differential", "--kafka", kafka.bootstrap,
                  "--other", other.bootstrap, "--cases", NET / "cases", *options,
                  "--only", os.environ.get("TIDELOG_TEST_ONLY", ""), heap="512M")
    run = subprocess.run(driver, text=True, stdout=subprocess.PIPE, timeout=TIME_LIMIT_S)
    print(run.stdout, end="", flush=True)
    counted = re.search(r"pairs: (\d+) passed, (\d+) failed", run.stdout)
    if not counted:
        raise RuntimeError(f"the driver ended with {run.returncode} before it had counted")
    passed, failed = map(int, counted.groups())
    report.add(passed, failed, "differential")
    if run.returncode and not failed:
        raise RuntimeError("the table or the list of deliberate differences is not up to date")


def with_kafka_itself(report):
    """Kafka against Kafka: shows that a difference is the other broker's and not the test's."""
    kafka, other = Kafka().launch(), Kafka().launch()
    with kafka, other:
        compare(report, kafka, other, ["--errors", NET / "errors.txt", "--table", NET / "ERRORS.md"])


def with_tidelog(report, validation, lists, table):
    kafka, tidelog = Kafka().launch(), Tidelog({"log.record.validation": validation}).launch()
    with kafka, tidelog:
        compare(report, kafka, tidelog, ["--deliberate", ",".join(str(NET / name) for name in lists),
                                         *(["--errors", NET / "errors.txt", "--table", NET / "ERRORS.md"] if table else [])])


def full(report):
    with_tidelog(report, "full", ["deliberate.txt"], table=True)


def header(report):
    with_tidelog(report, "header", ["deliberate.txt", "deliberate-header.txt"], table=False)
