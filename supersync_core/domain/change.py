"""Row changes as a log tells them: what changed, in which table and transaction, and where in the log that was."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from functools import cached_property, total_ordering
from typing import Any, Protocol

import orjson

OUTBOX_SCHEMA = "__outbox"
"""The schema of what is no table: messages of the log (DeltaForge: `outbox.prefixes`), named by their prefix."""


class Op(str, Enum):
    """What happened to a row. `read`: a snapshot found it there; `truncate`: all rows of the table are gone."""

    CREATE = "c"
    UPDATE = "u"
    DELETE = "d"
    READ = "r"
    TRUNCATE = "t"


@total_ordering
@dataclass(frozen=True, eq=False)
class Position:
    """A place in a log: all that was committed up to it is behind it.

    `order` compares positions of one source; `data` is the same place as the API shows it and the ledger keeps it, such
    as `{"lsn": "0/1A2B3C4D", "tx_id": 733}` or `{"file": "mysql-bin.000005", "pos": 12345}`.
    """

    order: tuple[int, ...]
    data: Mapping[str, Any] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Whether it is the same place."""
        return isinstance(other, Position) and self.order == other.order

    def __lt__(self, other: "Position") -> bool:
        """Whether it comes before the other one."""
        return self.order < other.order

    def __hash__(self) -> int:
        """By the place."""
        return hash(self.order)


@dataclass(frozen=True)
class SourceColumn:
    """A column as its database describes it. `type`: in that database's own words, such as `bigint(20) unsigned`."""

    name: str
    type: str
    nullable: bool
    default: str | None = None
    extra: str | None = None


@dataclass(frozen=True)
class SourceTable:
    """A table whose changes are read. `schema` is empty where the database has none (MySQL)."""

    database: str
    schema: str
    name: str
    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Schema and name, or database and name where there are no schemas."""
        return f"{self.schema or self.database}.{self.name}"

    @cached_property
    def fingerprint(self) -> str:
        """`sha256:` and 64 digits over columns in order and primary key: another one is another version of it."""
        text = json.dumps([[asdict(column) for column in self.columns], self.primary_key], sort_keys=True)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class Image(Protocol):
    """A row before or after a change. Sources decode it when it is asked for, because often only its bytes are needed.

    Values are what JSON can say: bool, int, float and str; NULL is None; JSON columns are parsed; bytes are
    `{"_base64": ...}`; a value that the log does not repeat because it is unchanged is `{"_unchanged": true}`.
    """

    def values(self) -> dict[str, Any]:
        """By column, in the order of the table's columns. The caller must not change it."""

    def json(self) -> bytes:
        """The same as a JSON object."""


class TextImage(Image, Protocol):
    """An image that also gives the exact texts of its server."""

    def texts(self) -> Mapping[str, bytes | None]:
        """By column, in the order of the table's columns: the value as the server prints it, in UTF-8; None is NULL.

        A column is left out when the log does not tell its value, because it is unchanged or not part of the key.
        """


class Values:
    """An image that is there as values: what a processor has made, or a source has decoded anyway."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        """Keep them; nobody may change them from here on."""
        self._values = values

    def values(self) -> dict[str, Any]:
        """See `Image`."""
        return self._values

    def json(self) -> bytes:
        """See `Image`."""
        return orjson.dumps(self._values)


class Transaction:
    """A transaction of the source, or a chunk of a snapshot. `position`: of its end. `ts_ms`: when it was committed.

    `source`: fields that every event of it carries in its `source` block, such as `lsn` and `txId`. `id_prefix`: see
    `event_id_prefix`.
    """

    __slots__ = ("id", "id_prefix", "position", "source", "ts_ms")

    def __init__(self, id: str, position: Position, ts_ms: int, source: dict[str, Any], id_prefix: str) -> None:
        """All that is known when it is committed."""
        self.id, self.position, self.ts_ms, self.source, self.id_prefix = id, position, ts_ms, source, id_prefix


@dataclass(frozen=True)
class Route:
    """Where a processor wants an event to go, before what the sink's templates say.

    `raw`: what goes on the wire is the row after the change alone, in no envelope.
    """

    topic: str | None = None
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bool = False


class Change:
    """One change of one row. `index`: its place in its transaction, from 0.

    `id`: only where it does not follow from transaction and index, as for rows of a snapshot and for what a processor
    has made. `synthetic`: the processor that made it. `tx_end`: it is the last one of its transaction.
    `schema_version`, `schema_sequence`: of the sensed schema, where sensing is on.
    """

    __slots__ = (
        *("op", "table", "tx", "index", "before", "after", "id", "route", "synthetic", "tx_end"),
        *("schema_version", "schema_sequence"),
    )

    def __init__(  # noqa: PLR0913  # a change has that many parts, and is made a hundred thousand times a second
        self,
        op: Op,
        table: SourceTable,
        tx: Transaction,
        index: int,
        before: Image | None,
        after: Image | None,
        id: str | None = None,
    ) -> None:
        """A change as the source tells it."""
        self.op, self.table, self.tx, self.index = op, table, tx, index
        self.before, self.after, self.id = before, after, id
        self.route: Route | None = None
        self.synthetic: str | None = None
        self.tx_end = False
        self.schema_version: str | None = None
        self.schema_sequence: int | None = None

    @property
    def event_id(self) -> str:
        """A UUID that is the same whenever this change is read."""
        return self.id or f"{self.tx.id_prefix}{self.index:08x}"

    def key(self) -> dict[str, Any]:
        """The primary key of the row, as it is after the change, else before it; {} where there is none."""
        image = self.after if self.after is not None else self.before
        if image is None or not self.table.primary_key:
            return {}
        values = image.values()
        return {name: values.get(name) for name in self.table.primary_key}


@dataclass(frozen=True)
class Unit:
    """What must not be torn apart: a transaction's changes in order, or a chunk of a snapshot. `bytes`: on the wire.

    `changes` may be empty: then only the position moves.
    """

    changes: Sequence[Change]
    position: Position
    bytes: int


def event_id_prefix(origin: str, place: int) -> str:
    """The first 28 characters of the ids of all events of one transaction; eight hexadecimal digits of index follow.

    `origin`: the identity of the server and its database; `place`: of the transaction in its log, below 2^64. The whole
    is a UUID of version 8 (RFC 9562): the place in full, 26 bits of the origin's digest, 32 bits for the index.

    >>> event_id_prefix("7123456789/shop", 0x1A2B3C4D) + f"{7:08x}"
    '00000000-1a2b-83c4-b7b4-502600000007'
    """
    digest = int.from_bytes(hashlib.sha256(origin.encode()).digest()[:4], "big")
    head, middle, low = place >> 32, place >> 16 & 0xFFFF, place >> 4 & 0xFFF
    variant = 0x8000 | (place & 0xF) << 10 | digest >> 22
    return f"{head:08x}-{middle:04x}-8{low:03x}-{variant:04x}-{digest >> 6 & 0xFFFF:04x}"


def row_event_id(origin: str, place: int, table: str, key: Sequence[bytes]) -> str:
    """The id of a row that a snapshot has read: a UUID of version 8 that is the same whenever that row is read.

    `place`: where in the log of `origin` the snapshot joins it; `key`: of the row, as its database prints it.
    """
    parts = [origin.encode(), b"%d" % place, table.encode(), *key]
    # Each part with its length before it, so that no two lists of parts look the same.
    text = hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()
    variant = f"{0x8 | int(text[16], 16) & 0x3:x}"
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"
