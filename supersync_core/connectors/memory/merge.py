"""What a sync does to a table in memory, as functions from the old table to the new one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from supersync_core.connectors.base import OnStage, Write
from supersync_core.connectors.copy_text import Field
from supersync_core.connectors.memory.database import MemoryTable, Row
from supersync_core.connectors.memory.values import parsed, printed
from supersync_core.domain.evolution import AddColumn, AddEnumLabel, Change, DropNotNull, WidenColumn, changes
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import Column, TableSchema
from supersync_core.domain.table_sync import DELETED_AT, Deletes, Stage
from supersync_core.errors import BadData


def evolve(write: Write, table: MemoryTable | None) -> MemoryTable:
    """The table as it must be to take the rows: new, or a copy with the source's changes. Raises SchemaMismatch."""
    if table is None:
        columns = tuple(
            replace(c, nullable=c.nullable and c.name not in write.primary_key) for c in write.columns.columns
        )
        table = MemoryTable(TableSchema(columns, write.primary_key))
    else:
        for change in changes(write.columns, table.schema):
            table = _apply(change, table)
    if write.deletes is Deletes.MARK and DELETED_AT not in table.schema:
        table = _apply(AddColumn(Column(DELETED_AT, "timestamp with time zone")), table)
    return table


def _apply(change: Change, table: MemoryTable) -> MemoryTable:
    schema = table.schema
    if isinstance(change, AddColumn):
        added = TableSchema((*schema.columns, change.column), schema.primary_key)
        return MemoryTable(added, [(*row, None) for row in table.rows])
    column = _changed(change, schema[change.name])
    place = schema.names.index(change.name)
    rows = [(*row[:place], parsed(printed(row[place]), column.type), *row[place + 1 :]) for row in table.rows]
    return MemoryTable(
        TableSchema((*schema.columns[:place], column, *schema.columns[place + 1 :]), schema.primary_key), rows
    )


def _changed(change: WidenColumn | DropNotNull | AddEnumLabel, column: Column) -> Column:
    if isinstance(change, WidenColumn):
        return replace(column, type=change.type, enum=())
    if isinstance(change, DropNotNull):
        return replace(column, nullable=True)
    place = len(column.enum) if change.before is None else column.enum.index(change.before)
    return replace(column, enum=(*column.enum[:place], change.label, *column.enum[place:]))


def merge(
    write: Write, table: MemoryTable, rows: Sequence[tuple[Field, ...]], on_stage: OnStage, now: datetime
) -> tuple[MemoryTable, Counts]:
    """The table with the rows merged in, and what happened to them. Raises BadData for a key that is null or double."""
    names = table.schema.names
    key = [names.index(name) for name in write.primary_key]
    merged = {_key(row, key): row for row in table.rows}
    inserted = updated = 0
    came: set[tuple[Field, ...]] = set()
    for fields in rows:
        row = _row(table.schema, write.columns.names, fields)
        identity = _key(row, key)
        if identity in came or None in identity:
            wrong = "null" if None in identity else "twice"
            raise BadData(f"{write.table}: the key ({', '.join(write.primary_key)}) = {identity} comes {wrong}")
        came.add(identity)
        before = merged.get(identity)
        after = row if before is None else _updated(table.schema, write.columns, before, row)
        inserted += before is None
        updated += before is not None and _printed(before) != _printed(after)
        merged[identity] = after
    deleted = _delete(write, table.schema, merged, came, on_stage, now)
    counts = Counts(len(rows), inserted, updated, len(rows) - inserted - updated, deleted)
    return MemoryTable(table.schema, list(merged.values())), counts


def _delete(
    write: Write,
    schema: TableSchema,
    merged: dict[tuple[Field, ...], Row],
    came: set[tuple[Field, ...]],
    on_stage: OnStage,
    now: datetime,
) -> int:
    """Delete or mark the rows that are gone; how many."""
    if write.deletes is Deletes.KEEP or not write.complete:
        return 0
    on_stage(Stage.DELETE)
    gone = [identity for identity in merged if identity not in came]
    if write.deletes is Deletes.DELETE:
        for identity in gone:
            del merged[identity]
        return len(gone)
    mark = schema.names.index(DELETED_AT)
    unmarked = [identity for identity in gone if merged[identity][mark] is None]
    for identity in unmarked:
        row = merged[identity]
        merged[identity] = (*row[:mark], now, *row[mark + 1 :])
    return len(unmarked)


def _row(schema: TableSchema, names: Sequence[str], fields: Sequence[Field]) -> Row:
    """The fields as values, in the order of the target's columns."""
    by_name = dict(zip(names, fields, strict=True))
    return tuple(parsed(by_name.get(column.name), column.type) for column in schema.columns)


def _updated(schema: TableSchema, source: TableSchema, before: Row, after: Row) -> Row:
    """A column that the source has no more keeps its value; the mark of a deleted row is taken off."""
    return tuple(
        new if column.name in source or column.name == DELETED_AT else old
        for column, old, new in zip(schema.columns, before, after, strict=True)
    )


def _key(row: Row, places: Sequence[int]) -> tuple[Field, ...]:
    return tuple(printed(row[place]) for place in places)


def _printed(row: Row) -> list[Any]:
    return [printed(value) for value in row]
