"""Images of rows as pgoutput sends them, with a decoder of their own for each shape of table.

A row is kept as the bytes of its message and is decoded when it is asked for. The code that does so is written for the
columns of the table, one after the other, and compiled: no loop and no lookup of a type for each value, and for
`json()` no value at all, because most of PostgreSQL's text forms are JSON already. Measured against a loop over
columns: less than half the CPU.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from textwrap import indent
from typing import Any, ClassVar

import orjson

from supersync_core.connectors.postgres.values import (
    UNCHANGED_VALUE,
    Kind,
    TypeRule,
    as_binary,
    as_document,
    as_float,
    binary_json,
    converter,
    document_json,
    float_json,
)
from supersync_core.domain.streak import Form, literal


class Row:
    """A `TextImage` over a message. `at`: where its first column stands in `data`.

    Each shape of table has a class of its own. Its code is compiled when it is first called: most pipelines need one
    or two of the three forms, and tables may be many.
    """

    __slots__ = ("_at", "_data", "_values")
    _columns: ClassVar[Sequence[tuple[str, TypeRule]]] = ()
    _wanted: ClassVar[Sequence[bool]] = ()

    def __init__(self, data: bytes, at: int) -> None:
        """Keep the message."""
        self._data, self._at = data, at
        self._values: dict[str, Any] | None = None

    def values(self) -> dict[str, Any]:
        """See `Image`; decoded once."""
        if self._values is None:
            self._values = self._decode()
        return self._values

    def json(self) -> bytes:
        """See `Image`."""
        written: bytes = self._compile("json")(self)
        return written

    def texts(self) -> Mapping[str, bytes | None]:
        """See `TextImage`."""
        texts: Mapping[str, bytes | None] = self._compile("texts")(self)
        return texts

    def _decode(self) -> dict[str, Any]:
        decoded: dict[str, Any] = self._compile("_decode")(self)
        return decoded

    @classmethod
    def written(cls, messages: Sequence[bytes], at: int, form: Form, id_ends: Sequence[bytes]) -> list[bytes]:
        """The events of rows that all stand `at` the same place; see `Streak`."""
        lines: list[bytes] = cls._compile("written")(messages, at, form, id_ends)
        return lines

    @classmethod
    def _compile(cls, name: str) -> Callable[..., Any]:
        function = _compiled(name, cls._columns, cls._wanted)
        setattr(cls, name, function)
        return function


def row_type(columns: Sequence[tuple[str, TypeRule]], only: Sequence[bool] | None = None) -> type[Row]:
    """A kind of `Row` for these columns. `only`: those that are there at all, as of an old row with but its key."""
    wanted = [True] * len(columns) if only is None else only
    return type("Row", (Row,), {"__slots__": (), "_columns": columns, "_wanted": wanted})


_SLICE = "b[p + 5:q]"
_STR = f'str({_SLICE}, "utf-8")'
_VALUE = {
    Kind.BOOL: "b[p + 5] == 116",
    Kind.INT: f"int({_SLICE})",
    Kind.FLOAT: f"as_float({_SLICE})",
    Kind.JSON: f"as_document({_SLICE})",
    Kind.JSONB: f"as_document({_SLICE})",
    Kind.BYTES: f"as_binary({_SLICE})",
    Kind.PLAIN: _STR,
    Kind.TEXT: _STR,
    Kind.ARRAY: f"array{{i}}({_STR})",
}
_JSON = {
    Kind.BOOL: 'b"true" if b[p + 5] == 116 else b"false"',
    Kind.INT: _SLICE,
    Kind.FLOAT: f"float_json({_SLICE})",
    Kind.JSON: f"document_json({_SLICE})",
    Kind.JSONB: _SLICE,
    Kind.BYTES: f"binary_json({_SLICE})",
    Kind.PLAIN: f"b'\"%b\"' % {_SLICE}",
    Kind.TEXT: f"dumps({_STR})",
    Kind.ARRAY: f"dumps(array{{i}}({_STR}))",
}
# `t`: a text with its length before it, `n`: NULL, `u`: unchanged and not repeated.
_TAKE = """\
    if b[p] == 116:
        q = p + 5 + length(b, p + 1)[0]
        v{i} = {expression}
        p = q
    else:
        v{i} = {null} if b[p] == 110 else unchanged
        p += 1
