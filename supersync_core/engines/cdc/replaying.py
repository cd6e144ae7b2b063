"""Dead letters that somebody wants to be delivered again: they go along with the next batch.

A sink that stores its position, or stores later, takes them with a batch of new events only: the position of one that
has been there would tell it to leave them out. Others get them at once. They are over when the sink has stored the
batch that they went with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from supersync_core.connectors.changes import LaggingSink, StoringSink
from supersync_core.domain.change import Change, Position, Transaction
from supersync_core.engines.cdc.delivery import Courier, Delivered
from supersync_core.engines.cdc.journal import Replay

LIMIT = 500
"""So many at once."""

Again = Mapping[str, Sequence[Replay]]
"""What goes along with a batch, by sink."""


class Memory(Protocol):
    """What of a journal is needed here."""

    def replays(self, sink_ids: Sequence[str], limit: int) -> Sequence[Replay]:
        """See `Journal`."""


class Replays:
    """Those that wait, and those that were given to their sinks."""

    def __init__(self, memory: Memory) -> None:
        """Nobody was asked yet."""
        self._memory = memory
        self._waiting: list[Replay] = []
        self._given: list[tuple[Replay, Position]] = []
        self._flying = 0

    def look(self, couriers: Sequence[Courier]) -> None:
        """Ask for more, once those before are over. Raises RetryError."""
        if not self._waiting and not self._given and not self._flying:
            self._waiting = list(self._memory.replays([courier.sink.id for courier in couriers], LIMIT))

    def take(self, couriers: Sequence[Courier], position: Position, *, is_new: bool) -> Again:
        """What goes along with a batch; `is_new`: its position was not there before."""
        again: dict[str, list[Replay]] = {}
        for courier in couriers if self._waiting else ():
            stores = isinstance(courier.sink, StoringSink | LaggingSink)
            if courier.is_out or (stores and not is_new):
                continue
            mine = [one for one in self._waiting if one.sink_id == courier.sink.id]
            if mine and isinstance(courier.sink, StoringSink):
                mine = [replace(one, change=_moved(one.change, position)) for one in mine]
            again[courier.sink.id] = mine
        self._waiting = [one for one in self._waiting if one.sink_id not in again]
        self._flying += sum(map(len, again.values()))
        return {sink_id: some for sink_id, some in again.items() if some}

    def land(self, again: Again, delivered: Sequence[Delivered], position: Position) -> None:
        """The batch that they went with has arrived, or not."""
        took = {one.sink.id for one in delivered if one.error is None}
        for sink_id, some in again.items():
            self._flying -= len(some)
            if sink_id in took:
                self._given += [(one, position) for one in some]
            else:
                self._waiting += some

    def take_done(self, has: Mapping[str, Position]) -> list[int]:
        """The numbers of those that are over, now that the sinks have so much."""
        done = {one.seq for one, position in self._given if one.sink_id in has and has[one.sink_id] >= position}
        self._given = [(one, position) for one, position in self._given if one.seq not in done]
        return sorted(done)


def _moved(change: Change, position: Position) -> Change:
    """The same change, as one that comes at a position."""
    tx = change.tx
    moved = Change(
        change.op,
        change.table,
        Transaction(tx.id, position, tx.ts_ms, tx.source, tx.id_prefix),
        change.index,
        change.before,
        change.after,
        change.event_id,
    )
    moved.route, moved.synthetic = change.route, change.synthetic
    return moved
