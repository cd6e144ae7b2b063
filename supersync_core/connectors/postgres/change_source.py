"""Row changes of a PostgreSQL database, from its log (logical decoding with pgoutput).

What is confirmed to the server is what `confirm` was given and nothing else, so after any death the log still has
everything that was not stored. See `stream` for positions, `snapshot` for tables that are read too, `slots` for the
ways in which a position can be lost.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from supersync_core.connectors.changes import SourceContext
from supersync_core.connectors.holding import Holding
from supersync_core.connectors.postgres.change_catalog import published
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.inspection import Inspection
from supersync_core.connectors.postgres.logical_messages import LogicalMessages
from supersync_core.connectors.postgres.opening import Opening
from supersync_core.connectors.postgres.places import Place, head_position, lsn_of
from supersync_core.connectors.postgres.publications import Publication
from supersync_core.connectors.postgres.relations import Relations
from supersync_core.connectors.postgres.replication import ReplicationConnection
from supersync_core.connectors.postgres.slots import create_slot
from supersync_core.connectors.postgres.snapshot import Snapshot
from supersync_core.connectors.postgres.stream import Stream
from supersync_core.domain.change import Position, SourceTable, Unit
from supersync_core.domain.table_patterns import TablePatterns
from supersync_core.errors import SupersyncError, Unavailable

if TYPE_CHECKING:
    from supersync_core.connectors.postgres.change_config import ChangeSourceConfig

SLOT_PATIENCE_S = 3.0
"""So long a slot may still be held by the connection of a run that has just ended."""


class PostgresChangeSource:
    """A database whose changes are read through one slot and one publication.

    It reads the log, or tables of a snapshot, or, after an interruption, the log up to the place of a new snapshot.
    """

    connector = "postgresql"

    def __init__(self, config: "ChangeSourceConfig", context: SourceContext) -> None:
        """Nothing is connected yet."""
        self._config, self._context = config, context
        self._dsn = config.dsn.get_secret_value()
        self._patterns = TablePatterns(config.tables)
        self._inspection = Inspection(config, context.pipeline)
        self._held = Holding()
        self._made_slot = self._has_snapshot = False
        self._confirmed = self._wanted = 0
        self._replication: ReplicationConnection | None = None
        self._stream: Stream | None = None
        self._snapshot: Snapshot | None = None
        self._units: Iterator[Unit] = iter(())

    def open(self, after: Position | None) -> Position:
        """See `ChangeSource`. Raises Conflict for a slot of another kind."""
        self._disconnect()
        try:
            return self._open(after)
        except BaseException:
            self._disconnect()
            raise

    def read(self, timeout_s: float) -> Sequence[Unit]:
        """See `ChangeSource`. A chunk of the snapshot is read to its end, however long that takes."""
        if self._stream is None:
            return self._read_chunk()
        units = self._stream.read(timeout_s)
        if self._snapshot is None:
            return units
        # What comes behind the place of the snapshot is read again after it.
        place = self._snapshot.place.lsn
        if units and lsn_of(units[-1].position) >= place:
            self._leave_log()
        return [unit for unit in units if lsn_of(unit.position) <= place]

    def confirm(self, position: Position) -> None:
        """See `ChangeSource`. The server is told with the next `read` or `keep_alive`."""
        self._confirmed = max(self._confirmed, lsn_of(position))
        if self._stream is not None:
            self._stream.confirm(self._confirmed)

    def keep_alive(self) -> None:
        """See `ChangeSource`. Nothing is read, so nothing is taken out of the connection."""
        if self._stream is not None:
            self._stream.tell()

    def tables(self) -> Sequence[SourceTable]:
        """See `ChangeSource`: those that are published, or while there is no publication, those that would be."""
        return self._inspection.tables()

    def head(self) -> Position:
        """See `ChangeSource`. What is read reaches this place soon, also when nothing of ours is written."""
        self._wanted = self._inspection.log_end()
        if self._stream is not None and self._snapshot is None:
            self._stream.wanted = self._wanted
        return head_position(self._wanted)

    def retained_bytes(self) -> int | None:
        """See `ChangeSource`; None when there is no slot."""
        return self._inspection.retained_bytes()

    def cancel(self) -> None:
        """See `ChangeSource`. Whatever is called after it ends at once, until `close`."""
        self._held.cancel()

    def close(self) -> None:
        """See `ChangeSource`. The server is told what was confirmed last."""
        if self._stream is not None:
            with suppress(SupersyncError):
                self._stream.tell()
        self._disconnect()
        self._held.is_cancelled = False

    def forget(self, last: Position | None = None) -> None:
        """Drop the slot and the publication, each only if we have made it.

        That we made the slot is noted at a publication of ours, and in every position: `last` is one that was stored.
        A slot that was there before us, and a publication that other pipelines use, stay.
        """
        self._inspection.forget(made_slot=self._made_slot, last=last)

    def _open(self, after: Position | None) -> Position:
        session = self._held.hold(Session(self._dsn, self._name("catalog")))
        self._replication = self._held.hold(ReplicationConnection(self._dsn, self._name("log")))
        self._publication = Publication(session, self._config.publication, self._context.pipeline, self._patterns)
        opening = Opening(session, self._replication, self._publication, self._config)
        self._session, self._opening = session, opening
        place, exported = opening.begin() if after is None else (opening.go_on(after, again=self._has_snapshot), None)
        self._made_slot = place.made_slot
        halt = self._config.on_schema_drift == "halt"
        self._relations = Relations(session, opening.database, self._patterns, self._context, halt=halt)
        if place.snapshot is None:
            self._read_log(place)
        elif exported is not None:
            self._take_snapshot(place, exported, again=False)
        else:
            self._take_later_snapshot(place)
        return place.position() if after is None else after

    def _take_snapshot(self, place: Place, exported: str, *, again: bool) -> None:
        assert self._config.snapshot is not None
        rows, session = self._config.snapshot.chunk_size, Session(self._dsn, self._name("snapshot"))
        database = self._opening.database
        snapshot = self._held.hold(Snapshot(session, self._relations, place, database=database, chunk_rows=rows))
        snapshot.begin(exported)
        self._snapshot = snapshot
        tables = published(self._session, self._config.publication, self._patterns)
        self._units = snapshot.units(tables, again=again)

    def _take_later_snapshot(self, place: Place) -> None:
        """Take a snapshot of now, and read the log up to there first."""
        other = self._held.hold(ReplicationConnection(self._dsn, self._name("snapshot")))
        lsn, exported = create_slot(other, f"supersync_{uuid.uuid4().hex}", temporary=True)
        self._take_snapshot(replace(place, lsn=lsn, step=0), exported, again=True)
        self._held.drop(other)
        stream = self._read_log(place)
        stream.wanted = lsn

    def _leave_log(self) -> None:
        assert self._stream is not None
        assert self._replication is not None
        with suppress(SupersyncError):
            self._stream.tell()
        self._held.drop(self._stream)
        self._held.drop(self._replication)
        self._stream = self._replication = None

    def _read_chunk(self) -> Sequence[Unit]:
        assert self._snapshot is not None
        unit = next(self._units, None)
        if unit is not None:
            return [unit]
        # All tables are read, and that they are has been handed out.
        place = self._snapshot.place
        self._held.drop(self._snapshot)
        self._snapshot, self._has_snapshot = None, True
        self._read_log(place).wanted = self._wanted
        return []

    def _read_log(self, place: Place) -> Stream:
        if self._replication is None:
            self._replication = self._held.hold(ReplicationConnection(self._dsn, self._name("log")))
        replication, prefixes = self._replication, self._config.outbox.prefixes if self._config.outbox else ()
        options = {"proto_version": "1", "publication_names": replication.quoted(self._config.publication)}
        if prefixes:
            options["messages"] = "true"
        self._start(replication, place.lsn, options)
        # Nobody else can move the slot from here on; before, somebody could have.
        self._opening.check(place)
        stream = Stream(
            replication,
            self._relations,
            place,
            messages=LogicalMessages(self._opening.database, prefixes),
            check=self._publication.check,
        )
        stream.confirm(self._confirmed)
        self._stream = self._held.hold(stream)
        return stream

    def _start(self, replication: ReplicationConnection, lsn: int, options: dict[str, str]) -> None:
        deadline = time.monotonic() + SLOT_PATIENCE_S
        while True:
            try:
                replication.start(self._config.slot, lsn, options)
            except Unavailable:
                if time.monotonic() > deadline or self._held.is_cancelled:
                    raise
                time.sleep(0.1)
            else:
                return

    def _name(self, part: str) -> str:
        return f"supersync {part} {self._config.id}"

    def _disconnect(self) -> None:
        self._stream = self._snapshot = self._replication = None
        self._units, self._confirmed = iter(()), 0
        self._held.close()
