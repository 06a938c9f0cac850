"""The disk that loses what was not fsynced, and fails on command: `tests/powercut`, and a broker on it."""

import os
import subprocess

from harness.brokers import ROOT, Tidelog


def powercut_program():
    subprocess.run(["cargo", "build", "--quiet", "-p", "powercut"], check=True, cwd=ROOT)
    return f"{os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')}/debug/powercut"


class Disk:
    """A mounted file system; `tell` gives it one of the commands that `tests/powercut/src/main.rs` lists."""

    def __init__(self, mountpoint):
        mountpoint.mkdir()
        self.mountpoint = mountpoint
        # It ends with its input, and so with the tests.
        self.process = subprocess.Popen([powercut_program(), mountpoint], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        start_new_session=True)
        self._expect_ok("mount")

    def tell(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        self._expect_ok(command)

    def forget_pages(self):
        """Has whoever reads anything next read it from the disk."""
        for path in self.mountpoint.rglob("*"):
            if path.is_file():
                with open(path, "rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def _expect_ok(self, command):
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            raise AssertionError(f"{command}: {answer}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class TidelogOnDisk(Tidelog):
    """Tidelog with its log directories on such disks, one each."""

    def __init__(self, properties=None, disks=1):
        super().__init__(properties)
        self.disks = [Disk(self.dir / f"disk-{i}") for i in range(disks)]
        self.log_dirs = [self.dir / f"disk-{i}/data" for i in range(disks)]
        self.properties["log.dirs"] = ",".join(map(str, self.log_dirs))

    def tell(self, command):
        for disk in self.disks:
            disk.tell(command)

    def cut_power(self, how):
        """The machine goes down: the process is gone, and with it what the disk was not made to keep."""
        self.kill()
        self.tell(f"cut {how}")

    def __exit__(self, *exception):
        if self.alive():
            self.tell("heal")
            self.kill()
        for disk in self.disks:
            disk.close()
        super().__exit__(*exception)
