"""What must outlive a broker: a file's lines, a million records, everything acknowledged before a SIGKILL."""

import hashlib
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from harness import wire
from harness.brokers import Kafka, Tidelog, java, kafka_classpath, read_exactly, wait_for
from harness.load import Load
from harness.report import say

STATUS_FILE = Path("/var/lib/dpkg/status")
FILE_LINES = 300_000
RECORDS = 1_000_000
RECORD_BYTES = 1_000
KILLS = 6
LONG_KILLS = 200
# After every other kill, the broker that starts is killed again, and the one after it, so long at most after each start:
# one takes 0.06 s on an idle machine and several times that on a busy one.
KILL_STARTS_WITHIN_S = (0.04, 0.1, 0.3)
READY = b" is ready after "
# So that segments are rolled while it is killed.
SMALL_SEGMENTS = {"log.segment.bytes": "4194304"}
TOOL_LIMIT_S = 300
PRODUCERS = 4
IN_FLIGHT = 8
STOP_LIMIT_S = 3


def tool(name, *arguments, heap="512M", **options):
    return subprocess.run(java(kafka_classpath(), f"org.apache.kafka.tools.{name}", *arguments, heap=heap), check=True,
                          timeout=TOOL_LIMIT_S, stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, **options)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def big_file(folder):
    """The machine's package status file, repeated until it has a few hundred thousand lines."""
    lines = STATUS_FILE.read_text(errors="replace").splitlines()
    while len(lines) < FILE_LINES:
        lines += lines
    path = folder / "status"
    path.write_text("\n".join(lines[:FILE_LINES]) + "\n")
    return path


def read_back(broker, sent, name):
    received = broker.dir / name
    with open(received, "wb") as out:
        tool("consumer.ConsoleConsumer", "--bootstrap-server", broker.bootstrap, "--topic", "status", "--from-beginning",
             "--max-messages", FILE_LINES, "--timeout-ms", 60_000, stdout=out)
    if sha256(sent) != sha256(received):
        raise AssertionError(f"what came out is not what went in: {received.stat().st_size} of {sent.stat().st_size} bytes")


def count_of(broker, topic):
    lines = tool("GetOffsetShell", "--bootstrap-server", broker.bootstrap, "--topic", topic).stdout.decode().split()
    return sum(int(line.rsplit(":", 1)[1]) for line in lines)


def milestone(report, broker=None):
    """The first thing that Tidelog had to do: a file and a million records in and out, and again after a SIGKILL."""
    with broker or Tidelog() as broker:
        sent = big_file(broker.dir)
        with open(sent, "rb") as lines:
            tool("ConsoleProducer", "--bootstrap-server", broker.bootstrap, "--topic", "status", stdin=lines)
        read_back(broker, sent, "received")
        report.note(True, "a file goes through the console tools")
        measured = tool("ProducerPerformance", "--topic", "perf", "--num-records", RECORDS, "--record-size", RECORD_BYTES,
                        "--throughput", -1, "--bootstrap-server", broker.bootstrap, "--command-property", "acks=all")
        say(measured.stdout.decode().splitlines()[-1])
        report.note(count_of(broker, "perf") == RECORDS, "a million records are written")
        consume_perf(report, broker, "a million records are read")
        broker.kill()
        broker.start()
        report.note(count_of(broker, "perf") == RECORDS, "a million records are there after SIGKILL")
        read_back(broker, sent, "received-again")
        report.note(True, "the file is there after SIGKILL")
        consume_perf(report, broker, "a million records are read after SIGKILL")


def consume_perf(report, broker, name):
    read = tool("ConsumerPerformance", "--bootstrap-server", broker.bootstrap, "--topic", "perf", "--num-records", RECORDS)
    line = read.stdout.decode().splitlines()[-1]
    say(line)
    report.note(int(line.split(",")[4]) >= RECORDS, name, line)


def crash(report, kills=KILLS):
    """SIGKILL at any moment under load, and of a start: what was acknowledged is there, in order, once."""
    with Tidelog(SMALL_SEGMENTS) as broker, Load(broker) as load:
        cut_short = 0
        for number in range(kills):
            time.sleep(random.uniform(0.3, 2.5))
            broker.kill()
            if number % 2:
                cut_short += kill_starts(broker)
            began = time.monotonic()
            broker.start()
            say(f"killed; ready again after {time.monotonic() - began:.2f} s")
        report.note(cut_short > 0, "a start is killed before it is done")
        time.sleep(2)
        ok, _, said = load.check()
        report.note(ok, "acknowledged records outlive SIGKILL", said)


