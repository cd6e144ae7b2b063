"""Target tables of changes, and the statements that bring staged changes into them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO

from psycopg2 import sql

from supersync_core.connectors.copy_text import CopyTextWriter, Field, text
from supersync_core.connectors.postgres.catalog import describe_tables
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.evolve import apply_changes
from supersync_core.connectors.postgres.fields import UNCHANGED, FieldReader, Fields
from supersync_core.connectors.postgres.merge import column_list, names, relation
from supersync_core.connectors.source_types import in_postgres
from supersync_core.domain.change import SourceTable
from supersync_core.domain.evolution import changes
from supersync_core.domain.table import Column, TableName, TableSchema
from supersync_core.errors import BadData, NotFound

_LAST_OWN_TYPE = 16383
"""Types with a larger number are somebody's own: their values arrive as text."""


@dataclass
class TargetTable:
    """A table of the target that follows `source`. `columns`: the source's, in the target's types.

    `takes_new_rows`: no row that was new at the source was there already.
    """

    name: TableName
    source: SourceTable
    columns: TableSchema
    takes_new_rows: bool = True
    stages: dict[tuple[int, ...], str] = field(default_factory=dict)

    @cached_property
    def reader(self) -> FieldReader:
        """What reads rows of the source."""
        return FieldReader(self.columns.columns)

    @cached_property
    def key(self) -> list[int]:
        """The places of the key's columns."""
        return [self.columns.names.index(name) for name in self.columns.primary_key]


