"""Changes kept in memory, as a sink of a server would take them."""

from collections.abc import Sequence

from supersync_core.connectors.changes import Refused
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.memory.change_config import ChangeSinkConfig
from supersync_core.connectors.memory.changes import MemoryChanges
from supersync_core.domain.change import Change, Position, SourceTable


class MemoryChangeSink:
    """Writes to one place; see `MemoryChanges` for its script."""

    def __init__(self, config: ChangeSinkConfig, changes: MemoryChanges) -> None:
        """Nothing is written yet."""
        self.id, self.required = config.id, config.required
        self._once = config.stores_position
        self._changes = changes
        self._interrupt = Interrupt()

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """The position of the last batch, where that is stored."""
        self._interrupt.raise_if_set()
        return self._changes.position if self._once else None

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Wait for the gate, then take the batch."""
        self._interrupt.run(self._changes.gate.wait)
        return self._changes.take(batch, position, once=self._once)

    def cancel(self) -> None:
        """End a write that waits, and refuse every later call."""
        self._interrupt.set()

    def close(self) -> None:
        """Nothing is held."""
