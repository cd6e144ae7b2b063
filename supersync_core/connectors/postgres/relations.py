"""The tables of a stream: what the log says of them, completed from the catalogs, and how their rows are decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

from supersync_core.connectors.changes import SourceContext
from supersync_core.connectors.postgres.change_catalog import TypeRules, as_sent, describe, is_meant, type_names
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.decoder import Row, row_type
from supersync_core.connectors.postgres.pgoutput import RelationColumn, RelationMessage
from supersync_core.domain.change import Position, SourceTable
from supersync_core.domain.table_patterns import TablePatterns
from supersync_core.errors import SchemaMismatch


@dataclass(frozen=True)
class Relation:
    """A table as its next changes have it. `row`: of whole rows; `key`: of old rows that are but their key."""

    table: SourceTable
    row: type[Row]
    key: type[Row]


@dataclass(frozen=True)
class _Known:
    """What is known of a table, and from which columns that came."""

    columns: Sequence[RelationColumn]
    relation: Relation


class Relations:
    """What is known of tables. `halt`: another shape of a known table is an error (DeltaForge: `on_schema_drift`)."""

    def __init__(
        self, session: Session, database: str, patterns: TablePatterns, context: SourceContext, *, halt: bool
    ) -> None:
        """Nothing is known yet."""
        self._session, self._database, self._patterns = session, database, patterns
        self._context, self._halt = context, halt
        self._rules = TypeRules()
        self._known: dict[int, _Known] = {}

    def learn(self, message: RelationMessage, position: Position) -> Relation | None:
        """Take note of a table as the log describes it at `position`; None: its changes are not asked for.

        The catalogs are asked every time, because a default or NOT NULL that has changed is not in the message.
        """
        now = describe(self._session, self._database, [message.oid], generated=True).get(message.oid)
        own = (message.schema, message.name)
        if not is_meant(self._patterns, *own, now.root if now else own):
            return None
        table = as_sent(message, self._database, now, type_names(self._session, message.columns))
        return self.note(message.oid, table, message.columns, position)

    def note(self, oid: int, table: SourceTable, columns: Sequence[RelationColumn], position: Position) -> Relation:
        """Take note of a table. Tells `on_table` when it is new or has changed. Raises SchemaMismatch."""
        known = self._known.get(oid)
        if known is not None and known.relation.table == table and known.columns == tuple(columns):
            return known.relation
        if known is not None and self._halt and _shape(known.columns) != _shape(columns):
            raise SchemaMismatch(
                f"the columns of {table.full_name} have changed from {_words(known.relation.table)} to {_words(table)},"
                " and on_schema_drift is halt: resume the pipeline to go on with the new ones"
            )
        if known is None or known.relation.table != table:
            self._context.on_table(table, position)
        relation = self._relation(table, columns)
        self._known[oid] = _Known(tuple(columns), relation)
        return relation

    def _relation(self, table: SourceTable, columns: Sequence[RelationColumn]) -> Relation:
        named = [(c.name, rule) for c, rule in zip(columns, self._rules.of(self._session, columns), strict=True)]
        return Relation(table, row_type(named), row_type(named, [column.key for column in columns]))


def _shape(columns: Sequence[RelationColumn]) -> list[tuple[str, int, int]]:
    return [(column.name, column.type, column.modifier) for column in columns]


def _words(table: SourceTable) -> str:
    return "(" + ", ".join(f"{column.name} {column.type}" for column in table.columns) + ")"
