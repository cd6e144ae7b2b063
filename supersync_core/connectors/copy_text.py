"""PostgreSQL's COPY text format, for systems that do not speak it themselves.

Rows go in as fields of raw bytes in UTF-8, the way a server prints them, or None for NULL, and come out as lines:
fields end with a tab, lines with a newline, NULL is `\\N`, and a backslash escapes what would mislead
(https://www.postgresql.org/docs/current/sql-copy.html). The work is done column by column over a batch, by an encoder
chosen once per column, because a look at every single value is what makes Python slow here.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from supersync_core.errors import BadData

Field = bytes | None
ColumnEncoder = Callable[[Sequence[Field]], Sequence[bytes]]
"""From the fields of one column of a batch to what stands in the lines. Raises NulCharacter."""

NULL = b"\\N"


class NulCharacter(Exception):
    """A text with a NUL character, at the place `row` of the batch."""

    def __init__(self, row: int) -> None:
        """Keep the place."""
        super().__init__(row)
        self.row = row


def plain(column: Sequence[Field]) -> Sequence[bytes]:
    """Fields without a character to escape: numbers, dates, booleans."""
    return [NULL if field is None else field for field in column]


def text(column: Sequence[Field]) -> Sequence[bytes]:
    """Fields of any characters. A NUL, which PostgreSQL's text cannot hold, raises NulCharacter."""
    everything = b"".join(filter(None, column))
    if b"\0" in everything:
        raise NulCharacter(next(place for place, field in enumerate(column) if field and b"\0" in field))
    if not any(special in everything for special in (b"\\", b"\n", b"\t", b"\r")):
        return plain(column)
    return [NULL if field is None else escape(field) for field in column]


def escape(field: bytes) -> bytes:
    """The field with a backslash before what would end it, and before backslashes."""
    # Backslashes first: the others put some in.
    return field.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\t", b"\\t").replace(b"\r", b"\\r")


def binary(column: Sequence[Field]) -> Sequence[bytes]:
    """Arbitrary bytes as a `bytea` in hexadecimal; the backslash that begins it is escaped like any other."""
    return [NULL if field is None else b"\\\\x" + field.hex().encode() for field in column]


def converted(convert: Callable[[bytes], Field]) -> ColumnEncoder:
    """Fields that another rule rewrites first; the result has no character to escape, and may be NULL."""
    return lambda column: plain([None if field is None else convert(field) for field in column])


class CopyTextWriter:
    """Writes batches of rows to `out` as COPY text."""

    def __init__(
        self, out: BinaryIO, names: Sequence[str], encoders: Sequence[ColumnEncoder], key: Sequence[str] = ()
    ) -> None:
        """One encoder per column; `key` names the columns that tell a row apart in an error."""
        self._out = out
        self._names = names
        self._encoders = encoders
        self._key = [names.index(name) for name in key]

    def write(self, rows: Sequence[Sequence[Field]]) -> int:
        """Write the rows in one go; how many bytes. Raises BadData naming the column and the row's key."""
        if not rows:
            return 0
        fields = []
        for name, encode, column in zip(self._names, self._encoders, zip(*rows, strict=True), strict=True):
            try:
                fields.append(encode(column))
            except NulCharacter as nul:
                raise BadData(self._message(name, rows[nul.row])) from None
        lines = b"\n".join(map(b"\t".join, zip(*fields, strict=True))) + b"\n"
        self._out.write(lines)
        return len(lines)

    def _message(self, name: str, row: Sequence[Field]) -> str:
        key = ", ".join(f"{self._names[i]} = {(row[i] or b'').decode(errors='replace')}" for i in self._key)
        return f"column {name!r} holds a NUL character, which PostgreSQL's text cannot" + (
            f", in the row with {key}" if key else ""
        )


BATCH_ROWS = 1000
BATCH_BYTES = 1 << 20


def batches(rows: Iterable[Sequence[Field]]) -> Iterator[list[Sequence[Field]]]:
    """The rows in lists that end after so many rows or bytes, whichever comes first."""
    batch: list[Sequence[Field]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(b"".join(filter(None, row)))
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def read_rows(file: BinaryIO) -> Iterator[tuple[Field, ...]]:
    """The rows of COPY text; the inverse of CopyTextWriter with `text` in every column. Only calls `file.read`."""
    for line in _lines(file):
        if line == b"\\.":
            return
        yield tuple(map(_unescaped, line.split(b"\t")))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(BATCH_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


_ESCAPED = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _unescaped(field: bytes) -> Field:
    if field == NULL:
        return None
    return field if b"\\" not in field else _ESCAPED.sub(_character, field)


def _character(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1].isdigit() and code < b"8":
        return bytes([int(code, 8) & 0xFF])
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    return _LETTERS.get(code, code)
