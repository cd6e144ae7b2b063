"""A scripted source, sinks that fail as they are told, and a memory that survives them."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from supersync_core.connectors.changes import Refused
from supersync_core.domain.change import (
    Change,
    Op,
    Position,
    SourceColumn,
    SourceTable,
    Transaction,
    Unit,
    Values,
    event_id_prefix,
)
from supersync_core.engines.cdc.journal import DeadLetter, QueueFull, Replay
from supersync_core.engines.cdc.runtime import Runtime
from supersync_core.engines.cdc.sensing.sensor import Kept
from supersync_core.engines.cdc.settings import Settings

TABLE = SourceTable("shop", "public", "orders", (SourceColumn("id", "integer", False),), ("id",))


def at(place: int) -> Position:
    return Position((place,), {"place": place})


def unit(place: int, *ids: int) -> Unit:
    """A transaction that inserts rows with these ids."""
    tx = Transaction(str(place), at(place), place * 1000, {"lsn": place}, event_id_prefix("test", place))
    changes = [Change(Op.CREATE, TABLE, tx, index, None, Values({"id": id_})) for index, id_ in enumerate(ids)]
    return Unit(changes, at(place), 100 * len(ids))


def transactions(count: int, rows: int = 1) -> list[Unit]:
    """So many, numbered from 1, with so many rows each, numbered through."""
    return [unit(n + 1, *range(n * rows, n * rows + rows)) for n in range(count)]


class ScriptedSource:
    """A log that is a list; `script` runs before each read and may raise."""

    connector = "memory"

    def __init__(self, log: list[Unit], script: Callable[[int], None] = lambda reads: None) -> None:
        self.log, self.script = log, script
        self.opened: list[Position | None] = []
        self.confirmed: list[Position] = []
        self.reads = self.kept_alive = 0
        self.closed = True

    def open(self, after: Position | None) -> Position:
        self.opened.append(after)
        self._next = sum(1 for one in self.log if after is not None and one.position <= after)
        self.closed = False
        return after or at(0)

    def read(self, timeout_s: float) -> Sequence[Unit]:
        self.reads += 1
        self.script(self.reads)
        found = self.log[self._next : self._next + 1]
        self._next += len(found)
        if not found:
            threading.Event().wait(0.001)
        return found

    def confirm(self, position: Position) -> None:
        assert not self.confirmed or position >= self.confirmed[-1]
        self.confirmed.append(position)

    def keep_alive(self) -> None:
        self.kept_alive += 1

    def tables(self) -> Sequence[SourceTable]:
        return [TABLE]

    def cancel(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class MemorySink:
    """Keeps what it gets; `script` runs before each write and may raise, or return what is refused."""

    def __init__(
        self,
        id: str = "a",
        *,
        required: bool = True,
        script: Callable[[Sequence[Change], int], Sequence[Refused] | None] = lambda batch, writes: None,
    ) -> None:
        self.id, self.required, self.script = id, required, script
        self.ids: list[str] = []
        self.rows: list[int] = []
        self.writes = 0
        self.batches: list[int] = []

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        return None

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        self.writes += 1
        refused = self.script(batch, self.writes) or ()
        bad = {id(one.change) for one in refused}
        good = [change for change in batch if id(change) not in bad]
        self.ids += [change.event_id for change in good]
        self.rows += [change.after.values()["id"] for change in good if change.after]
        self.batches.append(len(batch))
        return refused

    def cancel(self) -> None: ...

    def close(self) -> None: ...


class MemoryFiles(MemorySink):
    """A sink that stores what it has taken when there are three rows, or when it is told to finish."""

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        self.taken = getattr(self, "taken", 0) + len(batch)
        self.taken_to = position
        return super().write(batch, position)

    def stored(self, finish: bool) -> Position | None:
        if getattr(self, "taken", 0) >= 3 or (finish and getattr(self, "taken", 0)):
            self.taken, self.stored_to = 0, self.taken_to
        return getattr(self, "stored_to", None)


@dataclass
class MemoryJournal:
    """What the runtime remembers."""

    positions: dict[str, Position] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    statuses: list[Mapping[str, Any]] = field(default_factory=list)
    again: list[Replay] = field(default_factory=list)
    kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    room: int = 1000
    script: Callable[[], None] = lambda: None

    def checkpoints(self) -> Mapping[str, Position]:
        return dict(self.positions)

    def commit(  # noqa: PLR0913
        self,
        positions: Mapping[str, Position],
        dead: Sequence[DeadLetter],
        *,
        events: int,
        bytes: int,
        replayed: Sequence[int] = (),
    ) -> None:
        self.script()
        if len(self.dead) + len(dead) > self.room:
            raise QueueFull
        self.positions.update(positions)
        self.dead += dead
        self.again = [one for one in self.again if one.seq not in replayed]

    def replays(self, sink_ids: Sequence[str], limit: int) -> Sequence[Replay]:
        return [one for one in self.again if one.sink_id in sink_ids][:limit]

    def register(self, table: SourceTable, position: Position | None) -> int:
        return 1

    def report(self, status: Mapping[str, Any]) -> None:
        self.statuses.append(status)

    def sensed(self) -> Kept:
        return dict(self.kept)

    def keep_sensed(self, state: Kept) -> None:
        self.script()
        self.kept.update(state)


FAST = Settings(max_ms=1)


@dataclass
class Scene:
    """A pipeline that can be started again and again over the same log, sinks and memory."""

    log: list[Unit]
    sinks: list[MemorySink]
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    settings: Settings = FAST
    source_script: Callable[[int], None] = lambda reads: None
    options: dict[str, Any] = field(default_factory=dict)

    def start(self) -> Runtime:
        """A new runtime over a new connection to the log."""
        self.source = ScriptedSource(self.log, self.source_script)
        return Runtime(self.source, self.sinks, self.journal, self.settings, **self.options)

    def drain(self) -> Runtime:
        """Run until the log's end is committed."""
        runtime = self.start()
        runtime.drain_until(self.log[-1].position)
        return runtime
