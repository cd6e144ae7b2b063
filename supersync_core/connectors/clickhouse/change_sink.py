"""ClickHouse: the present state of tables (ReplacingMergeTree), or a row for every change (MergeTree).

At least once: in mode upsert a repetition changes nothing that can be seen with FINAL, because rows of one key are told
apart by `_version`; in mode changelog the server leaves it out where its deduplication window reaches.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.clickhouse.change_config import ChangeSinkConfig
from supersync_core.connectors.clickhouse.connection import ClickhouseConnection
from supersync_core.connectors.clickhouse.tables import Target, prepare, rows
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.messages import ROUTING, build_filter, halving, in_order
from supersync_core.domain.change import Change, Op, Position, SourceTable
from supersync_core.domain.templates import compile_template
from supersync_core.errors import SupersyncError

INSERT_CHANGES = 20_000
"""One insert has so many at most."""


class ClickhouseChangeSink:
    """Tables of one database."""

    def __init__(self, config: ChangeSinkConfig, context: SinkContext) -> None:
        """Nothing is connected yet. Raises ConfigError for a template that cannot be read."""
        self.id, self.required = config.id, config.required
        self._config, self._connector = config, context.connector
        self._table = compile_template(config.table, tenant=context.tenant, connector=context.connector)
        self._wanted = build_filter(config.filter)
        self._interrupt = Interrupt()
        self._connection: ClickhouseConnection | None = None
        self._targets: dict[tuple[str, int], Target] = {}

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """Look whether the server answers."""
        self._interrupt.raise_if_set()
        self._interrupt.run(lambda: self._connected().ask("select 1"))
        return None

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Insert, table by table, in order."""
        self._interrupt.raise_if_set()
        changes = batch if self._wanted is None else [change for change in batch if self._wanted(change)]
        try:
            refused = self._interrupt.run(lambda: self._deliver(changes)) if changes else []
        except SupersyncError:
            self.close()
            raise
        return in_order(batch, refused)

    def cancel(self) -> None:
        """Refuse further calls and leave a running one behind."""
        self._interrupt.set()

    def close(self) -> None:
        """Disconnect."""
        self._targets.clear()
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def _deliver(self, changes: Sequence[Change]) -> list[Refused]:
        refused: list[Refused] = []
        by_table: dict[str, list[Change]] = {}
        for change in changes:
            if table := self._table(change):
                by_table.setdefault(table, []).append(change)
            else:
                reason = f"the template {self._config.table!r} is empty for this event"
                refused.append(Refused(change, ROUTING, reason))
        for table, own in by_table.items():
            for part in self._parts(own):
                refused += self._apply(table, part)
        return refused

    def _parts(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Changes that go in one request: of one version of a table, and a truncation alone where it empties one."""
        empties = self._config.mode == "upsert"
        for _, group in groupby(changes, lambda c: (id(c.table), empties and c.op is Op.TRUNCATE)):
            own = list(group)
            for start in range(0, len(own), INSERT_CHANGES):
                yield own[start : start + INSERT_CHANGES]

    def _apply(self, table: str, changes: Sequence[Change]) -> list[Refused]:
        self._interrupt.raise_if_set()
        connection, source = self._connected(), changes[0].table
        target = self._targets.get((table, id(source)))
        if target is None or target.source is not source:
            target = prepare(connection, self._config, table, source, self._connector)
            self._targets[table, id(source)] = target
        if self._config.mode == "upsert" and changes[0].op is Op.TRUNCATE:
            connection.run(f"truncate table {target.name}")
            return []
        return halving(changes, lambda part: self._insert(target, part))

    def _insert(self, target: Target, changes: Sequence[Change]) -> None:
        lines = b"".join(line for change in changes for line in rows(change, self._config, self._connector))
        ids = "\n".join(change.event_id for change in changes)
        self._connected().insert(target.name, lines, hashlib.sha256(ids.encode()).hexdigest())

    def _connected(self) -> ClickhouseConnection:
        if self._connection is None:
            self._connection = ClickhouseConnection(self._config)
        return self._connection
