"""When a pipeline runs: a cron expression, or every so many seconds."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from supersync_core.domain.cron import check_cron, next_tick
from supersync_core.errors import ConfigError


def check_zone(name: str) -> None:
    """Raise ConfigError unless the system knows the time zone, such as `Europe/Berlin`."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ConfigError(f"no such time zone: {name!r}; write one such as Europe/Berlin or UTC") from None


_GRID = datetime(1970, 1, 1, tzinfo=timezone.utc)


_SEEN_TICKS = 15


@lru_cache(maxsize=4096)
def _usual_interval_s(cron: str, zone: str) -> int:
    """The most frequent distance of the ticks that follow a fixed date; the shortest of several that are."""
    ticks = [next_tick(cron, datetime(2024, 1, 1, tzinfo=timezone.utc), zone)]
    for _ in range(_SEEN_TICKS):
        ticks.append(next_tick(cron, ticks[-1], zone))
    lengths = Counter(int((then - now).total_seconds()) for now, then in pairwise(ticks))
    return min(lengths, key=lambda seconds: (-lengths[seconds], seconds))


@dataclass(frozen=True)
class Cadence:
    """Either `cron` (five fields) or `every_s` (seconds) is set; times are read in `timezone`."""

    cron: str | None = None
    every_s: int | None = None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse neither, both, an interval below one second, a cron that cannot be read and an unknown zone."""
        if (self.cron is None) == (self.every_s is None):
            raise ConfigError("a schedule has either a cron expression or an interval in seconds")
        if self.every_s is not None and self.every_s < 1:
            raise ConfigError(f"an interval is at least 1 second, not {self.every_s}")
        if self.cron is not None:
            check_cron(self.cron)
        check_zone(self.timezone)

    @property
    def as_cron(self) -> str | None:
        """The cron expression with the same ticks, or None where cron cannot say it.

        An interval is a grid that starts at midnight (the table sync document: 300 s runs at 10:00, 10:05, ...), so
        it is a cron when its minutes divide an hour or its hours divide a day.

        >>> Cadence(every_s=300).as_cron, Cadence(every_s=7200).as_cron, Cadence(every_s=420).as_cron
        ('*/5 * * * *', '0 */2 * * *', None)
        """
        if self.cron is not None:
            return self.cron
        minutes, seconds = divmod(self.every_s or 0, 60)
        if seconds or not minutes:
            return None
        hours, rest = divmod(minutes, 60)
        if 60 % minutes == 0 and minutes < 60:
            return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
        if rest == 0 and 24 % hours == 0:
            return {1: "0 * * * *", 24: "0 0 * * *"}.get(hours, f"0 */{hours} * * *")
        return None

    @property
    def interval_s(self) -> int:
        """Seconds between two runs: `every_s`, else what lies most often between two ticks of the cron.

        >>> Cadence(cron="*/5 * * * *").interval_s, Cadence(cron="0 9 * * 1-5").interval_s
        (300, 86400)
        """
        return self.every_s or _usual_interval_s(self.cron or "", self.timezone)

    def tick_after(self, at: datetime) -> datetime | None:
        """The first tick after `at`, in UTC, where `as_cron` is None; else None: those ticks are a scheduler's.

        The grid starts with 1970 in UTC, so an interval that divides a day has a tick at midnight UTC.
        """
        if self.every_s is None or self.as_cron is not None:
            return None
        ticks = (at - _GRID) // timedelta(seconds=self.every_s)
        return _GRID + (ticks + 1) * timedelta(seconds=self.every_s)

    def next_run(self, at: datetime) -> datetime:
        """The first time after `at`, in UTC, at which it runs, whoever ticks."""
        cron = self.as_cron
        return next_tick(cron, at, self.timezone) if cron is not None else self.tick_after(at) or at
