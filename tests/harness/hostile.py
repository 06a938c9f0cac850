"""No bytes from the network make Tidelog fall over, hang, or hold much more than it was sent."""

import json
import random
import re
import resource
import socket
import struct
import time

from harness import wire
from harness.brokers import Tidelog, answers_metadata, wait_for
from harness.report import say

SEED = 20
MIB = 1 << 10  # in KiB, as resident sizes are told
IDLE_CONNECTIONS = 10_000
IDLE_KIB_EACH = 8
GROWTH_LIMIT_KIB = 128 * MIB


def well(report, broker, name, before_kib, limit_kib=GROWTH_LIMIT_KIB):
    """After an attack: it lives, it answers others at once, and it has not grown."""
    began = time.monotonic()
    answers = broker.alive() and answers_metadata(broker.port)
    grown = broker.resident_kib() - before_kib if broker.alive() else -1
    took = time.monotonic() - began
    report.note(answers and took < 1 and grown < limit_kib, name, f"alive {broker.alive()}, answers {answers} in {took:.2f} s, grown by {grown} KiB")


def valid_requests():
    record = bytes.fromhex("10 00 00 00 01 04 61 62 00")
    return [wire.metadata(), wire.metadata("hostile"), wire.frame(18, 0), wire.frame(18, 3, b"\2a\2b\0", flexible=True),
            wire.produce("hostile", wire.batch(record, 1)), wire.fetch("hostile"),
            wire.frame(10, 0, wire.text("group")), wire.frame(11, 0, wire.text("g") + struct.pack(">i", 9000) + wire.text("")
                                                             + wire.text("consumer") + struct.pack(">i", 1) + wire.text("r") + struct.pack(">i", 1) + b"x"),
            wire.frame(19, 2, struct.pack(">i", 1) + wire.text("made") + struct.pack(">ihiii", 1, 1, 0, 0, 5000) + b"\0"),
            wire.frame(32, 1, struct.pack(">ib", 1, 2) + wire.text("hostile") + struct.pack(">i", -1) + b"\0")]


