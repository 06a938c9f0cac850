"""confluent-kafka: librdkafka, new, from Python."""

import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType)

from scenario import ACKS, BIG, CODECS, LIMIT_S, expect, numbered, run, until

bootstrap, prefix = sys.argv[1:3]
admin = AdminClient({"bootstrap.servers": bootstrap})


def topic(name, partitions=1, config=None):
    admin.create_topics([NewTopic(prefix + name, partitions, 1, config=config or {})])[prefix + name].result(LIMIT_S)
    return prefix + name


def producer(**settings):
    return Producer({"bootstrap.servers": bootstrap, **{key.replace("_", "."): value for key, value in settings.items()}})


def consumer(group="unused", **settings):
    return Consumer({"bootstrap.servers": bootstrap, "group.id": prefix + group, "auto.offset.reset": "earliest",
                     "enable.auto.commit": False, "session.timeout.ms": 10_000, "heartbeat.interval.ms": 300, **settings})


def poll(reader, seen):
    message = reader.poll(0.1)
    if message is not None:
        if message.error():
            raise KafkaException(message.error())
        seen.append(message)
    return reader


def read(name, count, partitions=1, start=0):
    reader, seen = consumer(), []
    reader.assign([TopicPartition(name, i, start) for i in range(partitions)])
    until(f"{count} records are read", lambda: poll(reader, seen) and len(seen) >= count)
    reader.close()
    return seen


def produce(codec, acks):
    name = topic(f"produce-{codec}-{acks}")
    writer = producer(compression_type=codec, acks=acks)
    for value in numbered(10):
        writer.produce(name, value)
    expect(0, writer.flush(LIMIT_S))
    expect(numbered(10), [message.value() for message in read(name, 10)])


def consume_from_time():
    name = topic("time")
    writer = producer()
    for i, value in enumerate(numbered(10)):
        writer.produce(name, value, timestamp=1000 * (i + 1))
    writer.flush(LIMIT_S)
    reader = consumer()
    expect(5, reader.offsets_for_times([TopicPartition(name, 0, 5500)], LIMIT_S)[0].offset)
    expect((0, 10), reader.get_watermark_offsets(TopicPartition(name, 0), LIMIT_S))
    reader.close()
    expect(numbered(10)[5:], [message.value() for message in read(name, 5, start=5)])


def group_rebalance(strategy, most_given_up_at_once):
    """Cooperative members give up only what another one takes, eager ones all that they have."""
    name = topic("group-" + strategy, 4)
    group = {"group": "group-" + strategy, "partition.assignment.strategy": strategy}
    first, second, seen, given_up = consumer(**group), consumer(**group), [], []
    first.subscribe([name], on_revoke=lambda _, partitions: given_up.append(len(partitions)))
    until("the first member has all", lambda: len(poll(first, seen).assignment()) == 4)
    second.subscribe([name])
    until("both have two",
          lambda: [len(poll(member, seen).assignment()) for member in (first, second)] == [2, 2])
    expect(most_given_up_at_once, max(given_up))
    writer = producer()
    for i, value in enumerate(numbered(40)):
        writer.produce(name, value, partition=i % 4)
    writer.flush(LIMIT_S)
    until("both read all", lambda: poll(first, seen) and poll(second, seen) and len({m.value() for m in seen}) == 40)
    first.commit(asynchronous=False)
    second.commit(asynchronous=False)
    second.close()
    until("the first member has all again", lambda: len(poll(first, seen).assignment()) == 4)
    committed = first.committed([TopicPartition(name, i) for i in range(4)], LIMIT_S)
    expect([10, 10, 10, 10], [partition.offset for partition in committed])
    first.close()
    admin.delete_consumer_groups([prefix + group["group"]])[prefix + group["group"]].result(LIMIT_S)


