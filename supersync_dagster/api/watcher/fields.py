"""The kinds of value that the document's bodies are made of, and what each of them is read from.

Texts are trimmed and lower-cased, watermarks and what lies inside metadata are not. What no database can hold, a NUL
character or a number without end, is a mistake of whoever sends it.
"""

from collections.abc import Iterator
from datetime import datetime, timezone
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from supersync_core.domain.check import DatePart, Metric
from supersync_core.domain.pipeline import MAX_NAME

MAX_ID = 2**63 - 1
MAX_NUMBER = 2**31 - 1
MAX_WATERMARK = 50
MAX_PART = 50
"""Characters of a database's, a schema's or a table's name, and of a primary key."""
_MAX_BITS = 1023
"""Of a whole number inside metadata: what a floating point number can be as well."""


def fold(value: Any) -> Any:
    """A text trimmed and in lower case; anything else as it is.

    >>> fold("  My Pipeline ")
    'my pipeline'
    """
    return value.strip().lower() if isinstance(value, str) else value


def holdable(text: str) -> str:
    """The text. Raises ValueError for one that PostgreSQL cannot hold."""
    if "\0" in text:
        raise ValueError("holds a NUL character, which cannot be kept")
    return text


def _watermark(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, (bool, int, float)) or not isfinite(value):
        raise ValueError("a watermark is a text, a number or a date")
    return str(value)


def _utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None


def _json_object(value: dict[str, Any]) -> dict[str, Any]:
    for one in _inside(value):
        if isinstance(one, str):
            holdable(one)
        elif isinstance(one, (int, float)) and not _is_usual(one):
            raise ValueError("holds a number that is too large")
    return value


def _is_usual(number: float) -> bool:
    return number.bit_length() <= _MAX_BITS if isinstance(number, int) else isfinite(number)


def _inside(value: Any) -> Iterator[Any]:
    """Every key and every value that is no container, however deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        else:
            yield one


def iso(value: datetime) -> str:
    """UTC with Z, and with microseconds only where there are any.

    >>> iso(datetime(2024, 1, 1, 10, tzinfo=timezone.utc))
    '2024-01-01T10:00:00Z'
    """
    return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def left_out(value: Any) -> Any:
    """The default of a key that may be left out and takes no null; the OpenAPI document does not show it."""
    return Field(default=value, json_schema_extra=_hide_default)


def _hide_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


Text = Annotated[str, BeforeValidator(fold), AfterValidator(holdable)]
Name = Annotated[Text, Field(min_length=1, max_length=MAX_NAME)]
Part = Annotated[Text, Field(max_length=MAX_PART)]
Id = Annotated[int, Field(ge=-MAX_ID, le=MAX_ID)]
"""An id that a body names: one that nothing has is not found, and one that no id can be is a mistake."""
Number = Annotated[int, Field(gt=0, le=MAX_NUMBER)]
Count = Annotated[int, Field(ge=0, le=MAX_ID)]
Datepart = Annotated[DatePart, BeforeValidator(fold)]
MetricField = Annotated[Metric, BeforeValidator(fold)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_json_object)]
Watermark = Annotated[
    str,
    BeforeValidator(_watermark),
    AfterValidator(holdable),
    Field(max_length=MAX_WATERMARK),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "maxLength": MAX_WATERMARK}, {"type": "integer"}], "title": "Watermark"},
        mode="validation",
    ),
]
"""A text, number or date, kept to the letter as text."""
Moment = Annotated[
    datetime,
    BeforeValidator(fold),
    AfterValidator(_utc),
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2024-01-01T10:00:00Z"]}),
]
"""A time of any zone, UTC without one; also a date alone, and seconds since 1970. Written in UTC."""