def throw(port, data):
    """Sends bytes and looks away after a moment."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(data)
            connection.settimeout(0.02)
            connection.recv(1 << 16)
    except OSError:
        pass


def mutated(chance, request):
    data = bytearray(request)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(4, len(data))
        how = chance.randrange(4)
        if how == 0:
            data[at] = chance.randrange(256)
        elif how == 1:
            data[at:at + 4] = chance.choice([b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\0"])
        elif how == 2:
            del data[at:at + chance.randint(1, 8)]
        else:
            data[at:at] = chance.randbytes(chance.randint(1, 16))
        if len(data) < 8:
            break
    return struct.pack(">i", len(data) - 4) + bytes(data[4:])


def random_and_mutated(report, broker):
    chance, before = random.Random(SEED), broker.resident_kib()
    for _ in range(150):
        throw(broker.port, chance.randbytes(chance.randint(1, 2000)))
    well(report, broker, "random bytes", before)
    for _ in range(1200):
        throw(broker.port, mutated(chance, chance.choice(valid_requests())))
    well(report, broker, "mutated requests", before)
    for request in valid_requests():
        for at in range(1, len(request), 5):
            throw(broker.port, request[:at])
    well(report, broker, "half requests", before)


def oversized(report, broker):
    before = broker.resident_kib()
    for size in (0x7FFFFFFF, 104_857_601, -1, 0):
        report.note(wire.ask(broker.port, struct.pack(">i", size) + b"\0" * 100) is None, f"a frame of {size} bytes is refused")
    # Announced, hardly sent: nothing is held for what has not come.
    held = []
    for _ in range(50):
        connection = socket.create_connection(("127.0.0.1", broker.port), 5)
        connection.sendall(struct.pack(">i", 100_000_000) + b"\0" * 100)
        held.append(connection)
    time.sleep(1)
    well(report, broker, "big frames that never come", before)
    for connection in held:
        connection.close()


def slow_writers(report, broker):
    before, request = broker.resident_kib(), wire.metadata()
    connections = [socket.create_connection(("127.0.0.1", broker.port), 10) for _ in range(50)]
    for byte in request:
        for connection in connections:
            connection.sendall(bytes([byte]))
        time.sleep(0.02)
    answered = sum(1 for connection in connections if connection.recv(4))
    report.note(answered == len(connections), "slow writers are answered", f"{answered} of {len(connections)}")
    well(report, broker, "slow writers", before)


def announced(port, request, sent):
    """A connection that sends so much of a request and no more, or less where the broker takes no more."""
    connection = socket.create_connection(("127.0.0.1", port), 5)
    connection.settimeout(1)
    try:
        connection.sendall(request[:sent])
    except OSError:
        pass
    return connection


def answered_within(report, broker, request, limit_s, name):
    began = time.monotonic()
    try:
        answer = wire.ask(broker.port, request, timeout_s=limit_s)
    except TimeoutError:
        answer = None
    report.note(answer is not None, name, f"after {time.monotonic() - began:.2f} s")


def half_sent(report, broker):
    """Requests that never become whole hold memory; others must come through all the same."""
    before = broker.resident_kib()
    large, largest = (wire.produce("hostile", bytes(size)) for size in (900_000, 100_000_000))
    small = wire.metadata(*(f"{number:0200}" for number in range(70)))
    whole = wire.produce("hostile", wire.batch(wire.record(b"x" * 900_000)))
    for name, request, sent, count, limit_s in (("silent", largest, 50, 300, 1), ("half small", small, len(small) - 10, 700, 3),
                                                ("half large", large, len(large) - 10, 60, 5),
                                                ("part of the largest", largest, 1 << 20, 40, 5)):
        held = [announced(broker.port, request, sent) for _ in range(count)]
        time.sleep(0.5)
        for what, honest in (("a large Produce", whole), ("Metadata", wire.metadata("hostile"))):
            answered_within(report, broker, honest, limit_s, f"{what} beside {count} {name} requests")
        for connection in held:
            connection.close()
    well(report, broker, "half-sent requests", before)


def behind_a_wait(report, broker):
    """What was sent behind a Fetch that waits for ever."""
    create(broker, "silent")
    before, small = broker.resident_kib(), wire.metadata(*(f"{number:0200}" for number in range(70)))
    wait = bytearray(wire.fetch("silent"))
    at = wait.index(struct.pack(">ii", -1, 100)) + 4
    wait[at:at + 4] = struct.pack(">i", 0x7FFFFFFF)
    held = [announced(broker.port, bytes(wait) + small * 4, 1 << 20) for _ in range(700)]
    time.sleep(0.5)
    answered_within(report, broker, wire.metadata("hostile"), 1, "Metadata beside requests behind waits")
    well(report, broker, "requests behind waits", before)
    for connection in held:
        connection.close()


def idle_connections(report, broker):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    before, connections = broker.resident_kib(), []
    for _ in range(IDLE_CONNECTIONS):
        connections.append(socket.create_connection(("127.0.0.1", broker.port), 10))
    for connection in connections[:: IDLE_CONNECTIONS // 100]:
        connection.sendall(wire.metadata())
    time.sleep(2)
    each = (broker.resident_kib() - before) / IDLE_CONNECTIONS
    say(f"an idle connection holds {each:.1f} KiB")
    report.note(each <= IDLE_KIB_EACH, "idle connections", f"{each:.1f} KiB each")
    well(report, broker, "beside idle connections", before)
    for connection in connections:
        connection.close()


def never_reads(report, broker):
    """Asks for far more than its socket takes, and does not read."""
    big = wire.batch(wire.record(b"x" * 900_000))
    for _ in range(5):
        wire.ask(broker.port, wire.produce("hostile", big))
    before = broker.resident_kib()
    greedy = [socket.create_connection(("127.0.0.1", broker.port), 5) for _ in range(20)]
    for connection in greedy:
        connection.setblocking(False)
        try:
            for _ in range(200):
                connection.sendall(wire.fetch("hostile", max_bytes=50 << 20))
        except OSError:
            pass
    time.sleep(3)
    well(report, broker, "consumers that never read", before)
    for connection in greedy:
        connection.close()


def bombs(report, broker):
    """A small batch that unpacks to hundreds of MiB, where the broker has to look inside."""
    before, bomb = broker.resident_kib(), wire.gzip_bomb(500)
    for _ in range(3):
        wire.ask(broker.port, wire.produce("compacted", wire.batch(bomb, 1, attributes=1)), timeout_s=60)
        wire.ask(broker.port, wire.produce("recompressed", wire.batch(bomb, 1, attributes=1)), timeout_s=60)
    well(report, broker, "compressed bombs", before)


def unserved(client_id):
    """AddPartitionsToTxn, which is not advertised, from this client."""
    header = struct.pack(">hhi", 24, 4, 7) + struct.pack(">h", len(client_id)) + client_id + b"\0"
    return struct.pack(">i", len(header)) + header


def lines_about_refusals(broker):
    return [line for line in broker.log.read_text().splitlines() if "AddPartitionsToTxn version 4 is not served" in line]


def refused(report, broker):
    """Refused requests are told with client, API and version, in a few lines however many there are."""
    flood, before = 1000, broker.resident_kib()
    time.sleep(1.1)  # Lines about earlier requests are over.
    report.note(wire.ask(broker.port, unserved(b'nosy"\n\x1b[31m')) is None, "an API that is not advertised closes the connection")
    wait_for(lambda: lines_about_refusals(broker), "a line about a refused request")
    [line] = lines_about_refusals(broker)
    report.note(r'client_id="nosy\"\n\u{1b}[31m"' in line and "address=127.0.0.1:" in line, "the line names the client, escaped", line)
    wire.ask(broker.port, unserved(b"x" * 30_000))
    wait_for(lambda: len(lines_about_refusals(broker)) == 2, "another line")
    report.note(len(lines_about_refusals(broker)[1]) < 400, "a long client id is cut")
    time.sleep(1.1)
    at, began = broker.log.stat().st_size, time.monotonic()
    for _ in range(flood):
        wire.ask(broker.port, unserved(b"flood"))
    seconds = time.monotonic() - began
    time.sleep(1.1)
    wire.ask(broker.port, unserved(b"after"))
    new_lines = lambda: broker.log.read_text()[at:]
    wait_for(lambda: 'client_id="after"' in new_lines(), "a line after the flood")
    told, left_out = new_lines().count('client_id="flood"'), sum(map(int, re.findall(r"left_out=(\d+)", new_lines())))
    report.note(told <= 5 * (seconds + 1), "a flood of refusals does not flood the log", f"{told} lines in {seconds:.1f} s")
    report.note(told + left_out == flood, "what was left out is counted", f"{told} lines and {left_out} left out")
    well(report, broker, "refused requests", before)


class LogsJson(Tidelog):
    """Its log alone goes to the file."""

    def command(self):
        return ["sh", "-c", 'exec "$@" > start-up-message', "sh", *super().command(), "--log-format", "json"]


def json_lines(report):
    with LogsJson() as broker:
        wire.ask(broker.port, unserved(b'nosy"\n'))
        wait_for(lambda: "AddPartitionsToTxn" in broker.log.read_text(), "a line about a refused request")
        broker.stop()
        lines = [json.loads(line) for line in broker.log.read_text().splitlines()]
    told = [line for line in lines if line.get("client_id") == 'nosy"\n']
    report.note(all({"timestamp", "level", "message"} <= line.keys() for line in lines), f"{len(lines)} lines are JSON objects")
    report.note(len(told) == 1 and told[0]["reason"] == "AddPartitionsToTxn version 4 is not served", "they name the refused client", str(told))


def create(broker, topic, *config):
    entries = b"".join(wire.text(key) + wire.text(value) for key, value in config)
    body = struct.pack(">i", 1) + wire.text(topic) + struct.pack(">ihi", 1, 1, 0) + struct.pack(">i", len(config)) + entries
    wire.ask(broker.port, wire.frame(19, 2, body + struct.pack(">i", 20_000) + b"\0"))
    wait_for(lambda: wire.ask(broker.port, wire.fetch(topic)) is not None, f"{topic} being there")


def hostile(report):
    say("the log as JSON")
    json_lines(report)
    with Tidelog({"log.record.validation": "full"}) as broker:
        create(broker, "hostile")
        create(broker, "compacted", ("cleanup.policy", "compact"))
        create(broker, "recompressed", ("compression.type", "lz4"))
        for attack in (refused, random_and_mutated, oversized, half_sent, behind_a_wait, slow_writers, bombs, never_reads, idle_connections):
            say(f"attack: {attack.__name__}")
            attack(report, broker)
