"""The command line against a real Kafka: its own tests, given Kafka's address and directory."""

import os
import re
import subprocess

from harness.brokers import ROOT, Kafka

TIME_LIMIT_S = 300
# As `tests/run` has built them already.
CARGO_TEST = ["cargo", "test", "--workspace", "--test", "cli"]
RESULT = re.compile(r"^test (\S+) \.\.\. (ok|FAILED)$", re.M)


def with_kafka(report):
    subprocess.run([*CARGO_TEST, "--quiet", "--no-run"], check=True, cwd=ROOT)
    with Kafka() as kafka:
        address = {"TIDELOG_TEST_BOOTSTRAP": kafka.bootstrap, "TIDELOG_TEST_DATA": str(kafka.log_dirs[0])}
        run = subprocess.run(CARGO_TEST, text=True, cwd=ROOT, env=os.environ | address, timeout=TIME_LIMIT_S,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    results = RESULT.findall(run.stdout)
    for name, result in results:
        report.note(result == "ok", f"command line with kafka: {name}")
    report.note(run.returncode == 0 and results, "command line with kafka", run.stdout[-4000:] + run.stderr[-500:])
