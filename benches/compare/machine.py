"""The machine: what it is, what its kernel accounts to a process, and bringing memory and caches into a known state."""

import os
import platform
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

STEP_BYTES = 1 << 20
# Which of a process's clocks: the scheduler's, to the nanosecond.
CPUCLOCK_SCHED = 2
# More than is ever read of it; nothing of it is on the disk.
SPARSE_BYTES = 1 << 43
CONGESTION_CONTROL = Path("/proc/sys/net/ipv4/tcp_congestion_control")


class PageCacheFiller:
    """Keeps memory as it is on a machine that has been up for long: none is free, all is page cache.

    A virtual machine gives free pages back to its host, and the first touch of a page then costs ten times a later one:
    whoever writes into free memory pays for the host. So before each run as much of a sparse file is read as there is
    free memory. Its clean pages are what the kernel takes next."""

    def __init__(self):
        self.file = tempfile.TemporaryFile()
        self.file.truncate(SPARSE_BYTES)
        self.position = 0

    def fill(self):
        step = bytearray(STEP_BYTES)
        for _ in range(meminfo_bytes("MemFree") // STEP_BYTES):
            os.preadv(self.file.fileno(), [step], self.position)
            self.position += STEP_BYTES


@contextmanager
def usual_congestion_control():
    """Has TCP's congestion control be cubic, as Linux comes with it, where that may be changed.

    BBR paces every socket with a timer, on loopback too: a GB that is sent then costs two to three times as much, from one
    run to the next by as much again."""
    before = CONGESTION_CONTROL.read_text()
    try:
        CONGESTION_CONTROL.write_text("cubic")
    except OSError:
        # Not root's to run: the results say which it is.
        pass
    try:
        yield
    finally:
        if CONGESTION_CONTROL.read_text() != before:
            CONGESTION_CONTROL.write_text(before)


def meminfo_bytes(field):
    return int(Path("/proc/meminfo").read_text().split(f"{field}:")[1].split()[0]) * 1024


def settle():
    """Leaves no write-back to the next run."""
    os.sync()


def drop_from_cache(paths):
    """Has the kernel forget the pages of these files, so that they are read from the disk."""
    settle()
    for path in paths:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cpu_seconds(pid):
    """CPU time of all threads that the process has or had, user and system, by its own clock: `/proc` counts in ticks."""
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


def memory_bytes(pid, field):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


def commit():
    """What was measured."""
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], text=True, stdout=subprocess.PIPE).stdout.strip()


def description():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = cpuinfo.split("model name\t: ")[1].splitlines()[0] if "model name" in cpuinfo else platform.machine()
    java = subprocess.run(["java", "-version"], text=True, stderr=subprocess.PIPE).stderr.splitlines()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(meminfo_bytes("MemTotal") / 2**30, 1),
        "kernel": platform.release(),
        "congestion control": CONGESTION_CONTROL.read_text().strip(),
        "java": java[0] if java else "unknown",
        "filesystem": subprocess.run(["df", "--output=fstype", os.environ.get("TMPDIR", "/tmp")], text=True,
                                     stdout=subprocess.PIPE).stdout.split()[-1],
    }