def kill_starts(broker):
    """Kills a broker in the midst of its start, and the one that starts after it: while it recovers logs, replays metadata,
    writes checkpoints. Answers how many had not come to say that they are ready."""
    cut_short = 0
    for within_s in KILL_STARTS_WITHIN_S:
        said_before = broker.log.stat().st_size
        broker.launch()
        time.sleep(random.uniform(0, within_s))
        broker.kill()
        if broker.process.returncode != -signal.SIGKILL:
            raise AssertionError(f"a start ended with {broker.process.returncode}:\n{broker.tail()}")
        with open(broker.log, "rb") as log:
            log.seek(said_before)
            cut_short += READY not in log.read()
    say(f"{cut_short} of {len(KILL_STARTS_WITHIN_S)} starts are cut short")
    return cut_short


def crash_long(report):
    crash(report, LONG_KILLS)


def clean_stop(report):
    """SIGTERM ends it soon and leaves Kafka's mark of a clean shutdown, which the next start takes away."""
    with Tidelog() as broker:
        code = broker.stop()
        report.note(code == 0, "SIGTERM ends it without an error", f"exit code {code}")
        mark = broker.log_dirs[0] / ".kafka_cleanshutdown"
        report.note(mark.exists(), "a clean shutdown leaves its mark")
        broker.start()
        report.note(not mark.exists(), "a start takes the mark away")
        stop_under_load(report, broker)


def stop_under_load(report, broker):
    """What was begun before a SIGTERM is answered: nothing is kept that its producer was not told of."""
    topic, answers = "stopped", []
    tool("TopicCommand", "--bootstrap-server", broker.bootstrap, "--create", "--topic", topic)
    producers = [threading.Thread(target=produce_to_the_end, args=(broker.port, topic, answers)) for _ in range(PRODUCERS)]
    for producer in producers:
        producer.start()
    time.sleep(1)
    began = time.monotonic()
    broker.stop()
    took = time.monotonic() - began
    for producer in producers:
        producer.join()
    report.note(set(answers) == {0}, "no request is refused by a stop", f"{len(answers)} answers, codes {set(answers)}")
    report.note(took < STOP_LIMIT_S, "a stop under load is soon done", f"{took:.2f} s")
    broker.start()
    kept = count_of(broker, topic)
    report.note(kept == len(answers), "a stop answers all that is kept", f"{kept} kept, {len(answers)} answered")


def produce_to_the_end(port, topic, answers):
    """Produces with requests in flight until the broker closes the connection; notes the code of each answer."""
    request = wire.produce(topic, wire.batch(wire.record(b"some")))
    with socket.create_connection(("127.0.0.1", port), TOOL_LIMIT_S) as connection:
        try:
            connection.sendall(request * IN_FLIGHT)
            while True:
                answer = read_exactly(connection, int.from_bytes(read_exactly(connection, 4), "big"))
                # Behind the correlation id, one topic with its name, one partition with its index.
                answers.append(struct.unpack_from(">h", answer, 4 + 4 + 2 + len(topic) + 4 + 4)[0])
                try:
                    connection.sendall(request)
                except OSError:
                    pass  # the broker reads no more, and its last answers are still to come
        except OSError:
            pass


def lock(report):
    """A second process on the same directory is refused."""
    with Tidelog() as broker:
        second = Tidelog()
        second.properties["log.dirs"] = broker.properties["log.dirs"]
        second.launch()
        wait_for(lambda: not second.alive(), "the second process ending", timeout_s=20)
        said = second.log.read_text()
        report.note(second.process.returncode != 0 and re.search("lock|using", said), "a second process is refused", said)
        report.note(broker.ready(), "the first one goes on")


def log_dirs(report):
    """Partitions are spread over several directories; one of them lost, the others go on."""
    with Tidelog(log_dirs=3) as broker:
        tool("TopicCommand", "--bootstrap-server", broker.bootstrap, "--create", "--topic", "spread", "--partitions", 9)
        produce = ("ProducerPerformance", "--topic", "spread", "--num-records", 900, "--record-size", 100, "--throughput", -1,
                   "--bootstrap-server", broker.bootstrap, "--command-property", "acks=all", "batch.size=200")
        tool(*produce)
        counts = [len(list(folder.glob("spread-*"))) for folder in broker.log_dirs]
        report.note(counts == [3, 3, 3], "partitions are spread over the log dirs", f"{counts}")
        broker.stop()
        broker.start()
        report.note(count_of(broker, "spread") == 900, "everything is there after a restart")


def with_kafka(report):
    milestone(report, Kafka())
