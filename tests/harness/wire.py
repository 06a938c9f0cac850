"""Just enough of the protocol to send hostile bytes: frames, record batches and a health check."""

import gzip
import socket
import struct

from harness.brokers import read_exactly

_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = (_byte >> 1) ^ (0x82F63B78 if _byte & 1 else 0)
    _TABLE.append(_byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def frame(key, version, body=b"", flexible=False):
    header = struct.pack(">hhi", key, version, 7) + struct.pack(">h", 4) + b"hard" + (b"\0" if flexible else b"")
    return struct.pack(">i", len(header) + len(body)) + header + body


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def varint(value):
    """As records hold it: zigzag."""
    value, out = (value << 1) ^ (value >> 63), bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def record(value, key=b"k"):
    """The first record of a batch."""
    key = varint(-1) if key is None else varint(len(key)) + key
    body = b"\0\0\0" + key + varint(len(value)) + value + b"\0"
    return varint(len(body)) + body


def batch(records, count=1, attributes=0, timestamp_ms=1000, producer=(-1, -1, -1)):
    """A record batch over these bytes, with a right CRC; a producer is its id, epoch and sequence."""
    checked = struct.pack(">hiqqqhii", attributes, count - 1, timestamp_ms, timestamp_ms, *producer, count) + records
    return struct.pack(">qiibI", 0, 9 + len(checked), 0, 2, crc32c(checked)) + checked


def produce(topic, records, acks=-1):
    body = struct.pack(">h", -1) + struct.pack(">hi", acks, 5000) + struct.pack(">i", 1) + text(topic)
    return frame(0, 7, body + struct.pack(">iii", 1, 0, len(records)) + records)


def fetch(topic, offset=0, max_bytes=1 << 20):
    body = struct.pack(">iiiib", -1, 100, 1, max_bytes, 0) + struct.pack(">i", 1) + text(topic)
    return frame(1, 4, body + struct.pack(">iiqi", 1, 0, offset, max_bytes))


def metadata(*topics):
    return frame(3, 4, struct.pack(">i", len(topics)) + b"".join(map(text, topics)) + b"\1")


def gzip_bomb(mebibytes):
    """One record of so many MiB of zeros, as gzip packs it."""
    return gzip.compress(b"\0" * (mebibytes << 20))


def ask(port, request, timeout_s=20):
    """The answer's bytes, or None when the connection is closed without one."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
            connection.sendall(request)
            return read_exactly(connection, struct.unpack(">i", read_exactly(connection, 4))[0])
    except (ConnectionError, BrokenPipeError):
        return None
