"""The machine: what it is, what its kernel accounts to a process, and bringing memory and caches into a known state."""

import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path

# The rest is left to whoever else is on the machine.
SHARE_TOUCHED = 0.6


def available_bytes():
    meminfo = Path("/proc/meminfo").read_text()
    return int(meminfo.split("MemAvailable:")[1].split()[0]) * 1024


def touch_memory():
    """Touches memory once and gives it back: on a fresh virtual machine the first touch of a page costs ten times
    a later one, and whichever broker runs first would pay for it. A child does it, so that nothing stays."""
    size = int(available_bytes() * SHARE_TOUCHED)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    program = f"import mmap; mmap.mmap(-1, {size}, flags={flags})"
    subprocess.run([sys.executable, "-c", program], check=True)
    return size


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
    """CPU time of all threads that the process has or had, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid, field):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


def description():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = cpuinfo.split("model name\t: ")[1].splitlines()[0] if "model name" in cpuinfo else platform.machine()
    java = subprocess.run(["java", "-version"], text=True, stderr=subprocess.PIPE).stderr.splitlines()
    total = int(Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0])
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(total / 1024 / 1024, 1),
        "kernel": platform.release(),
        "java": java[0] if java else "unknown",
        "filesystem": subprocess.run(["df", "--output=fstype", os.environ.get("TMPDIR", "/tmp")], text=True,
                                     stdout=subprocess.PIPE).stdout.split()[-1],
    }
