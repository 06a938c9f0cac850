"""Counts what passed and what failed, and says what is being done."""

import sys
import time
import traceback

_started = time.monotonic()


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = []

    def note(self, ok, name, why=""):
        if ok:
            self.passed += 1
        else:
            self.failed.append(name)
            say(f"FAIL {name} {why}")

    def add(self, passed, failed, name):
        """What a program of its own counted."""
        self.passed += passed
        self.failed += [f"{name}: one of its own"] * failed

    def run(self, name, step):
        """Runs one test; whatever it raises is its failure and nobody else's."""
        say(f"== {name}")
        began, before = time.monotonic(), self.passed
        failed_before = len(self.failed)
        try:
            step(self)
            if self.passed == before and len(self.failed) == failed_before:
                self.passed += 1
        except Exception as why:  # noqa: BLE001 - every failure is reported, none ends the run
            traceback.print_exc(file=sys.stdout)
            self.note(False, name, f"{type(why).__name__}: {why}")
        say(f"== {name}: {self.passed - before} passed, {len(self.failed) - failed_before} failed,"
            f" {time.monotonic() - began:.0f} s")

    def summary(self):
        for name in self.failed:
            print(f"failed: {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def say(text):
    print(f"[{time.monotonic() - _started:6.1f}] {text}", flush=True)
