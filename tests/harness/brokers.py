"""Starts and stops the two brokers that the tests compare: Apache Kafka and Tidelog.

Both are started from the same properties, each with its own ports and directory.
"""

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
READY_TIMEOUT_S = 180
STOP_TIMEOUT_S = 30
# Below the ephemeral range, so that no client's own port takes one between the check and the bind.
PORTS = range(*map(int, os.environ.get("TIDELOG_TEST_PORTS", "20000-29999").split("-")))

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "100",
}
# What Tidelog finalizes until the features' own issues, so that Kafka behaves alike.
FEATURES = ["group.version=0", "transaction.version=0", "share.version=0", "streams.version=0",
            "eligible.leader.replicas.version=0"]


def jars():
    """The folder with Kafka's jars, brought in when missing."""
    return Path(subprocess.run([TESTS / "kafka/install"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip())


def kafka_classpath():
    return f"{jars()}/kafka/*"


def java(classpath, *arguments, heap="256M", options=()):
    """The command line of one of Kafka's programs."""
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4", "-Xshare:auto",
            f"-Dlog4j2.configurationFile={TESTS}/kafka/log4j2.properties", *options, "-cp", classpath, *map(str, arguments)]


_taken, _taking = set(), threading.Lock()
_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """Run in a child before its program: it is killed when the tests end, however they end."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    for _ in range(1000):
        port = random.choice(PORTS)
        with _taking:
            if port in _taken:
                continue
            _taken.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError("no free port")


def wait_for(condition, what, timeout_s=READY_TIMEOUT_S, pause_s=0.05):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {timeout_s} s")
        time.sleep(pause_s)


class Broker:
    """One broker process with its directory; it can be stopped, killed and started again."""

    name = "broker"

    def __init__(self, properties=None, log_dirs=1):
        self.port, self.controller_port = free_port(), free_port()
        self.dir = Path(tempfile.mkdtemp(prefix=f"tidelog-test-{self.name}-"))
        self.log_dirs = [self.dir / f"data-{i}" if log_dirs > 1 else self.dir / "data" for i in range(log_dirs)]
        self.log = self.dir / "broker.log"
        self.config = self.dir / "server.properties"
        self.properties = {**PROPERTIES, **(properties or {})}
        self.properties |= {
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "log.dirs": ",".join(map(str, self.log_dirs)),
        }
        self.process = None

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        raise NotImplementedError

    def prepare(self):
        """What must be done once before the first start."""

    def start(self):
        self.launch()
        wait_for(self.ready, f"{self.name} being ready")
        return self

    def launch(self):
        first = not self.config.exists()
        self.config.write_text("".join(f"{key}={value}\n" for key, value in self.properties.items()))
        if first:
            self.prepare()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.dir, start_new_session=True, preexec_fn=die_with_parent)
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
        return answers_metadata(self.port)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        if self.alive():
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError(f"{self.name} did not stop within {STOP_TIMEOUT_S} s")
        return self.process.returncode if self.process else None

    def kill(self):
        self.stop(signal.SIGKILL)

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def resident_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def __enter__(self):
        if not self.alive():
            self.launch()
        wait_for(self.ready, f"{self.name} being ready")
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(f"---- the end of {self.name}'s log\n{self.tail()}\n----", flush=True)
        if self.alive():
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class Kafka(Broker):
    name = "kafka"
    cluster_id = "VGlkZWxvZy10ZXN0LTAwMQ"

    def prepare(self):
        features = [word for feature in FEATURES for word in ("--feature", feature)]
        subprocess.run(java(kafka_classpath(), "kafka.tools.StorageTool", "format", "-t", self.cluster_id,
                            "-c", self.config, *features), check=True, stdout=subprocess.PIPE)

    def command(self):
        return java(kafka_classpath(), "kafka.Kafka", self.config, heap="1G")


class Tidelog(Broker):
    name = "tidelog"

    def command(self):
        binary = os.environ.get("TIDELOG", ROOT / "target/release/tidelog")
        return [str(binary), "serve", "--config", str(self.config)]


def answers_metadata(port):
    """True when the broker answers a Metadata v1 request with itself among the brokers."""
    request = bytes.fromhex("0003 0001 00000001 ffff 00000000".replace(" ", ""))
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(len(request).to_bytes(4, "big") + request)
            length = int.from_bytes(read_exactly(connection, 4), "big")
            answer = read_exactly(connection, length)
            return int.from_bytes(answer[4:8], "big") > 0
    except OSError:
        return False


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data
