"""PostgreSQL: changes applied to tables, each once. The position is committed in the transaction of the rows."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.messages import build_filter, halving, in_order
from supersync_core.connectors.postgres.apply import apply
from supersync_core.connectors.postgres.change_sink_config import ChangeSinkConfig
from supersync_core.connectors.postgres.change_tables import TargetTables
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.positions import StoredPosition
from supersync_core.domain.change import Change, Position, SourceTable
from supersync_core.errors import BadData, SupersyncError, Unavailable

PATIENCE = "10s"
"""How long to wait for a lock of the target before Contention."""
WORK_MEM = "64MB"


class PostgresChangeSink:
    """Tables of one database that follow those of a source.

    What the source does in one transaction shows at once. A batch is brought down to one thing per key and applied set
    by set; where the target refuses a value, the batch is halved until the events that hold it are known.
    """

    def __init__(self, config: ChangeSinkConfig, context: SinkContext) -> None:
        """Nothing is connected yet."""
        self.id, self.required = config.id, config.required
        self._config, self._connector = config, context.connector
        self._key = f"{context.pipeline}/{context.source_id}/{config.id}"
        self._wanted, self._put_aside = build_filter(config.filter), context.put_aside
        self._interrupt = Interrupt()
        self._session: Session | None = None
        self._stored: StoredPosition | None = None
        self._tables: TargetTables | None = None
        self._last: tuple[Position, list[Refused]] | None = None

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """Connect, shut out other runs, make what is missing of the tables; the position of the last batch."""
        with self._calls():
            session, stored = self._connected()
            assert self._tables is not None
            session.execute("begin")
            for table in tables:
                self._tables.find(table)
            session.execute("commit")
            return stored.value

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Apply what is new of `batch` and the position in one transaction, once what it refuses is put aside."""
        with self._calls():
            session, stored = self._connected()
            if stored.value is not None and position <= stored.value:
                # It was committed and we did not hear of it, or it is from before a restart.
                return self._last[1] if self._last and self._last[0] == position else []
            new = _after(stored.value, batch)
            wanted = [change for change in new if self._wanted is None or self._wanted(change)]
            refused = in_order(batch, self._apply(session, wanted))
            if refused:
                self._put_aside(self.id, refused, position)
            stored.advance(position)
            self._last = position, [replace(one, put_aside=True) for one in refused]
            session.execute("commit")
            stored.value = position
            return self._last[1]

    def cancel(self) -> None:
        """Refuse further calls and end a running one."""
        self._interrupt.set()
        if session := self._session:
            session.interrupt()

    def close(self) -> None:
        """Disconnect."""
        session, self._session = self._session, None
        if session:
            session.close()

    def forget(self) -> None:
        """Remove the position from the target; the tables stay."""
        with self._calls():
            self._connected()[1].forget()

    def _apply(self, session: Session, changes: Sequence[Change]) -> list[Refused]:
        """Within one transaction, which it begins. What the target refuses is returned."""
        assert self._tables is not None
        tables = self._tables
        tables.begin()
        names = sorted({f"supersync {tables.name_of(change.table)}" for change in changes})
        session.execute(
            "begin; select pg_advisory_xact_lock(hashtextextended(name, 0)) from unnest(%s::text[]) name", (names,)
        )
        return halving(changes, lambda part: _in_savepoint(session, tables, part))

    def _connected(self) -> tuple[Session, StoredPosition]:
        self._interrupt.raise_if_set()
        if self._session is None:
            session = self._session = self._interrupt.run(self._connect, discard=Session.close)
            if self._interrupt.is_set():
                session.interrupt()
            self._stored = StoredPosition(session, self._key)
            dsn, config = self._config.dsn.get_secret_value(), self._config
            self._tables = TargetTables(session, dsn, self._connector, config.target_schema, config.auto_create)
        assert self._stored is not None
        return self._session, self._stored

    def _connect(self) -> Session:
        session = Session(self._config.dsn.get_secret_value(), "supersync change sink")
        session.execute(
            "select set_config('search_path', '', false), set_config('lock_timeout', %s, false),"
            " set_config('work_mem', %s, false), set_config('client_min_messages', 'warning', false)",
            (PATIENCE, WORK_MEM),
        )
        if session.server_version >= 140000:
            session.execute("set client_connection_check_interval = '1s'")
        return session

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """Around every call: within the time for a batch, and without a connection after anything that went wrong."""
        timed_out = threading.Event()

        def give_up() -> None:
            timed_out.set()
            if session := self._session:
                session.interrupt()

        timer = threading.Timer(self._config.batch_timeout_secs, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except SupersyncError as error:
            self.close()
            self._interrupt.raise_if_set()
            if timed_out.is_set():
                raise Unavailable("the target did not answer in time") from error
            raise
        finally:
            timer.cancel()


def _after(stored: Position | None, batch: Sequence[Change]) -> Sequence[Change]:
    """What of a batch is not there yet."""
    if stored is None or not batch or batch[0].tx.position > stored:
        return batch
    return [change for change in batch if change.tx.position > stored]


def _in_savepoint(session: Session, tables: TargetTables, changes: Sequence[Change]) -> None:
    """Apply all of them or none. Raises BadData for a value that the target cannot hold."""
    session.execute("savepoint part")
    try:
        apply(tables, changes)
    except BadData:
        session.execute("rollback to savepoint part")
        tables.forget()
        raise
    session.execute("release savepoint part")
