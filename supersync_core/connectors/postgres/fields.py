"""Rows of changes as COPY fields: the source's own texts where it gives them, else made from what JSON can say."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from supersync_core.connectors.copy_text import Field
from supersync_core.domain.change import Image
from supersync_core.domain.table import Column
from supersync_core.errors import BadData


class Unchanged:
    """The place of a value that the log did not repeat, because the change left it alone."""


UNCHANGED = Unchanged()
Fields = tuple[Any, ...]
"""A row: a `Field` per column, or UNCHANGED."""
_Convert = Callable[[Any], Field]


class FieldReader:
    """Reads the rows of one table, as its columns are at one time."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """`columns`: in PostgreSQL's types."""
        self.names = [column.name for column in columns]
        self._converters = [converter(column.type) for column in columns]

    def fields(self, image: Image) -> Fields:
        """The row in the order of the columns. Raises BadData for a value that its column cannot hold."""
        texts = getattr(image, "texts", None)
        if texts is not None:
            found = texts()
            row = tuple(found.values())
            # The usual case: all columns, in their order.
            return row if len(row) == len(self.names) else tuple(found.get(name, UNCHANGED) for name in self.names)
        try:
            values = image.values()
            return tuple(
                _field(values.get(name, UNCHANGED), convert)
                for name, convert in zip(self.names, self._converters, strict=True)
            )
        except (TypeError, ValueError) as error:
            raise BadData(f"a value cannot be written: {error}") from error


def _field(value: Any, convert: _Convert) -> Any:
    if value is None or value is UNCHANGED:
        return value
    if isinstance(value, dict):
        if "_unchanged" in value:
            return UNCHANGED
        if "_base64" in value:
            return b"\\x" + base64.b64decode(value["_base64"]).hex().encode()
    return convert(value)


def converter(type_name: str) -> _Convert:
    """What writes a value of JSON as a text of that type."""
    if type_name.endswith("[]"):
        element = converter(type_name[:-2])
        return lambda value: _array(value, element) if isinstance(value, list) else _text(value)
    if type_name in ("json", "jsonb"):
        return orjson.dumps
    if type_name.startswith("bit(") and type_name[4:-1].isdigit():
        digits = int(type_name[4:-1])
        return lambda value: f"{value:0{digits}b}".encode() if type(value) is int else _text(value)
    return _text


def _text(value: Any) -> Field:
    if isinstance(value, str):
        return value.encode()
    if value is True or value is False:
        return b"t" if value else b"f"
    return orjson.dumps(value)


def _array(values: list[Any], convert: _Convert) -> bytes:
    """As PostgreSQL reads it (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO)."""
    return b"{%b}" % b",".join(_element(value, convert) for value in values)


def _element(value: Any, convert: _Convert) -> bytes:
    if isinstance(value, list):
        return _array(value, convert)
    field = _field(value, convert)
    if field is None:
        return b"NULL"
    return b'"%b"' % field.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
