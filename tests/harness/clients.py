"""The clients net: programs in five languages, each a user of a client library, against one broker."""

import os
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from harness.brokers import ROOT, TESTS, Kafka, Tidelog, java
from harness.javac import CACHE, compiled
from harness.report import say
from harness.wire import ask, frame, text

TIME_LIMIT_S = 300
AT_ONCE = 3
CLIENTS = TESTS / "clients"
# What Kafka does not refuse: against it these have to fail.
REFUSED_BY_US = {"transactions-refused"}


def java_client(library):
    return java(compiled("clients/java", library), "Scenarios")


def python_client(program):
    requirements = CLIENTS / "python/requirements.txt"
    venv = CACHE / "venv"
    stamp = venv / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", "-r", requirements], check=True)
        stamp.write_text(requirements.read_text())
    return [venv / "bin/python", CLIENTS / "python" / program]


def go_client(name):
    program = CACHE / f"go-{name}"
    subprocess.run(["go", "build", "-o", program, "."], check=True, cwd=CLIENTS / "go" / name)
    return [program]


def js_client():
    copy = CACHE / "js"
    copy.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "kafkajs.js"):
        (copy / name).write_bytes((CLIENTS / "js" / name).read_bytes())
    subprocess.run(["npm", "install", "--silent", "--no-package-lock"], check=True, cwd=copy)
    return ["node", copy / "kafkajs.js"]


def rdkafka_program(name):
    subprocess.run(["cargo", "build", "--quiet", "-p", "system-tests", "--example", name], check=True, cwd=ROOT)
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return [f"{target}/debug/examples/{name}"]


def rdkafka_client():
    return rdkafka_program("rdkafka_scenarios")


PROGRAMS = {
    "java-4.3.1": lambda: java_client("kafka"),
    "java-2.8.2": lambda: java_client("old-client"),
    "rdkafka": rdkafka_client,
    "confluent-kafka": lambda: python_client("confluent.py"),
    "kafka-python": lambda: python_client("pure.py"),
    "aiokafka": lambda: python_client("aio.py"),
    "franz-go": lambda: go_client("franz"),
    "kafka-go": lambda: go_client("segmentio"),
    "kafkajs": js_client,
    "kcat": lambda: [CLIENTS / "kcat.sh"],
}


def create_topics(broker, prefix):
    """The topics with settings of their own for kcat, which cannot create any."""
    def topic(name, partitions, **configs):
        pairs = b"".join(text(key.replace("_", ".")) + text(value) for key, value in configs.items())
        return text(prefix + name) + struct.pack(">ihii", partitions, 1, 0, len(configs)) + pairs
    topics = [topic("rebalance", 4), topic("many", 1000), topic("big", 1, max_message_bytes="3000000")]
    ask(broker.port, frame(19, 2, struct.pack(">i", len(topics)) + b"".join(topics) + struct.pack(">i?", 30_000, False)))


def run_client(report, broker, name, command):
    run = subprocess.run([*map(str, command), broker.bootstrap, f"{name}-"], text=True, timeout=TIME_LIMIT_S,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = run.stdout.splitlines()
    for line in lines:
        if line.startswith(("ok ", "FAIL ")):
            word, scenario, *why = line.split(" ", 2)
            passes = not (scenario in REFUSED_BY_US and broker.name == "kafka")
            report.note((word == "ok") == passes, f"{name} {scenario}", " ".join(why))
    report.note(lines[-1:] == ["done"], f"{name} ran to its end", run.stderr[-2000:])


def all_against(report, broker, at_once):
    def one(name):
        began = time.monotonic()
        try:
            if name == "kcat":
                create_topics(broker, "kcat-")
            run_client(report, broker, name, commands[name])
        except (subprocess.SubprocessError, OSError) as why:
            report.note(False, name, f"{why}")
        say(f"client {name} took {time.monotonic() - began:.0f} s")

    names = os.environ.get("TIDELOG_TEST_CLIENTS", "").split() or PROGRAMS
    commands = {}
    for name in names:
        say(f"preparing client {name}")
        commands[name] = PROGRAMS[name]()
    with broker, ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, names))


def with_tidelog(report):
    all_against(report, Tidelog(), AT_ONCE)


def with_kafka(report):
    # One by one: while Kafka makes one client's 1,000 partitions, it tells the others of no new topic.
    all_against(report, Kafka(), 1)
