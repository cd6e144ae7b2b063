"""Values in PostgreSQL's text form as what JSON can say: as Python values, and as bytes."""

import re
from binascii import b2a_base64, unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from supersync_core.connectors.postgres.arrays import parse_array

UNCHANGED_VALUE = {"_unchanged": True}
"""A value that the log does not repeat because it is unchanged: in `values()` and `json()`."""


class Kind(Enum):
    """How a type's text becomes a value."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    JSON = "json"
    JSONB = "jsonb"
    BYTES = "bytes"
    PLAIN = "plain"
    """Text in which no character needs an escape in JSON: numbers with all their digits, times, UUIDs, addresses."""
    TEXT = "text"
    ARRAY = "array"


@dataclass(frozen=True)
class TypeRule:
    """How a type's text becomes a value; of an array, how its elements do, and what stands between them."""

    kind: Kind
    element: "TypeRule | None" = None
    delimiter: str = ","


TEXT = TypeRule(Kind.TEXT)
# Numbers of PostgreSQL's own types (src/include/catalog/pg_type.dat).
BUILT_IN: dict[int, TypeRule] = {
    16: TypeRule(Kind.BOOL),
    **dict.fromkeys((20, 21, 23, 26), TypeRule(Kind.INT)),  # int8, int2, int4, oid
    **dict.fromkeys((700, 701), TypeRule(Kind.FLOAT)),
    114: TypeRule(Kind.JSON),
    3802: TypeRule(Kind.JSONB),
    17: TypeRule(Kind.BYTES),
    # numeric, uuid; date, time, timetz, timestamp, timestamptz, interval; inet, cidr, macaddr, macaddr8; bit, varbit;
    # xid, xid8, tid, pg_lsn; point, lseg, path, box, polygon, line, circle
    **dict.fromkeys((1700, 2950, 1082, 1083, 1266, 1114, 1184, 1186, 869, 650, 829, 774), TypeRule(Kind.PLAIN)),
    **dict.fromkeys((1560, 1562, 28, 5069, 27, 3220, 600, 601, 602, 603, 604, 628, 718), TypeRule(Kind.PLAIN)),
}

_LAST_DIGIT = ord("9")


def as_float(raw: bytes) -> Any:
    """A number, or one of the texts NaN, Infinity, -Infinity, which JSON has no number for."""
    return float(raw) if raw[-1] <= _LAST_DIGIT else raw.decode()


def float_json(raw: bytes) -> bytes:
    """The same as JSON; what PostgreSQL prints for a finite number is a number in JSON."""
    return raw if raw[-1] <= _LAST_DIGIT else b'"%b"' % raw


def as_document(raw: bytes) -> Any:
    """A JSON document. One that no JSON library holds, such as 1e1000 or half a surrogate pair, stays a text."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode()


def document_json(raw: bytes) -> bytes:
    """A JSON document in one line: the type `json` keeps the line breaks of its writer, and some sinks write lines.

    Between the values of a document a line break is white space; inside a text it is always escaped.
    """
    return _LINES.sub(b" ", raw) if b"\n" in raw or b"\r" in raw else raw


_LINES = re.compile(rb"[\r\n]+")


def as_binary(raw: bytes) -> dict[str, str]:
    """`\\x6869` as base64."""
    return {"_base64": b2a_base64(unhexlify(raw[2:]), newline=False).decode()}


def binary_json(raw: bytes) -> bytes:
    """The same as JSON."""
    return b'{"_base64":"%b"}' % b2a_base64(unhexlify(raw[2:]), newline=False)


_CONVERTERS: dict[Kind, Callable[[str], Any]] = {
    Kind.BOOL: lambda text: text == "t",
    Kind.INT: int,
    Kind.FLOAT: lambda text: as_float(text.encode()),
    Kind.JSON: lambda text: as_document(text.encode()),
    Kind.JSONB: lambda text: as_document(text.encode()),
    Kind.BYTES: lambda text: as_binary(text.encode()),
    Kind.PLAIN: str,
    Kind.TEXT: str,
}


def converter(rule: TypeRule) -> Callable[[str], Any]:
    """From a text in PostgreSQL's form to a value."""
    element = rule.element
    if element is None:
        return _CONVERTERS[rule.kind]
    convert = converter(element)
    return lambda text: parse_array(text, convert, rule.delimiter)
