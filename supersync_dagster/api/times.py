"""Times as the documents write them, and as clients may write them."""

import re
from datetime import date, datetime, time, timezone
from typing import Annotated

from pydantic import PlainSerializer, TypeAdapter, ValidationError, WithJsonSchema

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# A plus sign that a client did not escape arrives as a space.
_UNESCAPED_ZONE = re.compile(r"(?<=[\d.]) (?=\d{2}:?\d{2}$)")
_DATETIME = TypeAdapter(datetime)


def iso_milliseconds(value: datetime) -> str:
    """UTC with milliseconds and Z, as in the table sync document.

    >>> iso_milliseconds(datetime(2024, 1, 15, 10, 0, 4, 231999, tzinfo=timezone.utc))
    '2024-01-15T10:00:04.231Z'
    """
    return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_milliseconds(start: datetime, end: datetime) -> int:
    """From one moment to another as a client would count, who sees both to the millisecond.

    >>> shown_milliseconds(datetime(2024, 1, 15, 10, 0, 0, 999), datetime(2024, 1, 15, 10, 0, 4, 231_000))
    4231
    """
    cut = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in (start, end)]
    return round((cut[1] - cut[0]).total_seconds() * 1000)


Timestamp = Annotated[
    datetime,
    PlainSerializer(iso_milliseconds, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2024-01-15T10:00:04.231Z"]}),
]
"""A moment in an answer."""


def first_moment(text: str) -> datetime:
    """The moment that `text` names, or the first of the day where it is a date; without a zone it is UTC.

    Raises ValueError.
    """
    if _DATE.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), time(), timezone.utc)
    if "-" not in text:  # pydantic would take a number for seconds
        raise ValueError("write a date such as 2024-01-15, or a time such as 2024-01-15T10:00:00Z")
    try:
        moment = _DATETIME.validate_python(_UNESCAPED_ZONE.sub("+", text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValidationError, OverflowError):
        raise ValueError("write a date such as 2024-01-15, or a time such as 2024-01-15T10:00:00Z") from None


def last_moment(text: str) -> datetime:
    """The same, but the last of the day where it is a date, and of the millisecond that an answer has shown."""
    moment = first_moment(text)
    if _DATE.fullmatch(text):
        return moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000 + 999)
