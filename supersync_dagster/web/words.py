"""How the pages write times, lengths and numbers."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def ago(at: datetime, now: datetime) -> str:
    """How far a time is from now.

    >>> noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    >>> ago(noon.replace(minute=3), noon), ago(noon.replace(hour=9), noon), ago(noon, noon)
    ('in 3 min', '3 h ago', 'now')
    """
    seconds = (at - now).total_seconds()
    size, word = next(((size, word) for size, word in _STEPS if abs(seconds) >= size), (1, ""))
    count = f"{int(abs(seconds) // size)} {word}"
    if not word:
        return "now"
    return f"in {count}" if seconds > 0 else f"{count} ago"


def length(seconds: float | None) -> str:
    """A length of time.

    >>> length(4.231), length(83), length(300), length(7500), length(0.0421), length(None)
    ('4.2 s', '1 min 23 s', '5 min', '2 h 5 min', '42 ms', '')
    """
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    large, small = next(pair for pair in pairwise(_STEPS) if seconds >= pair[0][0])
    count, rest = divmod(round(seconds), large[0])
    return f"{count} {large[1]}" + (f" {rest // small[0]} {small[1]}" if rest >= small[0] else "")


def number(value: float) -> str:
    """A count, with a comma between thousands.

    >>> number(8432)
    '8,432'
    """
    return f"{value:,.0f}"


def count(value: float | None) -> str:
    """The same; a dash for what was not reported.

    >>> count(8432), count(None)
    ('8,432', '–')
    """
    return "–" if value is None else number(value)


def short(value: float) -> str:
    """A number in as many digits as one reads at a glance.

    >>> short(1234567.8), short(12.345), short(0.5), short(3.0)
    ('1,234,568', '12.35', '0.5', '3')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{round(value, 2):g}"


def flat(details: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """JSON as names and texts; what is inside of something has its name before its own.

    >>> list(flat({"z_score": 12.345, "error": {"type": "Away", "codes": [1, 2]}, "new": True, "gone": None}))
    [('z score', '12.35'), ('error type', 'Away'), ('error codes', '1, 2'), ('new', 'yes')]
    """
    for key, value in details.items():
        name = f"{before} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from flat(value, name)
        elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value, 1):
                yield from flat({str(number) if len(value) > 1 else "": one}, name)
        elif value is not None:
            yield name, str(value) if name.endswith("id") else _said(value)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    return short(value) if isinstance(value, int | float) else str(value)


def size(count: int) -> str:
    """A number of bytes.

    >>> size(512), size(1_300_000)
    ('512 B', '1.3 MB')
    """
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def moment(at: datetime) -> str:
    """A time for people, in UTC.

    >>> moment(datetime(2026, 1, 1, 12, tzinfo=timezone.utc))
    '2026-01-01 12:00:00 UTC'
    """
    return at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def machine(at: datetime) -> str:
    """A time for `<time datetime>`.

    >>> machine(datetime(2026, 1, 1, 12, tzinfo=timezone.utc))
    '2026-01-01T12:00:00Z'
    """
    return at.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
