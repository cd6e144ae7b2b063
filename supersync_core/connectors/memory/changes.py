"""Changes in this process: a log that can be read, and a place that changes go to. Both outlive their connectors."""

import threading
from collections.abc import Callable, Iterable, Sequence

from supersync_core.connectors.changes import Refused
from supersync_core.domain.change import (
    Change,
    Image,
    Op,
    Position,
    SourceTable,
    Transaction,
    Unit,
    Values,
    event_id_prefix,
)
from supersync_core.errors import PositionLost, SupersyncError

Row = dict[str, object]
Written = tuple[Op, SourceTable, Row | None, Row | None]
"""What happened, in which table, and the row before and after it."""


class MemoryChangeLog:
    """A log of transactions. Its script: errors that the next reads raise, and how far back it reaches."""

    def __init__(self, origin: str = "memory", connector: str = "memory") -> None:
        """Empty. `origin`: the server that it stands for; event ids come from it."""
        self.origin, self.connector = origin, connector
        self.tables: list[SourceTable] = []
        self.units: list[Unit] = []
        self.confirmed: list[Position] = []
        self.errors: list[SupersyncError] = []
        self.begins_after = Position((0,), {"place": 0})
        self.forgotten = False
        self.changed = threading.Condition()

    def commit(self, *written: Written, ts_ms: int = 1_700_000_000_000) -> Unit:
        """Append a transaction."""
        with self.changed:
            place = (self.units[-1].position if self.units else self.begins_after).order[0] + 1
            position = Position((place,), {"place": place})
            tx = Transaction(str(place), position, ts_ms, {}, event_id_prefix(self.origin, place))
            changes = [Change(op, table, tx, i, _image(b), _image(a)) for i, (op, table, b, a) in enumerate(written)]
            if changes:
                changes[-1].tx_end = True
            for _, table, _, _ in written:
                self._know(table)
            unit = Unit(changes, position, sum(_size(change) for change in changes))
            self.units.append(unit)
            self.changed.notify_all()
            return unit

    def insert(self, table: SourceTable, *rows: Row) -> Unit:
        """Append a transaction that inserts rows."""
        return self.commit(*((Op.CREATE, table, None, row) for row in rows))

    def fail(self, *errors: SupersyncError) -> None:
        """Let the next reads raise these, one each."""
        with self.changed:
            self.errors += errors
            self.changed.notify_all()

    def forget_until(self, position: Position) -> None:
        """Drop what is not after `position`, as a server does that runs out of disk."""
        with self.changed:
            self.begins_after = position
            self.units = [unit for unit in self.units if unit.position > position]

    def after(self, position: Position) -> Sequence[Unit]:
        """The transactions after `position`. Raises PositionLost when some of them are gone."""
        if position < self.begins_after:
            raise PositionLost(f"the log begins after {dict(self.begins_after.data)}, we were at {dict(position.data)}")
        return [unit for unit in self.units if unit.position > position]

    def _know(self, table: SourceTable) -> None:
        self.tables = [known for known in self.tables if known.full_name != table.full_name] + [table]


class MemoryChanges:
    """Where changes go. Its script: errors of the next writes, refusals, and a gate that holds writes."""

    def __init__(self) -> None:
        """Empty, open, and refusing nothing."""
        self.changes: list[Change] = []
        self.batches: list[int] = []
        self.position: Position | None = None
        self.errors: list[SupersyncError] = []
        self.refuses: Callable[[Change], str | None] = lambda change: None
        """The kind of refusal of an event, None to take it."""
        self.gate = threading.Event()
        self.gate.set()

    def fail(self, *errors: SupersyncError) -> None:
        """Let the next writes raise these, one each."""
        self.errors += errors

    def take(self, batch: Sequence[Change], position: Position, *, once: bool) -> list[Refused]:
        """Append a batch; with `once`, not what is here already. Returns what is refused."""
        if self.errors:
            raise self.errors.pop(0)
        if once and self.position is not None and position <= self.position:
            return []
        kinds = [self.refuses(change) for change in batch]
        self.changes += [change for change, kind in zip(batch, kinds, strict=True) if kind is None]
        self.batches.append(len(batch))
        self.position = position
        return [
            Refused(change, kind, "refused by the script")
            for change, kind in zip(batch, kinds, strict=True)
            if kind is not None
        ]

    @property
    def event_ids(self) -> list[str]:
        """The ids of all that came, in order."""
        return [change.event_id for change in self.changes]


def _image(row: Row | None) -> Image | None:
    return None if row is None else Values(row)


def _size(change: Change) -> int:
    images: Iterable[Image | None] = (change.before, change.after)
    return sum(len(image.json()) for image in images if image is not None)


_LOGS: dict[str, MemoryChangeLog] = {}
_SINKS: dict[str, MemoryChanges] = {}


def named_log(name: str) -> MemoryChangeLog:
    """The log of that name in this process, made at first use."""
    return _LOGS.setdefault(name, MemoryChangeLog())


def named_changes(name: str) -> MemoryChanges:
    """The place of that name in this process, made at first use."""
    return _SINKS.setdefault(name, MemoryChanges())
