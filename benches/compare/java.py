"""Cells with Kafka's own perf tools, whose batches are 16 KiB. Their JVM's start is not part of the broker's CPU time."""

import re
import subprocess
import time

from brokers import harness
from clients import topic_of
from machine import cpu_seconds, memory_bytes
from throughput import Kind


def tool(name, *arguments):
    command = harness.java(harness.kafka_classpath(), f"org.apache.kafka.tools.{name}", *arguments)
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


class JavaTool(Kind):
    """One run of a tool against a new topic, with the broker's CPU time around it."""

    def run(self, others):
        with topic_of(self.broker, self.load.get("partitions", 1)) as topic:
            self.prepare(topic)
            before_s, began = cpu_seconds(self.broker.pid), time.monotonic()
            found = self.use(topic)
            used_s, took_s = cpu_seconds(self.broker.pid) - before_s, time.monotonic() - began
            rss_anon_mib = memory_bytes(self.broker.pid, "RssAnon") / 2**20
        return found | {
            "CPU s/M records": used_s / (self.records() / 1e6),
            "broker cores": used_s / took_s,
            "RssAnon MiB": rss_anon_mib,
        }

    def records(self):
        return int(self.load["records"] * self.scale)

    def prepare(self, topic):
        """What has to be in the topic."""

    def produce(self, topic):
        return tool("ProducerPerformance", "--bootstrap-server", self.broker.bootstrap, "--topic", topic, "--num-records",
                    self.records(), "--record-size", self.load["record_bytes"], "--throughput", -1, "--command-property",
                    "acks=all", "linger.ms=0", "batch.size=16384")


class JavaProduce(JavaTool):
    def use(self, topic):
        last = self.produce(topic).splitlines()[-1]
        number = {name: float(value) for value, name in re.findall(r"([\d.]+) (records/sec|ms max|ms 50th|ms 99th|ms 99.9th)", last)}
        return {"records/s": number["records/sec"], "MB/s": number["records/sec"] * self.load["record_bytes"] / 1e6,
                "p50 ms": number["ms 50th"], "p99 ms": number["ms 99th"], "p99.9 ms": number["ms 99.9th"],
                "max ms": number["ms max"]}


class JavaConsume(JavaTool):
    def prepare(self, topic):
        self.produce(topic)

    def use(self, topic):
        row = tool("ConsumerPerformance", "--bootstrap-server", self.broker.bootstrap, "--topic", topic, "--num-records",
                   self.records(), "--hide-header", "--timeout", 60_000).splitlines()[-1].split(", ")
        # start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
        return {"MB/s": float(row[8]) * 2**20 / 1e6, "records/s": float(row[9])}


class JavaEndToEnd(JavaTool):
    def use(self, topic):
        text = tool("EndToEndLatency", self.broker.bootstrap, topic, self.records(), "all", self.load["record_bytes"])
        quantiles = dict(re.findall(r"(50th|99th|99\.9th) = (\d+)", text))
        return {"p50 ms": float(quantiles["50th"]), "p99 ms": float(quantiles["99th"]), "p99.9 ms": float(quantiles["99.9th"])}
