"""What becomes of directories: a metadata log that begins with a checkpoint, one apart from the others, one that is lost."""

import re
import shutil
import struct

from harness import wire
from harness.brokers import Tidelog, wait_for
from harness.disk import TidelogOnDisk
from harness.durability import tool
from harness.faults import made, produce
from harness.node import CLUSTER_METADATA, EARLIEST, TOPIC, Answer, Node, listed, settle, small_batch

STORAGE_ERROR = 56
PARTITIONS = 6


def metadata_checkpoint(report):
    """Topics and configurations outlive a SIGKILL when the metadata log is read from a checkpoint on."""
    with Node({"metadata.log.max.record.bytes.between.snapshots": 2000}) as node:
        for number in range(40):
            node.create(f"topic-{number}", partitions=2, retention_ms=1000 + number)
        node.alter(TOPIC, "topic-7", "segment.bytes", 1 << 21)
        report.note(settle(lambda: node.segments(CLUSTER_METADATA, ".checkpoint")), "a checkpoint is written")
        before = describe(node)
        node.kill()
        newest = node.segments(CLUSTER_METADATA, ".checkpoint")[-1]
        node.trace = ["-e", "trace=openat"]
        node.start()
        after = describe(node)
        report.note(node.traced(newest.name), "the newest checkpoint is read at start", newest.name)
        report.note(before == after and len(after) > 40, "topics and configurations are there after SIGKILL")
        report.note(node.produce("topic-0", small_batch())[0] == 0, "and are written to")
        told = tool("DumpLogSegments", "--cluster-metadata-decoder", "--files", newest).stdout.decode()
        wanted = ("SnapshotHeader", "SnapshotFooter", "TOPIC_RECORD", "PARTITION_RECORD", "CONFIG_RECORD", "topic-0")
        report.note(all(word in told for word in wanted), "kafka-dump-log reads the checkpoint", told[-2000:])


def describe(node):
    """What the metadata says, as it is told to people; leader epochs rise with every start."""
    told = tool("TopicCommand", "--bootstrap-server", node.bootstrap, "--describe").stdout.decode()
    return sorted(line for line in told.splitlines() if line.strip())


def metadata_dir(report):
    """`metadata.log.dir` outside of `log.dirs` is formatted and locked as Kafka's is."""
    node = Node()
    apart = node.dir / "metadata"
    node.properties["metadata.log.dir"] = str(apart)
    with node:
        metas = [properties(folder) for folder in (apart, node.log_dirs[0])]
        report.note(metas[0]["cluster.id"] == metas[1]["cluster.id"] and metas[0]["node.id"] == "1", "one cluster, one node")
        report.note(metas[0]["directory.id"] != metas[1]["directory.id"], "a directory id of its own")
        node.create("t")
        second = Tidelog()
        second.properties["metadata.log.dir"] = str(apart)
        second.launch()
        report.note(settle(lambda: not second.alive()) and second.process.returncode != 0, "a second process is refused")
        node.kill()
        node.start()
        report.note(node.produce("t", small_batch())[0] == 0, "all is there after a restart")


