"""Python values as PostgreSQL prints them, and back."""

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from supersync_core.connectors.copy_text import Field
from supersync_core.errors import BadData


def printed(value: Any) -> Field:
    """The text of a value, in UTF-8; None stays. Raises BadData for a type that has no text of its own."""
    if value is None:
        return None
    for kind, render in _PRINTED.items():
        if isinstance(value, kind):
            return render(value).encode()
    raise BadData(f"a {type(value).__name__} is no value of a table")


def _float(value: float) -> str:
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(str(value), repr(value))


def _datetime(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(" ")
    return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat(" ") + "+00"


# bool before int and datetime before date: each is a kind of the other.
_PRINTED: dict[type, Callable[[Any], str]] = {
    str: lambda value: value,
    bool: lambda value: "t" if value else "f",
    int: str,
    float: _float,
    Decimal: str,
    bytes: lambda value: "\\x" + value.hex(),
    datetime: _datetime,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: lambda value: f"{value.days} days {value.seconds}.{value.microseconds:06} seconds",
    UUID: str,
    dict: json.dumps,
    list: json.dumps,
}


def parsed(field: Field, type_name: str) -> Any:
    """The value of a text, by its column's type: numbers, booleans and bytes; all else stays text.

    So what Python has no value for (infinite times, years before 1) is kept exactly.
    """
    if field is None:
        return None
    return _PARSED.get(type_name.partition("(")[0], str)(field.decode())


_PARSED: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("smallint", "integer", "bigint"), int),
    **dict.fromkeys(("real", "double precision"), float),
    "numeric": Decimal,
    "boolean": lambda text: text == "t",
    "bytea": lambda text: bytes.fromhex(text.removeprefix("\\x")),
}


def ordered(field: bytes, type_name: str) -> Any:
    """What to compare instead of a text: numbers by value, times to the microsecond, all else by its bytes."""
    text = field.decode()
    if _PARSED.get(type_name.partition("(")[0]) in (int, float, Decimal):
        return Decimal(text)
    if type_name.startswith("timestamp"):
        seconds, _, fraction = text.removesuffix("+00").partition(".")
        return f"{seconds}.{fraction:0<6}"
    return text
