"""kafka-python: a client in pure Python."""

import contextlib
import sys
import threading

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, MemberToRemove, NewTopic
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import FencedInstanceIdError

from scenario import ACKS, BIG, CODECS, LIMIT_S, expect, numbered, run, until

bootstrap, prefix = sys.argv[1:3]
admin = KafkaAdminClient(bootstrap_servers=bootstrap)


def topic(name, partitions=1, configs=None):
    admin.create_topics([NewTopic(prefix + name, partitions, 1, topic_configs=configs or {})])
    return prefix + name


def producer(**settings):
    return KafkaProducer(bootstrap_servers=bootstrap, **settings)


def consumer(**settings):
    return KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False,
                         max_partition_fetch_bytes=4_000_000, heartbeat_interval_ms=300, **settings)


# This client loses an assignment that arrives while poll() gives up, and asks for metadata 100 ms after it subscribes:
# the limit of a poll stays well away from that.
POLL_MS = 1000


def poll(reader, seen):
    for records in reader.poll(timeout_ms=POLL_MS).values():
        seen.extend(records)
    return reader


def read(name, count, partitions=1, start=0):
    reader, seen, assigned = consumer(), [], [TopicPartition(name, i) for i in range(partitions)]
    reader.assign(assigned)
    for partition in assigned:
        reader.seek(partition, start)
    until(f"{count} records are read", lambda: poll(reader, seen) and len(seen) >= count)
    reader.close()
    return seen


def produce(codec, acks):
    name = topic(f"produce-{codec}-{acks}")
    writer = producer(compression_type=None if codec == "none" else codec, acks=acks, enable_idempotence=False)
    for value in numbered(10):
        writer.send(name, value)
    writer.flush(LIMIT_S)
    writer.close()
    expect(numbered(10), [record.value for record in read(name, 10)])


def consume_from_time():
    name, writer = topic("time"), producer()
    for i, value in enumerate(numbered(10)):
        writer.send(name, value, timestamp_ms=1000 * (i + 1))
    writer.flush(LIMIT_S)
    partition = TopicPartition(name, 0)
    reader = consumer()
    expect(5, reader.offsets_for_times({partition: 5500})[partition].offset)
    expect({partition: 10}, reader.end_offsets([partition]))
    reader.close()
    expect(numbered(10)[5:], [record.value for record in read(name, 5, start=5)])


class Changes(ConsumerRebalanceListener):
    """What happens to a member's partitions."""

    def __init__(self):
        self.assignments, self.most_given_up_at_once = 0, 0

    def on_partitions_assigned(self, assigned):
        self.assignments += 1

    def on_partitions_revoked(self, revoked):
        self.most_given_up_at_once = max(self.most_given_up_at_once, len(revoked))


