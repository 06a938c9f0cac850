"""aiokafka: asynchronous, in pure Python."""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from scenario import ACKS, BIG, CODECS, LIMIT_S, expect, numbered, run_async

bootstrap, prefix = sys.argv[1:3]


async def topic(name, partitions=1, configs=None):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(prefix + name, partitions, 1, topic_configs=configs or {})])
    await admin.close()
    return prefix + name


async def write(name, records, **settings):
    """Sends (value, arguments) in order."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **settings) as producer:
        for value, more in records:
            await producer.send(name, value, **more)
        await producer.flush()


def consumer(*topics, **settings):
    return AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest",
                            enable_auto_commit=False, max_partition_fetch_bytes=4_000_000, heartbeat_interval_ms=300, **settings)


async def read(name, count):
    async with consumer(name) as reader:
        return await take(reader, count)


async def take(reader, count):
    return [await asyncio.wait_for(reader.getone(), LIMIT_S) for _ in range(count)]


def plain(count):
    return [(value, {}) for value in numbered(count)]


async def produce(codec, acks):
    name = await topic(f"produce-{codec}-{acks}")
    await write(name, plain(10), compression_type=None if codec == "none" else codec, acks=acks)
    expect(numbered(10), [record.value for record in await read(name, 10)])


async def consume_from_time():
    name = await topic("time")
    await write(name, [(value, {"timestamp_ms": 1000 * (i + 1)}) for i, value in enumerate(numbered(10))])
    partition = TopicPartition(name, 0)
    async with consumer(name) as reader:
        expect(5, (await reader.offsets_for_times({partition: 5500}))[partition].offset)
        expect({partition: 10}, await reader.end_offsets([partition]))
        reader.seek(partition, 5)
        expect(numbered(10)[5:], [record.value for record in await take(reader, 5)])


async def until(what, condition):
    deadline = asyncio.get_running_loop().time() + LIMIT_S
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {LIMIT_S} s: {what}")
        await asyncio.sleep(0.05)


async def group_rebalance():
    name = await topic("group", 4)
    async with consumer(name, group_id=prefix + "group") as first:
        await until("the first member has all", lambda: len(first.assignment()) == 4)
        async with consumer(name, group_id=prefix + "group") as second:
            await until("both have two", lambda: [len(m.assignment()) for m in (first, second)] == [2, 2])
            await write(name, [(value, {"partition": i % 4}) for i, value in enumerate(numbered(40))])
            seen = []
            for member in (first, second):
                while len(seen) < (20 if member is first else 40):
                    seen.append((await asyncio.wait_for(member.getone(), LIMIT_S)).value)
                await member.commit()
            expect(set(numbered(40)), set(seen))
        await until("the first member has all again", lambda: len(first.assignment()) == 4)
        expect([10] * 4, [await first.committed(TopicPartition(name, i)) for i in range(4)])


class Changes(ConsumerRebalanceListener):
    """Counts how often a member is given partitions, and how many it was given last."""

    assignments, given = 0, 0

    def on_partitions_assigned(self, assigned):
        self.assignments += 1
        self.given = len(assigned)

    def on_partitions_revoked(self, revoked):
        pass


async def static_members():
    name, changes = await topic("static", 4), Changes()
    def enter(*topics, instance):
        return consumer(*topics, group_id=prefix + "static", group_instance_id=instance)
    async with enter(instance="one") as first:
        first.subscribe([name], listener=changes)
        async with enter(name, instance="two") as second:
            await until("both have two", lambda: [changes.given, len(second.assignment())] == [2, 2])
            had_by_two, assignments = second.assignment(), changes.assignments
        async with enter(name, instance="two") as back:
            await until("the member is back with what it had", lambda: back.assignment() == had_by_two)
            expect((2, assignments), (len(first.assignment()), changes.assignments))


async def administer():
    name = await topic("admin", 3, {"retention.ms": "60000"})
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    expect(True, name in await admin.list_topics())
    async def retention():
        [described] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        *_, entries = described.resources[0]
        return {key: value for key, value, *_ in entries}["retention.ms"]
    expect("60000", await retention())
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": "70000"})])
    expect("70000", await retention())
    await admin.delete_topics([name])
    for _ in range(100):
        if name not in await admin.list_topics():
            break
        await asyncio.sleep(0.05)
    expect(False, name in await admin.list_topics())
    await admin.close()


async def idempotent():
    name = await topic("idempotent")
    await write(name, plain(500), enable_idempotence=True)
    expect(numbered(500), [record.value for record in await read(name, 500)])


async def big_message():
    name = await topic("big", configs={"max.message.bytes": "3000000"})
    await write(name, [(BIG, {})], max_request_size=4_000_000)
    expect(BIG, (await read(name, 1))[0].value)


async def headers():
    name = await topic("headers")
    sent = [("a", b"1"), ("a", b"2"), ("none", None), ("empty", b"")]
    await write(name, [(b"v", {"headers": sent})])
    expect(sent, list((await read(name, 1))[0].headers))


async def nulls():
    name = await topic("nulls")
    await write(name, [(b"no key", {}), (None, {"key": b"no value"})])
    expect([(None, b"no key"), (b"no value", None)], [(record.key, record.value) for record in await read(name, 2)])


async def many_partitions():
    name = await topic("many", 1000)
    await write(name, [(value, {"partition": i}) for i, value in enumerate(numbered(1000))])
    expect(set(numbered(1000)), {record.value for record in await read(name, 1000)})


asyncio.run(run_async(
    [(f"produce-{codec}-{acks}", lambda codec=codec, acks=acks: produce(codec, acks)) for codec in CODECS for acks in ACKS]
    + [("consume-from-time", consume_from_time), ("group-rebalance", group_rebalance), ("static-members", static_members),
       ("admin", administer),
       ("idempotent", idempotent), ("big-message", big_message), ("headers", headers), ("nulls", nulls),
       ("many-partitions", many_partitions)]))
