"""Row changes of a MySQL or MariaDB server, from its binary log.

The server keeps its log as long as it is set to, whoever reads it: nothing is confirmed to it. Where the log does not
reach back to a position any more, or this is another server, that is said, and nothing is skipped. See `change_stream`
for positions, `snapshot` for tables that are read too, `log_server` for what the server must be set to.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from supersync_core.connectors.changes import SourceContext
from supersync_core.connectors.holding import Holding
from supersync_core.connectors.mysql import log_server
from supersync_core.connectors.mysql.catalog import list_base_tables, primary_key, source_columns
from supersync_core.connectors.mysql.change_stream import ChangeStream
from supersync_core.connectors.mysql.connection import Session, parse_url
from supersync_core.connectors.mysql.log_connection import LogConnection
from supersync_core.connectors.mysql.places import Place, Progress
from supersync_core.connectors.mysql.relations import Relations, wanted_tables
from supersync_core.connectors.mysql.snapshot import Snapshot, take_snapshot
from supersync_core.domain.change import Position, SourceTable, Unit
from supersync_core.domain.table import TableName
from supersync_core.errors import PositionLost

if TYPE_CHECKING:
    from supersync_core.connectors.mysql.change_config import ChangeSourceConfig


class MysqlChangeSource:
    """A server whose log is read.

    It reads the log, or tables of a snapshot, or, after an interruption, the log up to the place of a new snapshot.
    """

    connector = "mysql"

    def __init__(self, config: "ChangeSourceConfig", context: SourceContext) -> None:
        """Nothing is connected yet. Raises ConfigError for a DSN that cannot be read."""
        self._config, self._context = config, context
        self._dsn = config.dsn.get_secret_value()
        self._patterns = wanted_tables(config.tables, parse_url(self._dsn)["database"])
        self._held = Holding()
        self._has_snapshot = False
        self._catalog: Session | None = None
        self._stream: ChangeStream | None = None
        self._snapshot: Snapshot | None = None
        self._wanted: Place | None = None
        self._units: Iterator[Unit] = iter(())

    def open(self, after: Position | None) -> Position:
        """See `ChangeSource`."""
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
        place = self._snapshot.place
        if units and units[-1].position.order[:2] >= place.position().order[:2]:
            self._held.drop(self._stream)
            self._stream = None
        return [unit for unit in units if unit.changes and unit.position.order[:2] <= place.position().order[:2]]

    def confirm(self, position: Position) -> None:
        """See `ChangeSource`: the server does not ask."""

    def keep_alive(self) -> None:
        """See `ChangeSource`: the server waits for us as long as it must."""

    def tables(self) -> Sequence[SourceTable]:
        """See `ChangeSource`."""
        session = self._connect()
        try:
            return self._described(session)
        finally:
            self._held.drop(session)

    def head(self) -> Position:
        """See `ChangeSource`. What is read reaches this place soon, also when nothing of ours is written."""
        session = self._connect()
        try:
            place = Place(*log_server.log_end(session), "")
        finally:
            self._held.drop(session)
        self._wanted = place
        if self._stream is not None and self._snapshot is None:
            self._stream.wanted = place
        return place.position()

    def retained_bytes(self) -> int | None:
        """See `ChangeSource`: the server keeps nothing because of us."""
        return None

    def cancel(self) -> None:
        """See `ChangeSource`. Whatever is called after it ends at once, until `close`."""
        self._held.cancel()

    def close(self) -> None:
        """See `ChangeSource`."""
        self._disconnect()
        self._held.is_cancelled = False

    def forget(self, last: Position | None = None) -> None:
        """See `ChangeSource`: nothing was made."""

    def _open(self, after: Position | None) -> Position:
        session = self._catalog = self._connect()
        known = log_server.settings(session)
        log_server.check_settings(known)
        self._origin = log_server.identity(known)
        halt = self._config.on_schema_drift == "halt"
        self._relations = Relations(self._asked, self._patterns, self._context, halt=halt)
        place = self._begin() if after is None else self._go_on(session, after)
        if place.snapshot is None:
            self._read_log(place)
        elif self._snapshot is None:
            self._take_later_snapshot(place)
        return place.position() if after is None else after

    def _begin(self) -> Place:
        if self._mode == "never":
            return Place(*log_server.log_end(self._asked()), self._origin)
        session = self._connect()
        place = Place(*take_snapshot(session), self._origin)
        place = replace(place, snapshot=Progress(base=place.number, first=True))
        self._read_tables(session, place, again=False)
        return place

    def _go_on(self, session: Session, after: Position) -> Place:
        place = Place.of(after)
        if place.origin != self._origin:
            raise PositionLost(
                f"our checkpoint is of the server {place.origin}, and this is {self._origin}: its log says nothing"
                " about what is missing. Connect to the one that it came from, or delete the pipeline and create it"
                " again with a snapshot"
            )
        log_server.check_place(session, place)
        if self._mode == "never":
            return replace(place, snapshot=None)
        if self._mode == "always" and place.snapshot is None and not self._has_snapshot:
            return replace(place, snapshot=Progress(base=place.number, first=False))
        return place

    @property
    def _mode(self) -> str:
        return self._config.snapshot.mode if self._config.snapshot is not None else "never"

    def _take_later_snapshot(self, place: Place) -> None:
        """Take a snapshot of now, and read the log up to there first."""
        session = self._connect()
        later = place.at(*take_snapshot(session))
        # Its chunks come behind those of older ones, also where nothing was written since: by the clock.
        later = replace(later, step=max(place.step, time.time_ns() // 1000))
        self._read_tables(session, later, again=True)
        self._read_log(place).wanted = later

    def _read_tables(self, session: Session, place: Place, *, again: bool) -> None:
        assert self._config.snapshot is not None
        rows = self._config.snapshot.chunk_size
        self._snapshot = Snapshot(session, self._relations, place, chunk_rows=rows)
        self._units = self._snapshot.units(self._described(self._asked()), again=again)

    def _read_log(self, place: Place) -> ChangeStream:
        name = f"supersync log {self._config.id}"
        connection = LogConnection(self._dsn, name, place.file, place.pos)
        stream = ChangeStream(connection, self._relations, place, self._describe)
        self._stream = self._held.hold(stream)
        return stream

    def _read_chunk(self) -> Sequence[Unit]:
        assert self._snapshot is not None
        unit = next(self._units, None)
        self._has_snapshot = self._snapshot.place.snapshot is None
        if unit is not None:
            return [unit]
        # All tables are read, and that they are has been handed out.
        place = self._snapshot.place
        self._snapshot.close()
        self._snapshot = None
        self._read_log(place).wanted = self._wanted
        return []

    def _described(self, session: Session) -> list[SourceTable]:
        names = [name for name in list_base_tables(session) if self._patterns.match(name.schema, name.name)]
        return [_table(session, name) for name in names]

    def _describe(self, database: str, name: str) -> SourceTable | None:
        table = _table(self._asked(), TableName(database, name))
        return table if table.columns else None

    def _asked(self) -> Session:
        assert self._catalog is not None
        return self._catalog

    def _connect(self) -> Session:
        return self._held.hold(Session(self._dsn))

    def _disconnect(self) -> None:
        self._stream = self._snapshot = self._catalog = None
        self._units = iter(())
        self._held.close()


def _table(session: Session, name: TableName) -> SourceTable:
    columns = tuple(source_columns(session, name))
    return SourceTable(name.schema, "", name.name, columns, primary_key(session, name))