"""
_SKIP = "    p += 5 + length(b, p + 1)[0] if b[p] == 116 else 1\n"
_NAMES: dict[str, Any] = {
    "length": struct.Struct(">I").unpack_from,
    "dumps": orjson.dumps,
    "as_float": as_float,
    "as_document": as_document,
    "as_binary": as_binary,
    "float_json": float_json,
    "document_json": document_json,
    "binary_json": binary_json,
}


_UNTOLD = object()


def _told(texts: dict[str, Any]) -> dict[str, Any]:
    """Without the columns whose values the log does not tell."""
    return {name: text for name, text in texts.items() if text is not _UNTOLD} if _UNTOLD in texts.values() else texts


# Of each form: how a text becomes it, NULL, what is unchanged.
_FORMS: dict[str, tuple[Mapping[Kind, str], str, Any]] = {
    "_decode": (_VALUE, "None", UNCHANGED_VALUE),
    "json": (_JSON, 'b"null"', orjson.dumps(UNCHANGED_VALUE)),
    "texts": (dict.fromkeys(Kind, _SLICE), "None", _UNTOLD),
    "written": (_JSON, 'b"null"', orjson.dumps(UNCHANGED_VALUE)),
}
_ONE = """\
def {name}(self, {defaults}):
    b = self._data
    p = self._at
{body}\
    return {result}
"""
_MANY = """\
def {name}(messages, at, form, id_ends, {defaults}):
    lines = []
    add = lines.append
    line = form.head + row + form.tail
    for b, id_end in zip(messages, id_ends):
        p = at
{body}\
        add(line % {result})
    return lines
"""


def _compiled(name: str, columns: Sequence[tuple[str, TypeRule]], wanted: Sequence[bool]) -> Callable[..., Any]:
    expressions, null, unchanged = _FORMS[name]
    body = "".join(
        _TAKE.format(i=i, expression=expressions[rule.kind].format(i=i), null=null) if wanted[i] else _SKIP
        for i, (_, rule) in enumerate(columns)
    )
    kept = [(i, column) for i, (column, _) in enumerate(columns) if wanted[i]]
    names: dict[str, Any] = {**_NAMES, "unchanged": unchanged, "told": _told, "row": _object(kept)}
    names |= {f"array{i}": converter(rule) for i, (_, rule) in enumerate(columns) if rule.kind is Kind.ARRAY}
    # What is used in every row is a local name, and so a default of a parameter.
    defaults = ", ".join(f"{used}={used}" for used in names)
    values = "".join(f"v{i}, " for i, _ in kept)
    if name == "written":
        source = _MANY.format(name=name, defaults=defaults, body=indent(body, "    "), result=f"({values}id_end)")
    else:
        results = {"json": f"row % ({values})", "texts": f"told({_dict(kept)})", "_decode": _dict(kept)}
        source = _ONE.format(name=name, defaults=defaults, body=body, result=results[name])
    exec(source, names)  # noqa: S102  # our own text; names of columns are in it as literals only
    function: Callable[..., Any] = names[name]
    return function


def _dict(kept: Sequence[tuple[int, str]]) -> str:
    pairs = ", ".join(f"{column!r}: v{i}" for i, column in kept)
    return f"{{{pairs}}}"


def _object(kept: Sequence[tuple[int, str]]) -> bytes:
    """A format of bytes, in which a percent sign of a name is doubled."""
    labels = (literal(orjson.dumps(column)) + b":%b" for _, column in kept)
    return b"{" + b",".join(labels) + b"}"