def properties(folder):
    lines = (folder / "meta.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def lost_log_dir(report):
    """One of three directories fails: its partitions answer so, the others go on; while running, and from the start."""
    with Node(log_dirs=3) as node:
        node.create("spread", PARTITIONS)
        for partition in range(PARTITIONS):
            node.write("spread", small_batch(), partition)
        lost = node.log_dirs[1]
        gone = sorted(int(path.name.rsplit("-", 1)[1]) for path in lost.glob("spread-*"))
        others = [partition for partition in range(PARTITIONS) if partition not in gone]
        node.stop()

        logs = [option for partition in gone for option in ("-P", str(lost / f"spread-{partition}" / f"{0:020}.log"))]
        node.trace = [*logs, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO"]
        node.start()
        went_offline(report, node, lost, gone, others, 1, "while it runs")
        node.trace = None
        node.kill()

        kept = lost.with_name("kept")
        lost.rename(kept)
        lost.write_text("not a directory")
        node.start()
        went_offline(report, node, lost, gone, others, 2, "from the start")
        node.stop()

        lost.unlink()
        kept.rename(lost)
        node.start()
        ends = [node.offset("spread", -1, partition) for partition in range(PARTITIONS)]
        report.note(all(ends[partition] >= 1 for partition in gone) and all(ends[partition] == 3 for partition in others),
                    "everything acknowledged is there when the directory is back", f"{ends}")


def went_offline(report, node, lost, gone, others, written, when):
    errors = {partition: node.produce("spread", small_batch(), partition)[0] for partition in range(PARTITIONS)}
    report.note(len(gone) == 2 and all(errors[partition] == STORAGE_ERROR for partition in gone),
                f"its partitions answer that their storage failed, {when}", f"{errors}")
    report.note(all(errors[partition] == 0 for partition in others), f"the others go on, {when}", f"{errors}")
    told_of = {partition: errors_of(node, "spread", partition) for partition in range(PARTITIONS)}
    report.note(all(set(told_of[partition].values()) == {STORAGE_ERROR} for partition in gone),
                f"and so to whoever asks about their records, {when}", f"{told_of}")
    report.note(all(set(told_of[partition].values()) == {0} for partition in others),
                f"who asks about the others' is answered, {when}", f"{told_of}")
    ends = {node.offset("spread", -1, partition) for partition in others}
    report.note(ends == {written + 1}, f"all of theirs is there, {when}", f"{ends}")

    def told():
        return dict(log_dir_errors(node))
    report.note(settle(lambda: told().get(str(lost)) == STORAGE_ERROR and sorted(told().values()) == [0, 0, STORAGE_ERROR]),
                f"DescribeLogDirs tells of it, {when}", f"{told()}")


def errors_of(node, topic, partition):
    """What each request about a partition's records is answered, Produce apart."""
    def ask(key, version, about, kinds, before=b"", after=b"", throttled=True):
        answer = node.ask(key, version, before + listed(wire.text(topic) + listed(struct.pack(">i", partition) + about)) + after)
        answer.take("ii" if throttled else "i")
        answer.text()
        answer.take("i")
        return answer.take(kinds)

    producers = node.ask(61, 0, bytes([2, len(topic) + 1]) + topic.encode() + struct.pack(">bibb", 2, partition, 0, 0), flexible=True)
    producers.bytes(1 + 4 + 1 + 1 + len(topic) + 1)
    return {
        "Fetch": ask(1, 4, struct.pack(">qi", 0, 1 << 20), "ih", before=struct.pack(">iiiib", -1, 0, 0, 1 << 20, 0))[1],
        "ListOffsets": ask(2, 1, struct.pack(">q", -1), "ih", before=struct.pack(">i", -1), throttled=False)[1],
        "DeleteRecords": ask(21, 0, struct.pack(">q", 0), "iqh", after=struct.pack(">i", 20_000))[2],
        "OffsetForLeaderEpoch": ask(23, 2, struct.pack(">ii", -1, 0), "hi")[0],
        "DescribeProducers": producers.take("ih")[1],
    }


def log_dir_errors(node):
    """(path, error code) of every directory, from DescribeLogDirs 1 for all topics."""
    answer = node.ask(35, 1, b"\xff\xff\xff\xff")
    answer.take("i")

    def directory():
        error, path = answer.take("h"), answer.text()
        answer.list(lambda: (answer.text(), answer.list(lambda: answer.take("iqqb"))))
        return path, error
    return answer.list(directory)


def relative_log_dir(report):
    """A relative path in `log.dirs` is told whole, as Kafka tells it."""
    node = Node()
    node.properties["log.dirs"] = "relative"
    with node:
        node.create("t")
        told = log_dir_errors(node)
        report.note(told == [(str(node.dir / "relative"), 0)], "the path is absolute", f"{told}")


def strays(report):
    """Directories that belong to no partition are renamed and kept at start, as Kafka renames and keeps them. It leaves
    only `unknown-0` where it is, which has a known topic's id, and then cannot create a topic "unknown"."""
    with Node() as node:
        for topic in ("kept", "recreated", "grown", "nameless"):
            node.create(topic)
            node.write(topic, small_batch())
        node.stop()
        folder = node.log_dirs[0]
        shutil.copytree(folder / "kept-0", folder / "unknown-0")
        shutil.copytree(folder / "grown-0", folder / "grown-1")
        mark = folder / "recreated-0" / "partition.metadata"
        mark.write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAFg\n")
        (folder / "nameless-0" / "partition.metadata").unlink()
        node.start()
        wanted = [f"{name}-stray" for name in ("grown-1", "nameless-0", "recreated-0", "unknown-0")]
        found = {re.sub(r"\.[0-9a-f]{32}-", "-", path.name): path for path in folder.glob("*-stray")}
        report.note(sorted(found) == wanted, "what belongs to no partition is renamed", f"{sorted(found)}")
        ends = [node.offset(topic, -1) for topic in ("kept", "recreated", "grown", "nameless")]
        report.note(ends == [1, 0, 1, 0], "and becomes no part of another", f"{ends}")
        node.create("unknown")
        report.note(settle(lambda: node.offset("unknown", -1) == 0), "nor of a topic that is made later")
        node.add_partitions("grown", 2)
        report.note(settle(lambda: node.offset("grown", -1, 1) == 0), "nor of a partition that is added later")
        node.stop()
        node.start()
        sizes = [(path / f"{0:020}.log").stat().st_size for path in found.values()]
        report.note(len(sizes) == 4 and all(sizes), "it is kept, as it was", f"{sizes}")


def returning_log_dir(report):
    """A directory that was away while a topic was deleted and made again brings back the old topic's logs; they hide nothing."""
    with Node(log_dirs=2) as node:
        node.create("again", PARTITIONS)
        away = node.log_dirs[1]
        gone = sorted(int(path.name.rsplit("-", 1)[1]) for path in away.glob("again-*"))
        node.stop()
        kept = away.with_name("kept")
        away.rename(kept)
        away.write_text("not a directory")
        node.start()
        node.delete("again")
        report.note(settle(lambda: node.create("again", PARTITIONS) == 0), "a topic is made again while a directory is away")
        for partition in range(PARTITIONS):
            node.write("again", small_batch(), partition)
        node.stop()
        away.unlink()
        kept.rename(away)
        node.start()
        ends = [node.offset("again", -1, partition) for partition in range(PARTITIONS)]
        report.note(len(gone) == PARTITIONS // 2 and ends == [1] * PARTITIONS, "all of it is there when the directory is back", f"{ends}")
        left = sorted(re.sub(r"\.[0-9a-f]{32}-", "-", path.name) for path in away.glob("again-*"))
        report.note(left == [f"again-{partition}-stray" for partition in gone], "and the old one's logs are set aside", f"{left}")


def delete_records(broker, topic, offset):
    """The error code."""
    wanted = listed(wire.text(topic) + listed(struct.pack(">iq", 0, offset)))
    answer = Answer(wire.ask(broker.port, wire.frame(21, 0, wanted + struct.pack(">i", 20_000))))
    answer.take("ii")
    answer.text()
    answer.take("i")
    return answer.take("iqh")[2]


def full_log_dir(report):
    """What DeleteRecords says is deleted stays deleted, whatever the disk takes."""
    with TidelogOnDisk({"num.partitions": "1"}) as broker:
        wait_for(lambda: made(broker, "one"), "a topic being made", timeout_s=20)
        for _ in range(5):
            produce(broker, "one")
        broker.tell("fill")
        error = delete_records(broker, "one", 3)
        report.note(error == STORAGE_ERROR, "records are not said to be deleted that a full disk would bring back", f"{error}")
        broker.tell("heal")
        error = delete_records(broker, "one", 3)
        report.note(error == 0, "they are deleted when there is space", f"{error}")
        broker.cut_power("drop")
        broker.start()
        report.note(delete_records(broker, "one", 2) == 0 and earliest(broker, "one") == 3, "and stay so after a power cut", f"{earliest(broker, 'one')}")


def earliest(broker, topic):
    wanted = listed(wire.text(topic) + listed(struct.pack(">iq", 0, EARLIEST)))
    answer = Answer(wire.ask(broker.port, wire.frame(2, 1, struct.pack(">i", -1) + wanted)))
    answer.take("i")
    answer.text()
    answer.take("i")
    return answer.take("ihqq")[3]


def directories(report):
    for check in (metadata_checkpoint, metadata_dir, lost_log_dir, returning_log_dir, full_log_dir, relative_log_dir, strays):
        check(report)