@contextlib.contextmanager
def polled(member, seen):
    """Polls on a thread of its own: this client joins within poll(), so two members cannot take turns in one thread."""
    stop = threading.Event()
    def poll_on():
        while not stop.is_set():
            poll(member, seen)
    thread = threading.Thread(target=poll_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def group_rebalance(group, assignor, most_given_up_at_once):
    """Cooperative members give up only what another one takes, eager ones all that they have."""
    name, changes, seen = topic(group, 4), Changes(), []
    first, second = [consumer(group_id=prefix + group, partition_assignment_strategy=[assignor]) for _ in range(2)]
    first.subscribe([name], listener=changes)
    until("the first member has all", lambda: len(poll(first, seen).assignment()) == 4)
    second.subscribe([name])
    with polled(second, seen):
        until("both have two", lambda: [len(poll(first, seen).assignment()), len(second.assignment())] == [2, 2])
        expect(most_given_up_at_once, changes.most_given_up_at_once)
        writer = producer()
        for i, value in enumerate(numbered(40)):
            writer.send(name, value, partition=i % 4)
        writer.flush(LIMIT_S)
        until("both read all", lambda: poll(first, seen) and len({record.value for record in seen}) == 40)
    first.commit()
    second.commit()
    second.close()
    until("the first member has all again", lambda: len(poll(first, seen).assignment()) == 4)
    expect([10] * 4, [first.committed(TopicPartition(name, i)) for i in range(4)])
    first.close()


def static_members():
    name, changes, seen = topic("static", 4), Changes(), []
    def enter(instance, listener=None):
        member = consumer(group_id=prefix + "static", group_instance_id=instance)
        member.subscribe([name], listener=listener)
        return member
    first, second = enter("one", changes), enter("two")
    with polled(second, seen):
        until("both have two", lambda: [len(poll(first, seen).assignment()), len(second.assignment())] == [2, 2])
    had_by_two, assignments = second.assignment(), changes.assignments
    second.close()
    back = enter("two")
    until("the member is back with what it had", lambda: poll(back, seen).assignment() == had_by_two)
    expect((2, assignments), (len(poll(first, seen).assignment()), changes.assignments))
    usurper = enter("two")
    until("another one has its place", lambda: poll(usurper, seen).assignment() == had_by_two)
    until("the member is fenced", lambda: is_fenced(back))
    for member in (back, usurper):
        member.close()
    admin.remove_group_members(prefix + "static", [MemberToRemove(group_instance_id="two")])
    until("the first member has all", lambda: len(poll(first, seen).assignment()) == 4)
    first.close()


def is_fenced(member):
    try:
        member.commit()
        return False
    except FencedInstanceIdError:
        return True


def administer():
    name = topic("admin", 3, {"retention.ms": "60000"})
    expect(True, name in admin.list_topics())
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    def retention():
        return admin.describe_configs([resource])["topic"][name]["retention.ms"]["value"]
    expect("60000", retention())
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": "70000"})])
    until("the configuration is changed", lambda: retention() == "70000")
    admin.delete_topics([name])
    until("the topic is gone", lambda: name not in admin.list_topics())


def idempotent():
    name, writer = topic("idempotent"), producer(enable_idempotence=True)
    for value in numbered(500):
        writer.send(name, value)
    writer.flush(LIMIT_S)
    writer.close()
    expect(numbered(500), [record.value for record in read(name, 500)])


def big_message():
    name = topic("big", configs={"max.message.bytes": "3000000"})
    writer = producer(max_request_size=4_000_000)
    writer.send(name, BIG).get(LIMIT_S)
    expect(BIG, read(name, 1)[0].value)


def headers():
    name, writer = topic("headers"), producer()
    writer.send(name, b"v", headers=[("a", b"1"), ("a", b"2")]).get(LIMIT_S)
    expect([("a", b"1"), ("a", b"2")], list(read(name, 1)[0].headers))


def nulls():
    name, writer = topic("nulls"), producer()
    writer.send(name, value=b"no key")
    writer.send(name, key=b"no value")
    writer.flush(LIMIT_S)
    expect([(None, b"no key"), (b"no value", None)], [(record.key, record.value) for record in read(name, 2)])


def many_partitions():
    name, writer = topic("many", 1000), producer()
    for i, value in enumerate(numbered(1000)):
        writer.send(name, value, partition=i)
    writer.flush(LIMIT_S)
    expect(set(numbered(1000)), {record.value for record in read(name, 1000, 1000)})


run([(f"produce-{codec}-{acks}", lambda codec=codec, acks=acks: produce(codec, acks)) for codec in CODECS for acks in ACKS]
    + [("consume-from-time", consume_from_time),
       ("group-rebalance", lambda: group_rebalance("group", RangePartitionAssignor, 4)),
       ("group-rebalance-cooperative", lambda: group_rebalance("cooperative", CooperativeStickyAssignor, 2)),
       ("static-members", static_members), ("admin", administer),
       ("idempotent", idempotent), ("big-message", big_message), ("headers", headers), ("nulls", nulls),
       ("many-partitions", many_partitions)])