class TargetTables:
    """The tables of one target database, by the tables of the source that they follow."""

    def __init__(self, session: Session, dsn: str, connector: str, schema: str | None, auto_create: bool) -> None:
        """`schema`: where they are; None: named as at the source."""
        self._session, self._dsn, self._connector = session, dsn, connector
        self._schema, self._auto_create = schema, auto_create
        self._known: dict[int, TargetTable] = {}
        self._stages = 0
        self._filled: set[str] = set()

    def begin(self) -> None:
        """A transaction begins: all stages are empty."""
        self._filled.clear()

    def name_of(self, table: SourceTable) -> TableName:
        """The target's name."""
        return TableName(self._schema or table.schema or table.database, table.name)

    def find(self, table: SourceTable) -> TargetTable:
        """The target of `table`, made or altered as needed within the session's transaction."""
        known = self._known.get(id(table))
        if known is None or known.source is not table:
            known = self._known[id(table)] = self._prepare(table)
        return known

    def forget(self) -> None:
        """What was made may have been undone."""
        self._known.clear()
        self._filled.clear()

    def _prepare(self, table: SourceTable) -> TargetTable:
        name = self.name_of(table)
        wanted = TableSchema(self._columns(table), table.primary_key)
        there = describe_tables(self._session, [name]).get(name)
        if there is None:
            self._create(name, wanted)
            return TargetTable(name, table, wanted)
        # A type that is the same by name is the same, whatever labels it has.
        wanted = replace(wanted, columns=tuple(_as_there(column, there.schema) for column in wanted.columns))
        if alterations := changes(wanted, there.schema):
            if not self._auto_create:
                raise NotFound(f"{name} lacks what {table.full_name} has, and auto_create is off: {alterations}")
            apply_changes(self._session, self._dsn, name, there.schema, alterations)
        return TargetTable(name, table, wanted)

    def _columns(self, table: SourceTable) -> tuple[Column, ...]:
        columns = [in_postgres(column, self._connector) for column in table.columns]
        kinds = [column.type.removesuffix("[]") for column in columns]
        rows = self._session.execute(
            "select coalesce(to_regtype(kind)::oid <= %s, false)"
            " from unnest(%s::text[]) with ordinality wanted (kind, place) order by place",
            (_LAST_OWN_TYPE, kinds),
        ).fetchall()
        return tuple(
            column if own else replace(column, type="text[]" if column.type.endswith("[]") else "text")
            for column, (own,) in zip(columns, rows, strict=True)
        )

    def _create(self, name: TableName, wanted: TableSchema) -> None:
        if not self._auto_create:
            raise NotFound(f"there is no table {name}, and auto_create is off")
        self._session.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(name.schema)))
        key = sql.SQL(", primary key ({})").format(names(wanted.primary_key)) if wanted.primary_key else sql.SQL("")
        columns = column_list(wanted.columns, not_null=True)
        self._session.execute(sql.SQL("create table {} ({}{})").format(relation(name), columns, key))

    def insert(self, table: TargetTable, rows: Sequence[Fields]) -> bool:
        """Copy new rows straight into the table; whether that went well. When not, they are to be upserted."""
        if not table.takes_new_rows or not rows:
            return not rows
        self._session.execute("savepoint direct")
        try:
            self._copy(relation(table.name), table.columns.columns, rows, table.columns.primary_key)
        except BadData:
            # A key that is there already, or a bad value: the slower way tells them apart.
            self._session.execute("rollback to savepoint direct")
            table.takes_new_rows = False
            return False
        self._session.execute("release savepoint direct")
        return True

    def upsert(self, table: TargetTable, rows: Sequence[Fields]) -> None:
        """Put whole rows in place of those with their keys."""
        places = tuple(range(len(table.columns.columns)))
        stage = self._stage(table, places, rows)
        columns, key = names(table.columns.names), table.columns.primary_key
        values = [name for name in table.columns.names if name not in key]
        assign = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in values]
        action = sql.SQL("update set {}").format(sql.SQL(", ").join(assign)) if assign else sql.SQL("nothing")
        conflict = sql.SQL("on conflict ({}) do {}").format(names(key), action) if key else sql.SQL("")
        self._session.execute(
            sql.SQL("insert into {} ({}) select {} from {} {}").format(
                relation(table.name), columns, columns, stage, conflict
            )
        )

    def update(self, table: TargetTable, places: tuple[int, ...], rows: Sequence[Fields]) -> None:
        """Change only the columns at `places`, the key's among them; a row that is not there stays so."""
        stage = self._stage(table, places, [tuple(row[place] for place in places) for row in rows])
        values = [table.columns.names[place] for place in places if place not in table.key]
        if not values:
            return
        assign = [sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in values]
        self._session.execute(
            sql.SQL("update {} d set {} from {} s where {}").format(
                relation(table.name), sql.SQL(", ").join(assign), stage, _same_key(table)
            )
        )

    def delete(self, table: TargetTable, keys: Sequence[Sequence[Field]]) -> None:
        """Delete the rows with these keys."""
        stage = self._stage(table, tuple(table.key), keys)
        self._session.execute(
            sql.SQL("delete from {} d using {} s where {}").format(relation(table.name), stage, _same_key(table))
        )

    def move(self, table: TargetTable, old: Sequence[Field], row: Fields) -> None:
        """Give the row with the key `old` the values of `row`, save those that are UNCHANGED."""
        told = [(c, value) for c, value in zip(table.columns.columns, row, strict=True) if value is not UNCHANGED]
        assign = [sql.SQL("{} = {}").format(sql.Identifier(column.name), _literal(column, v)) for column, v in told]
        key = [table.columns.columns[place] for place in table.key]
        self._session.execute(
            sql.SQL("update {} set {} where {}").format(
                relation(table.name),
                sql.SQL(", ").join(assign),
                sql.SQL(" and ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(column.name), _literal(column, value))
                    for column, value in zip(key, old, strict=True)
                ),
            )
        )

    def delete_one(self, table: TargetTable, row: Fields) -> None:
        """Delete one of the rows that have all these values."""
        told = [(c, value) for c, value in zip(table.columns.columns, row, strict=True) if value is not UNCHANGED]
        self._session.execute(
            sql.SQL("delete from {0} where ctid = (select ctid from {0} where {1} limit 1)").format(
                relation(table.name), _is(told)
            )
        )

    def truncate(self, table: TargetTable) -> None:
        """Delete all rows."""
        self._session.execute(sql.SQL("truncate {}").format(relation(table.name)))

    def _stage(self, table: TargetTable, places: tuple[int, ...], rows: Iterable[Sequence[Field]]) -> sql.Identifier:
        """A temporary table with these rows and nothing else."""
        columns = [table.columns.columns[place] for place in places]
        name = table.stages.get(places)
        if name is None:
            self._stages += 1
            name = table.stages[places] = f"_supersync_changes_{self._stages}"
            self._session.execute(
                sql.SQL("create temporary table {} ({}) on commit delete rows").format(
                    sql.Identifier(name), column_list(columns, not_null=False)
                )
            )
        elif name in self._filled:
            self._session.execute(sql.SQL("truncate {}").format(sql.Identifier("pg_temp", name)))
        self._filled.add(name)
        stage = sql.Identifier("pg_temp", name)
        key = table.columns.primary_key if set(table.key) <= set(places) else ()
        self._copy(stage, columns, rows, key)
        return stage

    def _copy(
        self, into: sql.Identifier, columns: Sequence[Column], rows: Iterable[Sequence[Field]], key: Sequence[str]
    ) -> None:
        out = BytesIO()
        column_names = [column.name for column in columns]
        CopyTextWriter(out, column_names, [text] * len(columns), key).write(list(rows))
        out.seek(0)
        self._session.copy(sql.SQL("copy {} ({}) from stdin").format(into, names(column_names)), out)


def _as_there(column: Column, there: TableSchema) -> Column:
    if column.name in there and there[column.name].type == column.type:
        return replace(there[column.name], nullable=column.nullable)
    return column


def _same_key(table: TargetTable) -> sql.Composable:
    return sql.SQL(" and ").join(
        sql.SQL("d.{0} = s.{0}").format(sql.Identifier(name)) for name in table.columns.primary_key
    )


def _literal(column: Column, value: Field) -> sql.Composable:
    if value is None:
        return sql.SQL("null")
    try:
        return sql.SQL("{}::{}").format(sql.Literal(value.decode()), sql.SQL(column.type))
    except ValueError as error:
        raise BadData(f"column {column.name!r}: {error}") from error


def _is(values: Iterable[tuple[Column, Field]]) -> sql.Composable:
    """A condition that is true for rows with these values; by their texts, since not every type has an equality."""
    return sql.SQL(" and ").join(
        sql.SQL("{}::text is not distinct from {}::text").format(sql.Identifier(column.name), _literal(column, value))
        for column, value in values
    )
