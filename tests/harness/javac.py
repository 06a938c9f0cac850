"""Compiles the tests' own Java programs, against Kafka's jars or an old client's."""

import hashlib
import os
import subprocess
from pathlib import Path

from harness.brokers import TESTS, jars

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tidelog-tests"


def compiled(sources, library="kafka"):
    """The class path of the Java files under `sources`, compiled when they have changed since."""
    files = sorted((TESTS / sources).rglob("*.java"))
    digest = hashlib.sha256(library.encode() + b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    classes = CACHE / f"classes-{digest}"
    libraries = f"{jars()}/{library}/*"
    if not (classes / "complete").exists():
        subprocess.run(["javac", "-nowarn", "-Xlint:none", "-d", classes, "-cp", libraries, *files], check=True)
        (classes / "complete").touch()
    return f"{classes}:{libraries}"
