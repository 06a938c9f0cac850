"""A flipped bit in any of the small files beside the records, and in the metadata log: told, or of no consequence."""

import random
import shutil

from harness.brokers import wait_for
from harness.node import CLUSTER_METADATA, EARLIEST, Node, small_batch

TOPICS = {"one": 5, "two": 3}
LATEST = -1
DELETED = 2
BITS_PER_FILE = 6
FILES = (f"{CLUSTER_METADATA}/00000000000000000000.log", f"{CLUSTER_METADATA}/raft-state", f"{CLUSTER_METADATA}/quorum-state",
         "meta.properties", "recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "replication-offset-checkpoint",
         ".kafka_cleanshutdown", "one-0/partition.metadata", "one-0/leader-epoch-checkpoint")
# Of these a damaged one stops the start; the others can be done without.
VITAL = FILES[:2] + ("meta.properties",)


def flipped_bits(report):
    with Node() as node:
        for topic, count in TOPICS.items():
            node.create(topic)
            for _ in range(count):
                node.write(topic, small_batch())
        node.delete_records("one", DELETED)
        node.stop()
        kept = node.dir / "kept"
        shutil.copytree(node.log_dirs[0], kept)
        for name in FILES:
            size = (kept / name).stat().st_size
            for bit in random.sample(range(size * 8), min(BITS_PER_FILE, size * 8)):
                fault = start_with(node, kept, name, bit)
                report.note(fault is None, f"{name}: bit {bit} the other way", fault or "")


def start_with(node, kept, name, bit):
    """What is wrong with a start on the kept directory with that bit flipped; None if nothing is."""
    folder = node.log_dirs[0]
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    damaged = bytearray((folder / name).read_bytes())
    damaged[bit // 8] ^= 1 << bit % 8
    (folder / name).write_bytes(damaged)
    already_said = node.log.stat().st_size
    node.launch()
    wait_for(lambda: not node.alive() or answers(node), "a start or its end", timeout_s=20)
    said = node.log.read_bytes()[already_said:].decode(errors="replace")
    if "panic" in said:
        return said
    if not node.alive():
        is_named = name.rsplit("/")[-1] in said or name == FILES[0] and "metadata log" in said
        return None if name in VITAL and is_named else said
    ends = {topic: node.offset(topic, LATEST) for topic in TOPICS}
    begins = node.offset("one", EARLIEST)
    node.kill()
    if ends != TOPICS:
        return f"ends {ends}: {said}"
    # A log start that cannot be read brings deleted records back, which is said; it takes none away.
    if begins != DELETED and (begins != 0 or name not in said):
        return f"begins at {begins}: {said}"
    return None


def answers(node):
    try:
        return node.ready()
    except RuntimeError:
        return False
