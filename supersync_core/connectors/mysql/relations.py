"""Tables as the log describes them, joined with what the catalogue says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pymysql.constants import FIELD_TYPE

from supersync_core.connectors.changes import SourceContext
from supersync_core.connectors.mysql.catalog import SYSTEM_SCHEMAS, primary_key, source_columns
from supersync_core.connectors.mysql.change_values import from_log
from supersync_core.connectors.mysql.connection import Session
from supersync_core.connectors.mysql.log_times import FromLog
from supersync_core.connectors.source_types import declared
from supersync_core.domain.change import Position, SourceColumn, SourceTable
from supersync_core.domain.table import TableName
from supersync_core.domain.table_patterns import TablePatterns
from supersync_core.errors import AbortError, SchemaMismatch

_TYPES = {
    FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONG: "int",
    FIELD_TYPE.LONGLONG: "bigint",
    FIELD_TYPE.FLOAT: "float",
    FIELD_TYPE.DOUBLE: "double",
    FIELD_TYPE.YEAR: "year",
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.JSON: "json",
    FIELD_TYPE.GEOMETRY: "geometry",
    FIELD_TYPE.ENUM: "text",
    FIELD_TYPE.SET: "text",
    17: "timestamp(6)",
    18: "datetime(6)",
    19: "time(6)",
}


def wanted_tables(patterns: Sequence[str], database: str | None) -> TablePatterns:
    """Patterns without a dot are of the connection's own database, where it has one."""
    whole = patterns or ("*",)
    return TablePatterns([f"{database}.{one}" if database and "." not in one else one for one in whole])


@dataclass(frozen=True)
class Relation:
    """A table that is read, and how its rows are."""

    table: SourceTable
    names: tuple[str, ...]
    rules: tuple[FromLog, ...]

    def read(self, data: bytes, at: int, present: bytes) -> tuple[dict[str, Any], int]:
        """A row, and where it ends. `present`: a bit for each column that is there."""
        here = [place for place in range(len(self.names)) if present[place >> 3] >> (place & 7) & 1]
        nulls = at
        at += (len(here) + 7) // 8
        row: dict[str, Any] = {}
        for number, place in enumerate(here):
            if data[nulls + (number >> 3)] >> (number & 7) & 1:
                row[self.names[place]] = None
            else:
                row[self.names[place]], at = self.rules[place](data, at)
        return row, at


class Relations:
    """The tables that are wanted; each form of one is told once."""

    def __init__(
        self, session: Callable[[], Session], patterns: TablePatterns, context: SourceContext, *, halt: bool
    ) -> None:
        """`session` asks the catalogue. `halt`: a change of columns raises SchemaMismatch."""
        self._session, self._patterns, self._context, self._halt = session, patterns, context, halt
        self._by_form: dict[tuple[Any, ...], Relation] = {}
        self._last: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._told: dict[tuple[str, str], SourceTable] = {}

    def is_wanted(self, database: str, name: str) -> bool:
        """Whether the table is read."""
        return database not in SYSTEM_SCHEMAS and self._patterns.match(database, name)

    def find(self, mapped: Any, position: Position) -> Relation | None:
        """The table that the driver's description in the log is of; None when it is not wanted."""
        key = (mapped.schema, mapped.table)
        if not self.is_wanted(*key):
            return None
        form = (*key, *(_form(column) for column in mapped.columns))
        relation = self._by_form.get(form)
        if relation is None:
            relation = self._by_form[form] = self._learn(mapped)
        if self._last.get(key) != form:
            self._last[key] = form
            self.tell(relation.table, position)
        return relation

    def tell(self, table: SourceTable, position: Position) -> None:
        """Say what form a table has from here on, unless that is known. Raises SchemaMismatch where it shall halt."""
        key = (table.database, table.name)
        before = self._told.get(key)
        if before is not None and before.fingerprint == table.fingerprint:
            return
        if before is not None and self._halt:
            raise SchemaMismatch(
                f"{table.full_name} has changed: {_difference(before, table)}; resume to go on with it"
            )
        self._told[key] = table
        self._context.on_table(table, position)

    def _learn(self, mapped: Any) -> Relation:
        session, name = self._session(), TableName(mapped.schema, mapped.table)
        known = {column.name: column for column in source_columns(session, name)}
        columns = []
        for column in mapped.columns:
            if column.name is None:
                raise AbortError(
                    f"the log does not name the columns of {name}: the server's binlog_row_metadata was not 'FULL' when"
                    " it was written. Set it, and create the pipeline again with a snapshot"
                )
            columns.append(known.get(column.name) or SourceColumn(column.name, _type(column), True))
        names = tuple(column.name for column in columns)
        key = tuple(part for part in primary_key(session, name) if part in names)
        table = SourceTable(mapped.schema, "", mapped.table, tuple(columns), key)
        rules = tuple(
            from_log(declared(described), column) for described, column in zip(columns, mapped.columns, strict=True)
        )
        return Relation(table, names, rules)


def _form(column: Any) -> tuple[Any, ...]:
    """What tells the forms of a column apart."""
    parts = ("name", "type", "unsigned", "max_length", "precision", "decimals", "fsp", "bits", "character_set_name")
    return (*(getattr(column, part, None) for part in parts), str(column.enum_values or column.set_values))


def _type(column: Any) -> str:
    """The type of a column that the catalogue does not know any more."""
    if column.type == FIELD_TYPE.NEWDECIMAL:
        return f"decimal({column.precision},{column.decimals})"
    if column.type == FIELD_TYPE.BIT:
        return f"bit({column.bits})"
    text = _TYPES.get(column.type)
    if text is None:
        return "longblob" if column.character_set_name == "binary" else "longtext"
    return f"{text} unsigned" if column.unsigned else text


def _difference(before: SourceTable, after: SourceTable) -> str:
    old, new = ({column.name: column for column in table.columns} for table in (before, after))
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return f"columns {', '.join(changed)}" if changed else "its key"
