"""Lengths of time as people write them."""

import re
from datetime import timedelta

_DURATION = re.compile(r"([0-9]{1,9})\s*([smhdw]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
MAX_DURATION = timedelta(days=36525)
"""A hundred years: more is a slip of the pen, and would leave the calendar of the source."""


def parse_duration(value: object) -> timedelta:
    """Read `7d`, `1h`, `90s`, `2w`, `5m` or a whole number of seconds as a timedelta; leave a timedelta alone.

    Raises ValueError for what is no duration, for nothing and for more than `MAX_DURATION`.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value).strip()) if type(value) in (int, str) else None
    if match is None:
        raise ValueError("a duration is a whole number of seconds, or a number with one of s m h d w, such as 7d")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if not 0 < seconds <= MAX_DURATION.total_seconds():
        raise ValueError("a duration is longer than nothing and at most a hundred years")
    return timedelta(seconds=seconds)
