"""Messages of pgoutput as a server writes them."""

import struct
from collections.abc import Sequence

from supersync_core.connectors.postgres.pgoutput import EPOCH_MS, RelationColumn

Tuple = Sequence[bytes | None | object]
UNCHANGED = object()


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def framed(body: bytes, start: int = 0, end: int = 0, sent_ms: int = EPOCH_MS) -> bytes:
    return b"w" + struct.pack(">QQq", start, end, (sent_ms - EPOCH_MS) * 1000) + body


def begin(commit_lsn: int, ts_ms: int, xid: int) -> bytes:
    return framed(b"B" + struct.pack(">QqI", commit_lsn, (ts_ms - EPOCH_MS) * 1000, xid))


def commit(lsn: int, end: int, ts_ms: int = EPOCH_MS) -> bytes:
    return framed(b"C" + struct.pack(">BQQq", 0, lsn, end, (ts_ms - EPOCH_MS) * 1000))


def relation(oid: int, schema: str, name: str, columns: Sequence[RelationColumn], identity: str = "d") -> bytes:
    listed = b"".join(struct.pack(">B", c.key) + text(c.name) + struct.pack(">Ii", c.type, c.modifier) for c in columns)
    head = b"R" + struct.pack(">I", oid) + text(schema) + text(name) + identity.encode()
    return framed(head + struct.pack(">H", len(columns)) + listed)


def row(values: Tuple) -> bytes:
    def one(value: object) -> bytes:
        if value is UNCHANGED:
            return b"u"
        return b"t" + struct.pack(">I", len(value)) + value if isinstance(value, bytes) else b"n"

    return struct.pack(">H", len(values)) + b"".join(map(one, values))


def insert(oid: int, new: Tuple) -> bytes:
    return framed(b"I" + struct.pack(">I", oid) + b"N" + row(new))


def update(oid: int, new: Tuple, old: Tuple | None = None, kind: bytes = b"O") -> bytes:
    before = b"" if old is None else kind + row(old)
    return framed(b"U" + struct.pack(">I", oid) + before + b"N" + row(new))


def delete(oid: int, old: Tuple, kind: bytes = b"K") -> bytes:
    return framed(b"D" + struct.pack(">I", oid) + kind + row(old))


def truncate(*oids: int) -> bytes:
    return framed(b"T" + struct.pack(">IB", len(oids), 0) + struct.pack(f">{len(oids)}I", *oids))


def message(lsn: int, prefix: str, content: bytes, *, transactional: bool = True, sent_ms: int = EPOCH_MS) -> bytes:
    head = b"M" + struct.pack(">BQ", transactional, lsn) + text(prefix)
    return framed(head + struct.pack(">I", len(content)) + content, sent_ms=sent_ms)


def keepalive(end: int, *, wants_reply: bool = False) -> bytes:
    return b"k" + struct.pack(">QqB", end, 0, wants_reply)


ID, NAME = RelationColumn("id", 23, -1, True), RelationColumn("name", 25, -1, False)
ITEMS = relation(1, "public", "items", [ID, NAME])
SECRETS = relation(2, "public", "secrets", [ID, NAME])


def transaction(lsn: int, *changes: bytes) -> list[bytes]:
    return [begin(lsn, 1_700_000_000_000, lsn), *changes, commit(lsn, lsn + 8)]
