"""The history of an agency's calls: what a call is, a range of dates and its windows, how far an import is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from supersync_core.errors import OutOfOrder

ANY_AGENCY = "any"
"""In place of an agency: an import for any never runs, each agency that asks gets one of its own, made after it."""
MAX_WINDOWS = 100_000
"""A range is not cut into more: a window is then longer than it was asked for."""


class JobStatus(str, Enum):
    """Where an import stands, in the words of its document, in which its table is read as well."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Whether it goes on: an agency has at most one that does."""
        return self in (JobStatus.PENDING, JobStatus.IN_PROGRESS)


class Call(NamedTuple):
    """A call as its provider tells it. `call_id` is the provider's; `extra`: a JSON object with all else."""

    provider: str
    call_id: str
    started_at: datetime
    duration_s: int | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    status: str | None = None
    extra: str | None = None


class FailedRecord(NamedTuple):
    """A record that is no call. `ref` names it within its source; `record`: as it came, cut where it is long."""

    ref: str
    record: str
    error: str


class Span(NamedTuple):
    """From `start` on, up to and without `end`; both have a zone."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether it is within."""
        return self.start <= moment < self.end


class Window(NamedTuple):
    """A part of what is imported, with its own checkpoint: the calls of a span, or those of a file in it."""

    name: str
    span: Span


@dataclass(frozen=True)
class CallCounts:
    """Calls by what happened to them. `skipped`: they were there already."""

    imported: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def processed(self) -> int:
        """All of them."""
        return self.imported + self.skipped + self.failed

    def __add__(self, other: "CallCounts") -> "CallCounts":
        """Both together."""
        return CallCounts(self.imported + other.imported, self.skipped + other.skipped, self.failed + other.failed)


@dataclass(frozen=True)
class WindowState:
    """How far a window is. `position`: what its source goes on from, None at its begin."""

    counts: CallCounts = field(default_factory=CallCounts)
    position: str | None = None
    done: bool = False


def check_span(start: datetime, end: datetime) -> Span:
    """The span. Raises OutOfOrder unless it begins before it ends."""
    if start >= end:
        raise OutOfOrder("date_from must be before date_to")
    return Span(start, end)


def cut(span: Span, size: timedelta) -> Iterator[Window]:
    """Windows of at most `size`, in order, that cover the span without gap or overlap.

    >>> from datetime import timezone
    >>> days = [datetime(2025, 1, day, tzinfo=timezone.utc) for day in (1, 2, 3)]
    >>> [window.name for window in cut(Span(days[0], days[2]), timedelta(hours=30))]
    ['2025-01-01T00:00:00+00:00', '2025-01-02T06:00:00+00:00']
    """
    size = max(size, (span.end - span.start) / MAX_WINDOWS)
    start = span.start
    while start < span.end:
        # A day less than the last that a date can say would not be the end of time.
        end = start + size if span.end - start > size else span.end
        yield Window(start.isoformat(), Span(start, end))
        start = end


def percent(processed: int, total: int | None) -> int | None:
    """How much of it, in percent, halves rounded up; None where nobody knows how much there is, or there is nothing.

    >>> percent(1, 8), percent(750, 1500), percent(0, 0), percent(3, None)
    (13, 50, None, None)
    """
    return (200 * processed + total) // (2 * total) if total else None
