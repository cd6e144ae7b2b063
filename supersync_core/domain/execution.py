"""One run of a pipeline: its states, what it counted, how far it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from supersync_core.errors import IllegalTransition


class ExecutionState(str, Enum):
    """Where a run stands. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not NEXT[self]


NEXT: dict[ExecutionState, frozenset[ExecutionState]] = {
    ExecutionState.QUEUED: frozenset(
        {ExecutionState.RUNNING, ExecutionState.FAILED, ExecutionState.CANCELLED},
    ),
    ExecutionState.RUNNING: frozenset(
        {ExecutionState.SUCCEEDED, ExecutionState.FAILED, ExecutionState.CANCELLED},
    ),
    ExecutionState.SUCCEEDED: frozenset(),
    ExecutionState.FAILED: frozenset(),
    ExecutionState.CANCELLED: frozenset(),
}


def check_transition(now: ExecutionState, then: ExecutionState) -> None:
    """Raise IllegalTransition unless `then` may follow `now`."""
    if then not in NEXT[now]:
        raise IllegalTransition(f"an execution that is {now.value} cannot become {then.value}")


DURATION_BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Upper bounds, in seconds, of the classes in which the lengths of runs are counted. A class once used must stay."""


def whole_seconds(started_at: datetime, ended_at: datetime) -> int:
    """From start to end in whole seconds, halves rounded up (Watcher: `duration_seconds`).

    The ledger says the same in SQL, in `execution_metrics`.

    >>> noon = datetime(2026, 11, 22, 12)
    >>> [whole_seconds(noon, noon + timedelta(seconds=seconds)) for seconds in (0.499999, 0.5, 300.5)]
    [0, 1, 301]
    """
    return (ended_at - started_at + _HALF_A_SECOND) // _SECOND


def throughput(total_rows: int | None, seconds: int) -> float | None:
    """Rows in a second, to two decimals, halves rounded up; 0 when it took no time (Watcher).

    None when the rows were not reported. The ledger says the same in SQL, in `execution_metrics`.

    >>> throughput(1000, 300), throughput(1000, 0), throughput(None, 0), throughput(None, 300)
    (3.33, 0.0, 0.0, None)
    """
    if not seconds:
        return 0.0
    return None if total_rows is None else (200 * total_rows + seconds) // (2 * seconds) / 100


_SECOND = timedelta(seconds=1)
_HALF_A_SECOND = timedelta(milliseconds=500)


class Trigger(str, Enum):
    """Who asked for a run."""

    SCHEDULE = "schedule"
    MANUAL = "manual"


@dataclass(frozen=True)
class Counts:
    """Rows by what happened to them. `extracted` is what the source gave; the rest is what the target did with it."""

    extracted: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def upserted(self) -> int:
        """Rows that the target wrote."""
        return self.inserted + self.updated


@dataclass(frozen=True)
class Progress:
    """How far a live run is: rows and bytes moved since its start, and the stage it is in."""

    stage: str
    rows: int = 0
    bytes: int = 0
    rows_per_s: float = 0.0
