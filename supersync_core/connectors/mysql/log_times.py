"""Dates and times in the bytes of a MySQL log, as texts. `column` is the driver's, with its digits of a second."""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

FromLog = Callable[[bytes, int], tuple[Any, int]]
"""From the bytes of a row and where the value begins there to the value and where it ends."""


def year_of(column: Any) -> FromLog:
    """Years from 1901 to 2155, and 0."""
    return lambda data, at: (data[at] + 1900 if data[at] else 0, at + 1)


def date_of(column: Any) -> FromLog:
    """Dates; null where a part is 0."""

    def read(data: bytes, at: int) -> tuple[str | None, int]:
        packed = int.from_bytes(data[at : at + 3], "little")
        return _day(packed >> 9, packed >> 5 & 15, packed & 31), at + 3

    return read


def _day(year: int, month: int, day: int) -> str | None:
    return f"{year:04d}-{month:02d}-{day:02d}" if year and month and day else None


def _fraction(raw: bytes, digits: int) -> str:
    """What stands behind the seconds; kept in hundredths, ten-thousandths or millionths."""
    return f".{int.from_bytes(raw, 'big'):0{2 * len(raw)}d}"[: digits + 1] if digits else ""


def datetime_of(column: Any) -> FromLog:
    """Dates with times, with the column's fraction of a second."""
    size = 5 + (column.fsp + 1) // 2

    def read(data: bytes, at: int) -> tuple[str | None, int]:
        packed = int.from_bytes(data[at : at + 5], "big") & 0x7FFFFFFFFF
        months = packed >> 22
        day = _day(months // 13, months % 13, packed >> 17 & 31)
        clock = f"{packed >> 12 & 31:02d}:{packed >> 6 & 63:02d}:{packed & 63:02d}"
        fraction = _fraction(data[at + 5 : at + size], column.fsp)
        return day and f"{day} {clock}{fraction}", at + size

    return read


def timestamp_of(column: Any) -> FromLog:
    """Moments, in UTC; null for 0."""
    size = 4 + (column.fsp + 1) // 2

    def read(data: bytes, at: int) -> tuple[str | None, int]:
        seconds = int.from_bytes(data[at : at + 4], "big")
        if not seconds:
            return None, at + size
        clock = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        return f"{clock}{_fraction(data[at + 4 : at + size], column.fsp)}+00", at + size

    return read


def time_of(column: Any) -> FromLog:
    """Times and spans, also negative ones."""
    parts = (column.fsp + 1) // 2
    size = 3 + parts

    def read(data: bytes, at: int) -> tuple[str, int]:
        # Counted from the middle, so that times sort as they are.
        packed = int.from_bytes(data[at : at + size], "big") - (1 << (8 * size - 1))
        sign, packed = ("-", -packed) if packed < 0 else ("", packed)
        whole, rest = packed >> 8 * parts, (packed & (1 << 8 * parts) - 1).to_bytes(parts, "big")
        clock = f"{whole >> 12 & 1023:02d}:{whole >> 6 & 63:02d}:{whole & 63:02d}"
        return f"{sign}{clock}{_fraction(rest, column.fsp)}", at + size

    return read
