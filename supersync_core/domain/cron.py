"""Cron expressions: five fields as `man 5 crontab` has them, checked without running anything."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from supersync_core.errors import ConfigError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: dict[str, dict[str, int]] = {
    "month": {name: number for number, name in enumerate(_MONTHS, start=1)},
    "day of week": {name: number for number, name in enumerate(_WEEKDAYS)},
}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_PART = re.compile(r"(?:\*|(?P<low>[a-z0-9]+)(?:-(?P<high>[a-z0-9]+))?)(?:/(?P<step>[0-9]{1,2}))?")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


_YEARS = 28
"""After so many years every date has fallen on every day of the week."""


def check_cron(text: str) -> None:
    """Raise ConfigError unless `text` is a cron expression of five fields that comes round at some time.

    Each field is `*`, a number, a range `a-b` or a list of those with commas, each with an optional step `/n`. Months
    and days of the week may be named (`jan`, `mon`); 0 and 7 are Sunday.
    """
    _, _, days, months, _ = _read(text)
    # Dagster refuses these even where a day of the week would save them.
    if not any(min(days) <= _DAYS[month - 1] for month in months):
        raise ConfigError(f"the cron expression {text!r} names a day that never comes")


def next_tick(text: str, after: datetime, zone: str = "UTC") -> datetime:
    """The first time after `after` at which the expression, read on a clock in `zone`, comes round; in UTC.

    As Dagster has it when clocks change: a time that is skipped becomes the moment of the change, and one that comes
    twice is the second of the two, or both where it runs every hour. Raises ConfigError.
    """
    return _next_tick(text, after.astimezone(timezone.utc).replace(second=0, microsecond=0), zone)


# A board asks each second for many that run at the same times.
@lru_cache(maxsize=1 << 12)
def _next_tick(text: str, after: datetime, zone: str) -> datetime:
    minutes, hours, _, _, _ = _read(text)
    clock = ZoneInfo(zone)
    for day in _days(text, after.astimezone(clock).date()):
        times = (time(hour, minute, tzinfo=clock) for hour in hours for minute in minutes)
        ticks = (tick for at in times for tick in _instants(datetime.combine(day, at), every_hour=len(hours) == 24))
        later = [tick for tick in ticks if tick > after]
        if later:
            return min(later)
    raise ConfigError(f"the cron expression {text!r} names a day that never comes")


def _instants(local: datetime, *, every_hour: bool) -> tuple[datetime, ...]:
    """The moments, in UTC, that a clock shows as `local`."""
    first, second = (local.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1))
    if first > second:  # skipped: https://peps.python.org/pep-0495/#mind-the-gap
        return (first.replace(minute=0),)
    return (first, second) if every_hour else (second,)


def _days(text: str, first: date) -> Iterator[date]:
    """The days from `first` on that the expression means: where it restricts both kinds of day, either will do."""
    fields = text.split()
    _, _, days, months, weekdays = _read(text)
    for offset in range(366 * _YEARS):
        day = first + timedelta(days=offset)
        by_date, by_weekday = day.day in days, day.isoweekday() % 7 in {weekday % 7 for weekday in weekdays}
        either = "*" not in (fields[2], fields[4])
        if day.month in months and (by_date or by_weekday if either else by_date and by_weekday):
            yield day


def _read(text: str) -> list[set[int]]:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(
            f"not a cron expression: {text!r} has {len(fields)} fields, not five: minute hour day month weekday"
        )
    values = []
    for field, (name, low, high) in zip(fields, _FIELDS, strict=True):
        try:
            values.append(_values(field.lower(), name, low, high))
        except ValueError as error:
            raise ConfigError(f"not a cron expression: {text!r}: {name}: {error}") from None
    return values


def _values(field: str, name: str, low: int, high: int) -> set[int]:
    """The numbers that a field stands for. Raises ValueError saying what is wrong."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"cannot read {part!r}")
        step = int(match["step"] or 1)
        first = low if match["low"] is None else _number(match["low"], name, low, high)
        # A lone number with a step, `5/15`, runs on to the end of the range.
        last = _number(match["high"], name, low, high) if match["high"] else first
        if not match["high"] and (match["low"] is None or match["step"]):
            last = high
        if step < 1 or last < first:
            raise ValueError(f"{part!r} never comes round")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, name: str, low: int, high: int) -> int:
    """A number or a name within its range."""
    number = _NAMES.get(name, {}).get(text)
    if number is None:
        number = int(text) if text.isdigit() and len(text) <= 2 else -1
    if not low <= number <= high:
        raise ValueError(f"{text!r} is not between {low} and {high}")
    return number
