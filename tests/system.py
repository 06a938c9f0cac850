#!/usr/bin/env python3
"""The system tests: `tests/system.py` runs all, `tests/system.py NAME...` some, `tests/system.py --list` names them.

They need the release binary (or TIDELOG=PATH) and bring everything else in themselves.
"""

import sys

from harness import clients, commandline, damage, differential, directories, durability, faults, hostile, keys, memory, powercut, tools
from harness.report import Report

TESTS = {
    "differential-full": differential.full,
    "differential-header": differential.header,
    "tools": tools.with_tidelog,
    "clients": clients.with_tidelog,
    "cli-with-kafka": commandline.with_kafka,
    "milestone": durability.milestone,
    "crash": durability.crash,
    "power-cut": powercut.power_cut,
    "disk-full": faults.disk_full,
    "disk-fails": faults.disk_fails,
    "disk-cannot-be-read": faults.disk_cannot_be_read,
    "disk-stalls": faults.disk_stalls,
    "no-descriptors": faults.no_descriptors,
    "clean-stop": durability.clean_stop,
    "lock": durability.lock,
    "log-dirs": durability.log_dirs,
    "directories": directories.directories,
    "flipped-bits": damage.flipped_bits,
    "hostile": hostile.hostile,
    "memory": memory.memory_cap,
    "config-keys": keys.config_keys,
}
# Only by name: what takes long, and checks of the tests themselves.
BY_NAME = {
    "crash-long": durability.crash_long,
    "power-cut-long": powercut.power_cut_long,
    "disk-stalls-long": faults.disk_stalls_long,
    "differential-self": differential.with_kafka_itself,
    "tools-self": tools.with_kafka_itself,
    "clients-self": clients.with_kafka,
    "milestone-self": durability.with_kafka,
}


def main(names):
    if names == ["--list"]:
        print("\n".join([*TESTS, *BY_NAME]))
        return 0
    report = Report()
    for name in names or TESTS:
        report.run(name, (TESTS | BY_NAME)[name])
    return report.summary()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