def static_members():
    name, seen, changes = topic("static", 4), [], []
    def enter(instance):
        return consumer("static", **{"group.instance.id": instance})
    def has(member):
        return {partition.partition for partition in poll(member, seen).assignment()}
    first, second = enter("one"), enter("two")
    first.subscribe([name], on_assign=lambda _, partitions: changes.append(partitions))
    second.subscribe([name])
    until("both have two", lambda: [len(has(member)) for member in (first, second)] == [2, 2])
    had_by_two, assignments = has(second), len(changes)
    second.close()
    back = enter("two")
    back.subscribe([name])
    until("the member is back with what it had", lambda: has(back) == had_by_two and len(has(first)) == 2)
    expect(assignments, len(changes))
    group = admin.describe_consumer_groups([prefix + "static"])[prefix + "static"].result(LIMIT_S)
    expect({"one", "two"}, {member.group_instance_id for member in group.members})
    usurper = enter("two")
    usurper.subscribe([name])
    until("another one has its place", lambda: has(usurper) == had_by_two)
    until("the member is fenced", lambda: is_fenced(back))
    for member in (back, usurper, first):
        member.close()


def is_fenced(member):
    message = member.poll(0.1)
    error = message and message.error()
    return error is not None and error.code() == KafkaError._FATAL and "Static consumer fenced" in error.str()


def administer():
    name = topic("admin", 3, {"retention.ms": "60000"})
    expect(3, len(admin.list_topics(name, LIMIT_S).topics[name].partitions))
    resource = ConfigResource(ResourceType.TOPIC, name)
    def retention():
        return admin.describe_configs([resource])[resource].result(LIMIT_S)["retention.ms"].value
    expect("60000", retention())
    change = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[
        ConfigEntry("retention.ms", "70000", incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([change])[change].result(LIMIT_S)
    until("the configuration is changed", lambda: retention() == "70000")
    admin.delete_topics([name])[name].result(LIMIT_S)
    until("the topic is gone", lambda: name not in admin.list_topics(timeout=LIMIT_S).topics)


def idempotent():
    name, writer = topic("idempotent"), producer(enable_idempotence=True, linger_ms=0)
    for value in numbered(500):
        writer.produce(name, value)
    expect(0, writer.flush(LIMIT_S))
    expect(numbered(500), [message.value() for message in read(name, 500)])


def big_message():
    name, writer = topic("big", config={"max.message.bytes": "3000000"}), producer(message_max_bytes=4_000_000)
    writer.produce(name, BIG)
    expect(0, writer.flush(LIMIT_S))
    expect(BIG, read(name, 1)[0].value())


def headers():
    name, writer = topic("headers"), producer()
    writer.produce(name, b"v", headers=[("a", b"1"), ("a", b"2"), ("none", None)])
    writer.flush(LIMIT_S)
    expect([("a", b"1"), ("a", b"2"), ("none", None)], read(name, 1)[0].headers())


def nulls():
    name, writer = topic("nulls"), producer()
    writer.produce(name, b"no key")
    writer.produce(name, None, b"no value")
    writer.produce(name, None)
    writer.flush(LIMIT_S)
    expect([(None, b"no key"), (b"no value", None), (None, None)], [(m.key(), m.value()) for m in read(name, 3)])


def many_partitions():
    name, writer = topic("many", 1000), producer()
    for i, value in enumerate(numbered(1000)):
        writer.produce(name, value, partition=i)
    expect(0, writer.flush(LIMIT_S))
    expect(1000, len({message.value() for message in read(name, 1000, 1000)}))


run([(f"produce-{codec}-{acks}", lambda codec=codec, acks=acks: produce(codec, acks)) for codec in CODECS for acks in ACKS]
    + [("consume-from-time", consume_from_time),
       ("group-rebalance", lambda: group_rebalance("range", 4)),
       ("group-rebalance-cooperative", lambda: group_rebalance("cooperative-sticky", 2)),
       ("static-members", static_members),
       ("admin", administer), ("idempotent", idempotent), ("big-message", big_message), ("headers", headers),
       ("nulls", nulls), ("many-partitions", many_partitions)])
