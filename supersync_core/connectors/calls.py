"""What a source of calls and their target must do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from supersync_core.domain.historical_sync import Call, FailedRecord, Span, Window, WindowState


@dataclass(frozen=True)
class CallPage:
    """Some calls of a window, and records that are none. `position`: what reading goes on from after it."""

    calls: Sequence[Call]
    failed: Sequence[FailedRecord]
    position: str


class CallSource(Protocol):
    """A system that knows an agency's calls. Several threads may read several windows."""

    def windows(self, span: Span, size: timedelta) -> Sequence[Window]:
        """The parts in which the span is read, the same ones each time; none is longer than `size` where it has days.

        Raises what `read` raises.
        """

    def count(self, span: Span) -> int | None:
        """How many records `read` would give for all windows; None where that is not cheap to know."""

    def read(self, window: Window, position: str | None) -> Iterator[CallPage]:
        """The calls that began in the window, from a position on. Raises AbortErrors, RetryErrors and Cancelled."""

    def cancel(self) -> None:
        """Let whatever is going on end with Cancelled, soon. From any thread."""

    def close(self) -> None:
        """Disconnect."""


class CallSink(Protocol):
    """One connection to a table of calls."""

    def windows(self) -> Mapping[str, WindowState]:
        """What is committed of the job, by the names of windows; the table is made where there is none."""

    def write(self, window: str, page: CallPage, state: WindowState) -> WindowState:
        """Write the page's calls that are not there yet, and how far the window then is, in one transaction.

        `state`: how far it was. Returns what is committed. The position is the page's.
        """

    def finish(self, window: str, state: WindowState) -> None:
        """Say that all of the window is read."""

    def forget(self) -> None:
        """Drop what `windows` knows: the job has ended."""

    def cancel(self) -> None:
        """Let whatever is going on end with Cancelled, soon. From any thread."""

    def close(self) -> None:
        """Disconnect; what is not committed is undone."""
