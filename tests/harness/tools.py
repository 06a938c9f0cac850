"""The tools net: Kafka's command-line tools against Kafka and against Tidelog, outputs compared."""

import difflib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from harness.brokers import TESTS, Kafka, Tidelog, java
from harness.javac import compiled
from harness.report import say

TIME_LIMIT_S = 900
NET = TESTS / "tools"
# What two brokers may rightly differ in, and what stands in its place.
NORMAL = [
    (r"127\.0\.0\.1:\d+", "HOST:PORT"),
    (r"/\S*tidelog-test-[^/\s\",]*", "DIR"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{22}(?![\w-])|A{22}", "ID"),
    (r"(CreateTime|LogAppendTime|timestamp|Timestamp):? ?\d{13}", r"\1 TIME"),
    (r"\b1[789]\d{11}\b", "TIME"),
    (r"(console|perf)-consumer-\d+\b *", r"\1-consumer-N "),
    # Tidelog knows one metadata version, Kafka all since its first.
    (r"only supports versions (7|30)-30", "only supports versions up to 30"),
    (r"producerId: -?\d+", "producerId: ID"),
    (r'"(brokerEpoch|nextProducerId|port)":\d+', r'"\1":N'),
    (r'("topic":"load".*?"offset":)\d+', r"\1N"),
    (r"\bcrc: \d+", "crc: CRC"),
    (r"((?:Exception|Error): ).*", r"\1A TEXT"),
    (r"(\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\]).*", r"LOG LINE"),
]
# So that retention is at work while the tools look.
PROPERTIES = {"log.initial.task.delay.ms": "500", "log.retention.check.interval.ms": "500"}
NUMBERS = [(r"-?\d[\d,.]*", "N"), (r" +", " ")]
# What a dump says of a record, without where it lies; where a formatter goes on without a new line; and words that no tool says when all is well with a file.
ENTRY = re.compile(r'(key: \{|\{"key":|payload: |LeaderChange: ).*')
NEXT_ENTRY = re.compile(r'(?<=\})(?=\{"key":)')
# Between the elements of a list of objects, whose order is not told.
NEXT_OBJECT = re.compile(r"(?<=\}),|(?<=\[)(?=\{)|(?<=\})(?=\])")
COMPLAINTS = re.compile(r"corrupt|mismatch|non-consecutive|Found [^0]|isvalid: false", re.I)


def results(output):
    """What each command of a run answered, in order: (command, exit code line, other lines)."""
    for block in output.split("#### ")[1:]:
        command, *lines = block.rstrip("\n").split("\n")
        yield command, lines[:1], lines[1:]


def entry(line):
    """What is compared of a line of a dump."""
    found = ENTRY.search(line)
    return found.group() if found else COMPLAINTS.search(line) and line


def normalized(command, lines):
    how = re.match(r"\[(.*?)\]", command)
    how = how.group(1).split() if how else []
    if "entries" in how:
        lines = [entry(part) for line in lines for part in NEXT_ENTRY.split(line) if entry(part)]
    if "json" in how:
        lines = [part for line in lines for part in NEXT_OBJECT.split(line)]
    measured = "numbers" in how or "figures" in how
    for pattern, replacement in NORMAL + (NUMBERS if measured else []):
        lines = [re.sub(pattern, replacement, line) for line in lines]
    lines = [line.rstrip() for line in lines if "LOG LINE" not in line and not line.startswith("err \tat ")]
    if "figures" in how or "entries" in how:
        return sorted(set(lines))
    return sorted(lines) if "sorted" in how else lines


def deliberate():
    """Lines "COMMAND PATTERN | LINE PATTERN | reason": output lines that are left out of the comparison."""
    lines = (NET / "deliberate.txt").read_text().splitlines()
    parts = [line.split(" | ", 2) for line in lines if line.strip() and not line.startswith("#")]
    return [(re.compile(command.strip()), re.compile(line.strip())) for command, line, _ in parts]


def without_deliberate(command, lines, excuses):
    patterns = [line for which, line in excuses if which.search(command)]
    return [line for line in lines if not any(pattern.search(line) for pattern in patterns)]


def run_tools(broker, heap="768M"):
    tmp = broker.dir / "tmp"
    tmp.mkdir()
    program = java(compiled("tools/src"), "tools.ToolsRunner", NET / "tools.cases", f"B={broker.bootstrap}",
                   f"DATA={broker.log_dirs[0]}", f"TMP={tmp}", heap=heap)
    with open(broker.dir / "tools.err", "w") as errors:
        return subprocess.run(program, text=True, stdout=subprocess.PIPE, stderr=errors, timeout=TIME_LIMIT_S).stdout


def compare(report, kafka, other, excuses):
    with ThreadPoolExecutor() as pool:
        expected, actual = pool.map(lambda broker: list(results(run_tools(broker))), (kafka, other))
    report.note(len(expected) == len(actual), "tools", f"ran to the end: {len(expected)} and {len(actual)} commands")
    for (command, code, lines), (_, other_code, other_lines) in zip(expected, actual):
        if not code:
            continue
        wanted = code + without_deliberate(command, normalized(command, lines), excuses)
        given = other_code + without_deliberate(command, normalized(command, other_lines), excuses)
        report.note(wanted == given, command)
        if wanted != given:
            for line in list(difflib.unified_diff(wanted, given, "kafka", other.name, lineterm="", n=0))[2:22]:
                say(f"    {line[:300]}")


def with_kafka_itself(report):
    kafka, other = Kafka(PROPERTIES).launch(), Kafka(PROPERTIES).launch()
    with kafka, other:
        compare(report, kafka, other, [])


def with_tidelog(report):
    kafka, tidelog = Kafka(PROPERTIES).launch(), Tidelog(PROPERTIES).launch()
    with kafka, tidelog:
        compare(report, kafka, tidelog, deliberate())
