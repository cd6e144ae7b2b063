"""What the runtime remembers, wherever that is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from supersync_core.connectors.changes import Refused
from supersync_core.domain.change import Change, Position, SourceTable
from supersync_core.engines.cdc.sensing.sensor import Kept


class QueueFull(Exception):  # noqa: N818  # a state, and the caller's choice what follows
    """The dead letter queue is full and its policy is to wait until somebody has taken something out."""


@dataclass(frozen=True)
class DeadLetter:
    """An event that a sink can never take, and where it came from."""

    sink_id: str
    refused: Refused
    position: Position


@dataclass(frozen=True)
class Replay:
    """A dead letter that its sink is to be offered again. `seq`: its number."""

    seq: int
    sink_id: str
    change: Change


class Journal(Protocol):
    """Durable memory of one pipeline. Raises RetryError while it cannot be reached.

    Every write is refused (LeaseLost) once another run has taken the pipeline over.
    """

    def checkpoints(self) -> Mapping[str, Position]:
        """What each sink has, by its id; only of sinks that have something."""

    def commit(  # noqa: PLR0913  # what a batch has led to
        self,
        positions: Mapping[str, Position],
        dead: Sequence[DeadLetter],
        *,
        events: int,
        bytes: int,
        replayed: Sequence[int] = (),
    ) -> None:
        """Store checkpoints, dead letters and counts of a batch, in one transaction. Raises QueueFull.

        `replayed`: dead letters that are none any more.
        """

    def replays(self, sink_ids: Sequence[str], limit: int) -> Sequence[Replay]:
        """Dead letters of these sinks that are to be delivered again, the oldest first."""

    def register(self, table: SourceTable, position: Position | None) -> int:
        """The version of a table's schema: a new number for a new fingerprint, the old one for one seen before."""

    def report(self, status: Mapping[str, Any]) -> None:
        """Say how it goes: lag, errors by sink, throughput. The last word counts."""

    def sensed(self) -> Kept:
        """The state of schema sensing and drift as it was kept last; {} at first."""

    def keep_sensed(self, state: Kept) -> None:
        """Keep the state of schema sensing and drift of the tables in it; that of others stays."""
