"""Column types of the ledger: what a bare SQL type lets through and the model does not."""

from datetime import datetime, timezone
from enum import Enum
from typing import Any

from sqlalchemy import DateTime, Dialect
from sqlalchemy import Enum as EnumType
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: `timestamptz`, aware in and aware UTC out. A naive time is refused with ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn into UTC; refuse a time without a zone, which would mean another moment on another machine."""
        if value is not None and value.utcoffset() is None:
            raise ValueError(f"a naive time cannot be stored: {value.isoformat()}; say its zone")
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn into UTC, whatever zone the connection is in."""
        return None if value is None else value.astimezone(timezone.utc)


def words(enum: type[Enum], name: str = "") -> EnumType:
    """A column of an enum's values as text with a check: a new word is a change of the check, not of a type.

    `name`: of the check, where a table has several columns of one enum.
    """
    return EnumType(
        enum, native_enum=False, create_constraint=True, length=32, values_callable=_values, name=name or _name(enum)
    )


def _values(enum: type[Enum]) -> list[Any]:
    return [member.value for member in enum]


def _name(enum: type[Enum]) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in enum.__name__).lstrip("_")
