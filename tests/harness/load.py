"""The load that a broker is killed under: writers that note what was acknowledged, and the check of all of it."""

import subprocess

from harness.brokers import die_with_parent, java
from harness.clients import rdkafka_program
from harness.javac import compiled
from harness.report import say

ROWS_PER_SECOND = 500
KINDS = ("idempotent", "plain")
CHECK_LIMIT_S = 600


class Load:
    """Java's and librdkafka's producers, idempotent and plain, a consumer and a committer; use it with `with`.

    A `strict` check demands everything that was acknowledged; otherwise a loss is counted, and what is there must be sound.
    """

    def __init__(self, broker, rows_per_second=ROWS_PER_SECOND, strict=True):
        self.broker = broker
        self.rows_per_second = rows_per_second
        self.strict = strict
        self.processes = []
        self.foreign = {}

    def __enter__(self):
        self.java = self._spawn(java(compiled("load/src"), "Acknowledged", self.broker.bootstrap, self.rows_per_second,
                                     "strict" if self.strict else "lossy", heap="3G"), subprocess.PIPE)
        if self.java.stdout.readline().strip() != "writing":
            raise AssertionError("the load did not begin")
        [program] = rdkafka_program("rdkafka_load")
        for kind in KINDS:
            topic, file = f"librdkafka-{kind}", self.broker.dir / f"acknowledged-{kind}"
            command = [program, self.broker.bootstrap, topic, kind, str(self.rows_per_second), str(file)]
            self.foreign[f"{topic} {kind} {file}"] = self._spawn(command, subprocess.DEVNULL)
        return self

    def _spawn(self, command, stdout):
        process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.DEVNULL,
                                   preexec_fn=die_with_parent)
        self.processes.append(process)
        return process

    def check(self):
        """Ends the writing and checks. Returns whether all is well, what was counted, by name, and what was said."""
        for process in self.foreign.values():
            process.communicate("", timeout=CHECK_LIMIT_S)
            if process.returncode != 0:
                raise AssertionError(f"a librdkafka producer ended with {process.returncode}")
        said, _ = self.java.communicate("".join(f"{line}\n" for line in self.foreign), timeout=CHECK_LIMIT_S)
        last = said.splitlines()[-1] if said else ""
        say(last)
        words = last.replace(",", "").split()[1:]
        counts = {name: int(count) for count, name in zip(words[::2], words[1::2])}
        return self.java.returncode == 0, counts, said[-3000:]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
