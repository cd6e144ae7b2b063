"""Time comes in as a value: services take a `Clock`, tests hand in a frozen one."""

from collections.abc import Callable
from datetime import datetime, timezone

Clock = Callable[[], datetime]


def utcnow() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(timezone.utc)
