"""The contenders: Apache Kafka as its own scripts start it, Tidelog's release build, the floor, and any other by address.

Each has a name, a bootstrap address and a process id, and makes and drops topics.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from harness import brokers as harness  # noqa: E402

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# Which build of the clients is used.
profile = "release"

# What kafka-server-start.sh and kafka-run-class.sh of 4.3 give the JVM.
KAFKA_HEAP = ["-Xmx1G", "-Xms1G"]
KAFKA_FLAGS = ["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
               "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"]
# What is deleted goes soon, so that runs do not fill the disk or leave pages to be written during the next one. Kafka keeps a
# deleted topic for its broker-wide delay, whatever the topic says.
TOPIC = {"file.delete.delay.ms": "0"}
KAFKA_DELETES = {"log.segment.delete.delay.ms": "500"}


def program(name):
    """Where one of our own programs, `load` or `floor`, is built."""
    return TARGET / profile / name


def run_load(*arguments):
    """Runs the load generator; its output is what it prints."""
    run = subprocess.run([program("load"), *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        raise RuntimeError(f"load {' '.join(map(str, arguments))}\n{run.stderr[:2000]}")
    return run.stdout


class Topics:
    """Makes and drops topics over the wire."""

    def create(self, topic, partitions, config=None):
        pairs = [f"--config={key}={value}" for key, value in {**TOPIC, **(config or {})}.items()]
        run_load("create", self.bootstrap, topic, "--partitions", partitions, *pairs)

    def delete(self, topic):
        """Returns when its files are gone too: they go later than the answer comes, and give their pages back with them."""
        run_load("delete", self.bootstrap, topic)
        harness.wait_for(lambda: not self.directories(topic), f"the files of {topic} being gone")

    def directories(self, topic):
        """Those of its partitions, as far as they are there."""
        return [path for dir in self.log_dirs for path in dir.glob(f"{topic}-*")]


class Kafka(Topics, harness.Kafka):
    """Apache Kafka, without what the tests change of it."""

    name = "kafka"

    def prepare(self):
        subprocess.run(harness.java(harness.kafka_classpath(), "kafka.tools.StorageTool", "format", "-t", self.cluster_id,
                                    "-c", self.config), check=True, stdout=subprocess.DEVNULL)

    def command(self):
        return ["java", *KAFKA_HEAP, *KAFKA_FLAGS, f"-Dlog4j2.configurationFile={harness.TESTS}/kafka/log4j2.properties",
                "-cp", harness.kafka_classpath(), "kafka.Kafka", str(self.config)]

    @property
    def pid(self):
        return self.process.pid


class Tidelog(Topics, harness.Tidelog):
    """Tidelog; `properties` set it apart from the other forms of itself."""

    # How many files it may have open, where that is limited.
    descriptors = None

    def __init__(self, name, properties):
        self.name = name
        super().__init__(properties)

    def command(self):
        limited = ["prlimit", f"--nofile={self.descriptors}:{self.descriptors}"] if self.descriptors else []
        return [*limited, *super().command(), "--log", "warn"]

    @property
    def pid(self):
        return self.process.pid


class Floor:
    """The floor has one topic, whatever its name, and begins anew with it."""

    def __init__(self, name="floor", options=()):
        self.name, self.options = name, options
        self.port = harness.free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.process = self.dir = None

    def start(self):
        return self

    def create(self, topic, partitions, config=None):
        self.dir = tempfile.mkdtemp(prefix="tidelog-floor-")
        self.process = subprocess.Popen(
            [program("floor"), "--listen", self.bootstrap, "--dir", self.dir, "--partitions", str(partitions), *self.options],
            preexec_fn=harness.die_with_parent)
        harness.wait_for(lambda: harness.answers_metadata(self.port), "the floor being ready", pause_s=0.01)

    def delete(self, topic):
        self.kill()

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.dir, ignore_errors=True)
            self.process = None


class Extra(Topics):
    """A broker that runs already: NAME=HOST:PORT:PID."""

    # Where its files are is not known.
    log_dirs = ()

    def __init__(self, text):
        self.name, _, address = text.partition("=")
        host, port, pid = address.rsplit(":", 2)
        self.bootstrap, self.pid = f"{host}:{port}", int(pid)

    def start(self):
        return self

    def create(self, topic, partitions, config=None):
        try:
            super().create(topic, partitions, config)
        except RuntimeError:
            # It may not know the configuration that only tidies up.
            run_load("create", self.bootstrap, topic, "--partitions", partitions)

    def kill(self):
        """It is not ours to end."""


# What Tidelog has where no file says otherwise: the kernel sizes the sockets' buffers.
OWN = {"socket.send.buffer.bytes": "-1", "socket.receive.buffer.bytes": "-1"}
PAGE_CACHE = OWN | {"log.durability": "page-cache"}
MAKERS = {
    "kafka": lambda more: Kafka(KAFKA_DELETES | more),
    "tidelog": lambda more: Tidelog("tidelog", PAGE_CACHE | more),
    "tidelog-full": lambda more: Tidelog("tidelog-full", PAGE_CACHE | {"log.record.validation": "full"} | more),
    "tidelog-fsync": lambda more: Tidelog("tidelog-fsync", OWN | more),
    "floor": lambda more: Floor(),
    "stub": lambda more: Floor("stub", ["--discard"]),
}


class Fleet:
    """Every contender that was asked for, started and warmed up when first needed, ended together."""

    def __init__(self, extras, warm_up, ready_machine):
        self.running = {}
        self.extras = {extra.name: extra for extra in map(Extra, extras)}
        self.warm_up = warm_up
        # Has the machine be the same for each load that is compared with another.
        self.ready_machine = ready_machine
        # Kafka's own peak, by shape of load; the latency cells are paced by it.
        self.peaks = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for broker in self.running.values():
            broker.kill()
            if isinstance(broker, harness.Broker):
                shutil.rmtree(broker.dir, ignore_errors=True)

    def get(self, name):
        if name not in self.running:
            self.running[name] = self.extras.get(name) or self.make(name)
            self.running[name].start()
            self.warm_up(self, name)
        return self.running[name]

    def make(self, name, properties=None):
        """A contender of its own for a cell, not started and not kept."""
        return MAKERS[name](properties or {})
