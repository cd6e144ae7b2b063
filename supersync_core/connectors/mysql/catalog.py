"""What MySQL's catalogs say about tables, and what its results say about their columns."""

import re
from collections.abc import Sequence
from typing import Any

from pymysql.constants import FIELD_TYPE, FLAG

from supersync_core.connectors.copy_text import Field
from supersync_core.connectors.mysql.connection import Session
from supersync_core.connectors.mysql_types import Declared
from supersync_core.domain.change import SourceColumn
from supersync_core.domain.table import TableName

SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys")


def list_tables(session: Session) -> list[TableName]:
    """Tables and views of all but the system's databases."""
    rows = session.execute(
        "select table_schema, table_name from information_schema.tables where table_type <> 'SEQUENCE'"
    )
    names = [TableName(_str(schema), _str(name)) for schema, name in rows]
    return sorted(name for name in names if name.schema not in SYSTEM_SCHEMAS)


def list_base_tables(session: Session) -> list[TableName]:
    """Tables that have rows of their own, of all but the system's databases."""
    rows = session.execute(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
    )
    names = [TableName(_str(schema), _str(name)) for schema, name in rows]
    return sorted(name for name in names if name.schema not in SYSTEM_SCHEMAS)


def table_columns(session: Session, table: TableName) -> list[Declared]:
    """The columns of a table or view in order; [] when there is no such table, or it may not be read."""
    where = _where(session, table)
    rows = session.execute(
        "select column_name, data_type, is_nullable, column_type, numeric_precision, numeric_scale,"
        f" character_maximum_length from information_schema.columns where {where} order by ordinal_position"
    )
    checked = _json_columns(session, where)
    return [_declared(row, checked) for row in rows]


def source_columns(session: Session, table: TableName) -> list[SourceColumn]:
    """The columns in the server's own words; JSON of MariaDB is `json`, whatever it is made from."""
    where = _where(session, table)
    rows = session.execute(
        "select column_name, column_type, is_nullable, column_default, extra from information_schema.columns"
        f" where {where} order by ordinal_position"
    )
    checked = _json_columns(session, where)
    columns = []
    for name, kind, nullable, default, extra in rows:
        column = _str(name)
        default_text = None if default is None or default == b"NULL" else _str(default)
        type_name = "json" if column in checked else _str(kind)
        columns.append(SourceColumn(column, type_name, nullable == b"YES", default_text, _str(extra) or None))
    return columns


def primary_key(session: Session, table: TableName) -> tuple[str, ...]:
    """The columns of the primary key in order; () when there is none."""
    rows = session.execute(
        f"select column_name from information_schema.statistics where {_where(session, table)}"
        " and index_name = 'PRIMARY' order by seq_in_index"
    )
    return tuple(_str(name) for (name,) in rows)


def result_columns(session: Session, query: str) -> list[Declared]:
    """The columns of a query's result. Lengths of texts are not known: they come as `text`."""
    return [_from_result(field) for field in session.fields(f"select * from ({query}\n) source limit 0")]


def _where(session: Session, table: TableName) -> str:
    return f"table_schema = {session.literal(table.schema)} and table_name = {session.literal(table.name)}"


def _declared(row: Sequence[Field], checked: set[str]) -> Declared:
    name, kind, nullable, column_type, precision, scale, length = (None if f is None else _str(f) for f in row)
    size = precision if kind in {"decimal", "bit"} else length
    return Declared(
        name=name or "",
        kind=(kind or "").lower(),
        nullable=nullable == "YES",
        unsigned="unsigned" in (column_type or "") and kind != "enum" and kind != "set",
        size=None if size is None else int(size),
        scale=int(scale or 0),
        is_json=name in checked,
    )


_JSON_CHECK = re.compile(r"json_valid\(`((?:[^`]|``)+)`\)", re.IGNORECASE)


def _json_columns(session: Session, where: str) -> set[str]:
    """MariaDB's type json is longtext with a check that the text is JSON."""
    if not session.is_mariadb:
        return set()
    rows = session.execute(
        "select check_clause from information_schema.check_constraints where "
        + where.replace("table_schema", "constraint_schema")
    )
    matches = (_JSON_CHECK.fullmatch(_str(clause)) for (clause,) in rows)
    return {match[1].replace("``", "`") for match in matches if match}


def _str(field: Field) -> str:
    return (field or b"").decode()


# Types of results whose name says all; the rest depends on flags.
_KINDS = {
    FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONG: "int",
    FIELD_TYPE.LONGLONG: "bigint",
    FIELD_TYPE.YEAR: "year",
    FIELD_TYPE.FLOAT: "float",
    FIELD_TYPE.DOUBLE: "double",
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date",
    FIELD_TYPE.DATETIME: "datetime",
    FIELD_TYPE.TIMESTAMP: "timestamp",
    FIELD_TYPE.TIME: "time",
    FIELD_TYPE.JSON: "json",
    FIELD_TYPE.GEOMETRY: "geometry",
    FIELD_TYPE.BIT: "bit",
    FIELD_TYPE.DECIMAL: "decimal",
    FIELD_TYPE.NEWDECIMAL: "decimal",
}
_BINARY = 63
"""The number of the character set that marks bytes instead of text."""


def _from_result(field: Any) -> Declared:
    kind = _KINDS.get(field.type_code, "blob" if field.charsetnr == _BINARY else "text")
    unsigned = bool(field.flags & FLAG.UNSIGNED)
    size = field.length
    if kind == "decimal":
        # The length counts the sign and the point.
        size -= (not unsigned) + (field.scale > 0)
    return Declared(field.name, kind, not field.flags & FLAG.NOT_NULL, unsigned, size, field.scale)
