"""What is sent when: the starts of runs that go on, and of every run that has ended its start and its end."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from supersync_core.clock import utcnow
from supersync_core.connectors.config import ConnectorConfig
from supersync_core.errors import BadData, ConfigError, Unavailable
from supersync_core.ledger.database import Ledger
from supersync_core.services.openlineage.own_runs import (
    Flow,
    OwnRun,
    note_told,
    running_runs,
    still_untold,
    untold_runs,
    where_it_flows,
)

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

BATCH = 100
"""So many runs are sent before the ledger is told that they were."""


@dataclass(frozen=True)
class Cursor:
    """`since`: runs that ended before are not told of. `begun`: runs whose start was told and whose end was not."""

    since: datetime
    begun: frozenset[int] = frozenset()

    @classmethod
    def read(cls, text: str | None, *, at: datetime) -> "Cursor":
        """From what `write` gave; from `at` on, where there is nothing, or what another version has written."""
        try:
            return _CURSOR.validate_json(text) if text else cls(at)
        except ValidationError:
            return cls(at)

    def write(self) -> str:
        """As text."""
        return _CURSOR.dump_json(self).decode()


_CURSOR = TypeAdapter(Cursor)


@dataclass
class Told:
    """What a round of telling came to. `problem`: why it ended early; then what waits is told in a later round."""

    cursor: Cursor
    runs: int = 0
    refused: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Teller:
    """Tells a receiver of our runs. `send` raises BadData for what the receiver will never take, or Unavailable."""

    ledger: Ledger
    connections: Mapping[str, ConnectorConfig]
    namespace: str
    send: Callable[["RunEvent"], None]
    seconds: float = 20.0
    clock: Callable[[], float] = time.monotonic

    def tell(self, cursor: Cursor) -> Told:
        """One round, of `seconds` and one event at most. Runs of one pipeline are told of in their order.

        A receiver that is away ends the round, and so nothing overtakes what it has not taken.
        """
        told, deadline = Told(cursor), self.clock() + self.seconds
        begun = set(cursor.begun)
        try:
            while waiting := untold_runs(self.ledger, since=cursor.since, limit=BATCH):
                self._tell_ended(waiting, begun, told, deadline)
            for run in running_runs(self.ledger, but=begun):
                self._send(run, "start", told, deadline)
                begun.add(run.execution.id)
        except Unavailable as error:
            told.problem = str(error)
        told.cursor = replace(cursor, begun=frozenset(still_untold(self.ledger, begun)))
        return told

    def _tell_ended(self, waiting: Sequence[OwnRun], begun: set[int], told: Told, deadline: float) -> None:
        done = []
        try:
            for run in waiting:
                if run.execution.id not in begun:
                    self._send(run, "start", told, deadline)
                    begun.add(run.execution.id)
                self._send(run, "end", told, deadline)
                done.append(run.execution.id)
        finally:
            if done:
                note_told(self.ledger, done, at=utcnow())
                told.runs += len(done)

    def _send(self, run: OwnRun, what: str, told: Told, deadline: float) -> None:
        from supersync_dagster.openlineage.events import end_event, start_event  # here: it needs the extra

        if self.clock() > deadline:
            raise Unavailable("there is more than one round can tell")
        make = start_event if what == "start" else end_event
        try:
            self.send(make(run, self._flow(run), self.namespace))
        except BadData as error:
            told.refused.append(f"the {what} of {run.pipeline.name} ({run.execution.public_id}): {error}")

    def _flow(self, run: OwnRun) -> Flow:
        try:
            return where_it_flows(self.ledger, run.pipeline, self.connections)
        except (ConfigError, ValidationError):
            return Flow()  # as of a pipeline that is not declared like this any more
