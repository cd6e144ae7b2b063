"""A log in memory, read as a server's log is."""

import time
from collections.abc import Sequence

from supersync_core.connectors.changes import SourceContext
from supersync_core.connectors.memory.changes import MemoryChangeLog
from supersync_core.domain.change import Position, SourceTable, Unit
from supersync_core.errors import Cancelled

READ_UNITS = 1000
"""How many transactions one read returns at most."""


class MemoryChangeSource:
    """Reads one log; see `MemoryChangeLog` for its script."""

    def __init__(self, log: MemoryChangeLog, context: SourceContext) -> None:
        """Nothing is read yet."""
        self.connector = log.connector
        self._log, self._context = log, context
        self._known: dict[str, SourceTable] = {}
        self._read_to = log.begins_after
        self._cancelled = False

    def open(self, after: Position | None) -> Position:
        """Be ready to read from there. Raises PositionLost when the log does not reach back so far."""
        self._raise_if_cancelled()
        self._read_to = after or self._log.begins_after
        self._log.after(self._read_to)
        return self._read_to

    def read(self, timeout_s: float) -> Sequence[Unit]:
        """What comes next; waits for it."""
        deadline = time.monotonic() + timeout_s
        with self._log.changed:
            while True:
                self._raise_if_cancelled()
                if self._log.errors:
                    raise self._log.errors.pop(0)
                units = self._log.after(self._read_to)[:READ_UNITS]
                left = deadline - time.monotonic()
                if units or left <= 0:
                    break
                self._log.changed.wait(left)
        for unit in units:
            self._announce(unit)
            self._read_to = unit.position
        return units

    def _announce(self, unit: Unit) -> None:
        for change in unit.changes:
            table = change.table
            if self._known.get(table.full_name) is not table:
                self._known[table.full_name] = table
                self._context.on_table(table, unit.position)

    def confirm(self, position: Position) -> None:
        """Write it down."""
        self._log.confirmed.append(position)

    def keep_alive(self) -> None:
        """Nobody asks."""

    def tables(self) -> Sequence[SourceTable]:
        """The tables that the log knows."""
        return list(self._log.tables)

    def head(self) -> Position | None:
        """The end of the log."""
        return self._log.units[-1].position if self._log.units else self._log.begins_after

    def retained_bytes(self) -> int | None:
        """What was not confirmed yet."""
        done = self._log.confirmed[-1] if self._log.confirmed else self._log.begins_after
        return sum(unit.bytes for unit in self._log.units if unit.position > done)

    def cancel(self) -> None:
        """End a read, and refuse every later call."""
        with self._log.changed:
            self._cancelled = True
            self._log.changed.notify_all()

    def close(self) -> None:
        """Nothing is held."""

    def forget(self, last: Position | None = None) -> None:
        """Write it down."""
        self._log.forgotten = True

    def _raise_if_cancelled(self) -> None:
        if self._cancelled:
            raise Cancelled("cancelled on request")
