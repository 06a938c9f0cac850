"""kafka-python: a client in pure Python."""

import sys

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

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
                         max_partition_fetch_bytes=4_000_000, **settings)


# This client loses an assignment that arrives while poll() gives up, and asks for metadata 100 ms after it subscribes:
# the limit of a poll stays well away from that.
POLL_MS = 1000


def poll(reader, seen):
    for records in reader.poll(timeout_ms=POLL_MS).values():
        seen.extend(records)
    return reader


def read(name, count, partitions=1):
    reader, seen = consumer(), []
    reader.assign([TopicPartition(name, i) for i in range(partitions)])
    reader.seek_to_beginning()
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


def group_rebalance():
    name = topic("group", 4)
    first, second, seen = consumer(group_id=prefix + "group"), consumer(group_id=prefix + "group"), []
    first.subscribe([name])
    until("the first member has all", lambda: len(poll(first, seen).assignment()) == 4)
    writer = producer()
    for i, value in enumerate(numbered(40)):
        writer.send(name, value, partition=i % 4)
    writer.flush(LIMIT_S)
    until("all is read", lambda: poll(first, seen) and len({record.value for record in seen}) == 40)
    first.commit()
    # This client joins within poll(), on the caller's thread: a second member needs a thread of its own.
    import threading
    stop = threading.Event()
    def second_member():
        second.subscribe([name])
        while not stop.is_set():
            second.poll(timeout_ms=POLL_MS)
        second.close()
    thread = threading.Thread(target=second_member)
    thread.start()
    until("both have two", lambda: len(poll(first, seen).assignment()) == 2)
    stop.set()
    thread.join()
    until("the first member has all again", lambda: len(poll(first, seen).assignment()) == 4)
    expect(10, first.committed(TopicPartition(name, 0)))
    first.close()


def administer():
    name = topic("admin", 3, {"retention.ms": "60000"})
    expect(True, name in admin.list_topics())
    described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    expect(True, "60000" in str(described))
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


run([(f"produce-{codec}-{acks}", lambda codec=codec, acks=acks: produce(codec, acks)) for codec in CODECS for acks in ACKS]
    + [("consume-from-time", consume_from_time), ("group-rebalance", group_rebalance), ("admin", administer),
       ("idempotent", idempotent), ("big-message", big_message), ("headers", headers), ("nulls", nulls)])
