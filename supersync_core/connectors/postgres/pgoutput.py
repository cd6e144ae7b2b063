"""The messages of PostgreSQL's output plugin pgoutput, protocol version 1
(https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html).

Rows are not read here: the decoder of their relation does that, when somebody asks. A message is taken as it comes on
the wire, behind the header of its XLogData frame, so that nothing is copied.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

HEADER = 25
"""Bytes before the message: the letter `w`, where it begins in the log, where the log ends, the server's clock."""
ROW = HEADER + 8
"""The first column of the first row of a change: behind letter, table, the row's kind and the number of columns."""
EPOCH_MS = 946_684_800_000
"""2000-01-01, where PostgreSQL's clock begins, by the clock of the rest of the world."""

_begin = struct.Struct(">QqI").unpack_from
_commit = struct.Struct(">BQQq").unpack_from
_column_end = struct.Struct(">Ii").unpack_from
_message = struct.Struct(">BQ").unpack_from
_sent = struct.Struct(">q").unpack_from
_u16 = struct.Struct(">H").unpack_from
_u32 = struct.Struct(">I").unpack_from
_pack = struct.Struct(">I").pack
_TEXT = ord("t")


class Begin(NamedTuple):
    """A transaction begins. `commit_lsn`: of its commit record, `ts_ms`: when it was committed."""

    commit_lsn: int
    ts_ms: int
    xid: int


class RelationColumn(NamedTuple):
    """A column as it was when the change was made. `key`: part of the replica identity."""

    name: str
    type: int
    modifier: int
    key: bool


class RelationMessage(NamedTuple):
    """A table as it was when the changes that follow were made. `identity`: `pg_class.relreplident`."""

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[RelationColumn, ...]


class Truncate(NamedTuple):
    """All rows of these tables are gone."""

    oids: tuple[int, ...]


class LogicalMessage(NamedTuple):
    """What `pg_logical_emit_message` wrote; `lsn` is where it stands in the log."""

    transactional: bool
    lsn: int
    prefix: str
    content: bytes


def read_begin(data: bytes, at: int = HEADER) -> Begin:
    """Read a message of kind `B`."""
    commit_lsn, clock, xid = _begin(data, at + 1)
    return Begin(commit_lsn, clock // 1000 + EPOCH_MS, xid)


def read_commit_end(data: bytes, at: int = HEADER) -> int:
    """Where the transaction ends in the log, from a message of kind `C`."""
    end: int = _commit(data, at + 1)[2]
    return end


def read_sent_ms(data: bytes) -> int:
    """When the server sent a message, by its header: in milliseconds since 1970."""
    clock: int = _sent(data, HEADER - 8)[0]
    return clock // 1000 + EPOCH_MS


def read_relation(data: bytes, at: int = HEADER) -> RelationMessage:
    """Read a message of kind `R`."""
    (oid,) = _u32(data, at + 1)
    schema, at = _text(data, at + 5)
    name, at = _text(data, at)
    identity = chr(data[at])
    (count,) = _u16(data, at + 1)
    at += 3
    columns = []
    for _ in range(count):
        key = bool(data[at] & 1)
        column, at = _text(data, at + 1)
        kind, modifier = _column_end(data, at)
        columns.append(RelationColumn(column, kind, modifier, key))
        at += 8
    # The system's own schema is sent as an empty name.
    return RelationMessage(oid, schema or "pg_catalog", name, identity, tuple(columns))


def read_truncate(data: bytes, at: int = HEADER) -> Truncate:
    """Read a message of kind `T`."""
    (count,) = _u32(data, at + 1)
    return Truncate(struct.unpack_from(f">{count}I", data, at + 6))


def read_message(data: bytes, at: int = HEADER) -> LogicalMessage:
    """Read a message of kind `M`."""
    flags, lsn = _message(data, at + 1)
    prefix, at = _text(data, at + 10)
    (size,) = _u32(data, at)
    return LogicalMessage(bool(flags & 1), lsn, prefix, data[at + 4 : at + 4 + size])


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A text that ends with a zero byte, and where the next field begins."""
    end = data.index(0, at)
    return data[at:end].decode(), end + 1


def tuple_end(data: bytes, at: int) -> int:
    """Where a row ends that begins at `at` with the number of its columns."""
    (count,) = _u16(data, at)
    at += 2
    for _ in range(count):
        at += 5 + _u32(data, at + 1)[0] if data[at] == _TEXT else 1
    return at


def write_tuple(fields: Iterable[bytes | None]) -> bytes:
    """Columns as they stand in a message behind their number; None is NULL."""
    return b"".join([b"n" if field is None else b"t" + _pack(len(field)) + field for field in fields])
