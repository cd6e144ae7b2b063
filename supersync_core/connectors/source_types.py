"""Columns of a source of changes in PostgreSQL's types, which every connector knows how to map on."""

import re

from supersync_core.connectors.mysql_types import Declared, map_column
from supersync_core.domain.change import SourceColumn
from supersync_core.domain.table import Column

MYSQL = "mysql"
# As `information_schema.columns.column_type` has it: decimal(10,2) unsigned, enum('a','b'), varchar(20).
_DECLARED = re.compile(r"\s*(\w+)(?: precision)?\s*(?:\((.*?)\))?([^)]*)", re.DOTALL)
_ALIASES = {"integer": "int", "bool": "tinyint", "boolean": "tinyint", "numeric": "decimal", "real": "double"}
_TEXTS = {"enum", "set"}


def in_postgres(column: SourceColumn, connector: str) -> Column:
    """The column as PostgreSQL would have it; raises SchemaMismatch for a type of MySQL's that has no counterpart."""
    if connector != MYSQL:
        return Column(column.name, column.type, column.nullable)
    return map_column(declared(column)).column


def declared(column: SourceColumn) -> Declared:
    """A column of MySQL's from the words of its declaration."""
    match = _DECLARED.match(column.type.lower())
    kind, sizes, rest = match.groups() if match else (column.type, None, "")
    kind = _ALIASES.get(kind, kind)
    numbers = (
        [] if sizes is None or kind in _TEXTS else [int(part) for part in sizes.split(",") if part.strip().isdigit()]
    )
    size = numbers[0] if numbers else 10 if kind == "decimal" else None
    scale = numbers[1] if len(numbers) > 1 else 0
    return Declared(column.name, kind, column.nullable, "unsigned" in rest, size, scale)
