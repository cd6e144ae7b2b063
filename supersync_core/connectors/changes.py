"""What a connector must do that reads or takes row changes: Protocols with their contracts in prose.

Errors: RetryError when the same call may succeed later, AbortError when it never will; nothing else leaves a connector.
A source and a sink are each used by one thread at a time; only `cancel` may come from another one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from supersync_core.domain.change import Change, Position, SourceTable, Unit


@dataclass(frozen=True)
class SourceContext:
    """What a source is told about the pipeline that it serves.

    `pipeline`: its name. `on_table(table)`: to be called before the first change of a table, and again whenever its
    columns have changed, with the position from which on that holds; so the schema registry knows it in time.
    """

    pipeline: str
    tenant: str
    on_table: Callable[[SourceTable, Position | None], object] = lambda table, position: None


class ChangeSource(Protocol):
    """A log of row changes, read in commit order."""

    connector: str
    """The word in the `source` block of its events: `postgresql` or `mysql`."""

    def open(self, after: Position | None) -> Position:
        """Connect, and be ready to read what was committed after `after`; None: from where the configuration says.

        Returns the place after which it reads: `after`, or where the log (or the snapshot before it) begins for us.
        What the log needs on the server (slot, publication) is made at the first opening, where allowed. A snapshot
        that the configuration asks for is read first and joins the log without gap or overlap; one that was
        interrupted goes on (`after` says how far it came). Raises PositionLost when the log does not reach back to
        `after`, or this is another server: it never begins anywhere else. Raises Unavailable, AccessDenied,
        ConfigError.
        """

    def read(self, timeout_s: float) -> Sequence[Unit]:
        """What has come, in commit order: at least one unit, or none after `timeout_s`. Bounded in memory.

        Answers keepalives. Raises Unavailable when the connection is lost: then open again after what was stored last.
        """

    def confirm(self, position: Position) -> None:
        """Everything up to `position` is stored by all who must have it: the log need not keep it. Never goes back."""

    def keep_alive(self) -> None:
        """Answer what the server asks without reading on; to be called every second while nobody reads."""

    def tables(self) -> Sequence[SourceTable]:
        """The tables whose changes are read, as the catalogue has them now, by a connection of its own."""

    def head(self) -> Position | None:
        """How far the log goes now, by a connection of its own; None where that cannot be known."""

    def retained_bytes(self) -> int | None:
        """How much log the server keeps because of us; None where that cannot be known."""

    def cancel(self) -> None:
        """Make a running call end within a second. From any thread."""

    def close(self) -> None:
        """Disconnect. The log keeps what was not confirmed."""

    def forget(self, last: Position | None = None) -> None:
        """Remove what `open` has made on the server for us alone, such as the slot. To be called when it is closed.

        `last`: the position that was stored last, which may tell what an object before this one has made.
        """


@dataclass(frozen=True)
class Refused:
    """An event that a sink can never take. `kind`: `serialization`, `routing` or `too_large`.

    `put_aside`: its sink has done so already, see `SinkContext`.
    """

    change: Change
    kind: str
    message: str
    put_aside: bool = False


PutAside = Callable[[str, Sequence[Refused], Position], None]
"""Keeps, durably, what the sink of that id has refused of the batch that ends at a position.

Raises RetryError while that cannot be, and AbortError where there is no place for it.
"""


def nowhere(sink_id: str, refused: Sequence[Refused], position: Position) -> None:
    """For who looks at what `write` returns."""


@dataclass(frozen=True)
class SinkContext:
    """What a sink is told about the pipeline that it serves. `source_id`: of its source's configuration.

    `put_aside`: for a sink that stores the position with the data. It calls this before it commits a batch without what
    it refuses: nobody reads that batch again.
    """

    pipeline: str
    tenant: str
    connector: str
    source_id: str = ""
    version: str = ""
    put_aside: PutAside = nowhere


class ChangeSink(Protocol):
    """Somewhere that changes go to."""

    id: str
    required: bool

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """Connect. `tables`: those whose changes may come.

        Returns the position of the last batch where the sink itself stores that with the data, else None: then it has
        what the ledger says, and perhaps more. Raises Unavailable, AccessDenied, ConfigError.
        """

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Deliver `batch` in order and return once all of it is stored there; what it can never take is returned.

        `position` is that of the end of the batch; `batch` may be empty. A replay brings events again, with equal ids:
        at least once. A sink that stores `position` with the data takes what comes again for what it is: exactly once.
        Raises RetryError when the whole batch may be delivered later, AbortError when the sink is of no use any more.
        """

    def cancel(self) -> None:
        """Make a running call end within a second. From any thread, at any time.

        It and every later call but `close` raise Cancelled: who wants to go on makes a new sink.
        """

    def close(self) -> None:
        """Let go. Nothing that `write` has returned for is lost."""


@runtime_checkable
class StoringSink(ChangeSink, Protocol):
    """A sink that stores the position with the data."""

    def forget(self) -> None:
        """Remove the position, as when the pipeline is deleted; the data stays. Connects if need be."""


@runtime_checkable
class LaggingSink(ChangeSink, Protocol):
    """A sink that keeps what `write` has taken until there is enough to be worth storing, as files are.

    Its checkpoint is what `stored` returns, never the position of the last `write`.
    """

    def stored(self, finish: bool) -> Position | None:
        """Store what is due, or with `finish` all that was taken; the position up to which everything is stored.

        None: nothing yet. To be called after each write, every second while nothing comes, and with `finish` before a
        stop. Raises as `write` does; what was taken is kept, so the same call may succeed later.
        """


SinkFactory = Callable[[Any, SinkContext], ChangeSink]
"""`build_change_sink(config, context)` of a connector; its configuration is the connector's `ChangeSinkConfig`."""
SourceFactory = Callable[[Any, SourceContext], ChangeSource]
"""`build_change_source(config, context)` of a connector; its configuration is the connector's `ChangeSourceConfig`."""
