"""Changes of many tables, applied to their targets."""

from collections.abc import Sequence
from itertools import groupby

from supersync_core.connectors.postgres.change_tables import TargetTable, TargetTables
from supersync_core.connectors.postgres.coalesce import Coalescer, Net
from supersync_core.connectors.postgres.fields import UNCHANGED, Fields
from supersync_core.domain.change import Change, Image, Op, SourceTable
from supersync_core.errors import BadData


def apply(tables: TargetTables, changes: Sequence[Change]) -> None:
    """Apply all within the session's transaction, table by table. Raises BadData for one that cannot be."""
    by_table: dict[int, tuple[SourceTable, list[Change]]] = {}
    for change in changes:
        found = by_table.get(id(change.table))
        if found is None:
            found = by_table[id(change.table)] = (change.table, [])
        found[1].append(change)
    for source, own in by_table.values():
        target = tables.find(source)
        if target.key:
            _apply_by_key(tables, target, own)
        else:
            _apply_without_key(tables, target, own)


def _apply_by_key(tables: TargetTables, target: TargetTable, changes: Sequence[Change]) -> None:
    coalescer = Coalescer(target.key)
    put, fields = coalescer.put, target.reader.fields
    for change in changes:
        op = change.op
        if op is Op.TRUNCATE:
            coalescer.truncate()
        elif op is Op.DELETE:
            coalescer.delete(fields(_image(change, change.before)))
        elif op is Op.UPDATE and change.before is not None:
            put(fields(_image(change, change.after)), fields(change.before))
        elif op is Op.CREATE:
            coalescer.insert(fields(_image(change, change.after)))
        else:
            put(fields(_image(change, change.after)))
    for step in coalescer.steps:
        if isinstance(step, Net):
            _apply_net(tables, target, step)
        else:
            tables.move(target, step.old, step.row)


def _apply_net(tables: TargetTables, target: TargetTable, net: Net) -> None:
    if net.only_new and tables.insert(target, [row for row in net.rows.values() if row is not None]):
        return
    if net.emptied:
        tables.truncate(target)
    gone = [key for key, row in net.rows.items() if row is None]
    if gone and not net.emptied:
        tables.delete(target, gone)
    _put(tables, target, [row for row in net.rows.values() if row is not None])


def _put(tables: TargetTables, target: TargetTable, rows: Sequence[Fields]) -> None:
    """Rows as they are now: whole ones at once, others by which of their values are told."""
    whole: list[Fields] = []
    partial: dict[tuple[int, ...], list[Fields]] = {}
    for row in rows:
        if UNCHANGED in row:
            told = tuple(place for place, value in enumerate(row) if value is not UNCHANGED)
            partial.setdefault(told, []).append(row)
        else:
            whole.append(row)
    if whole:
        tables.upsert(target, whole)
    for told, rows in partial.items():
        tables.update(target, told, rows)


def _apply_without_key(tables: TargetTables, target: TargetTable, changes: Sequence[Change]) -> None:
    """New rows set by set; a row that is changed or gone is found by all of its values, where the log tells them."""
    fields = target.reader.fields
    for is_new, group in groupby(changes, lambda change: change.op in (Op.CREATE, Op.READ)):
        if is_new:
            tables.upsert(target, [fields(_image(change, change.after)) for change in group])
            continue
        for change in group:
            if change.op is Op.TRUNCATE:
                tables.truncate(target)
                continue
            if change.before is None:
                raise BadData(f"{target.name} has no primary key, and the log does not tell which row has changed")
            tables.delete_one(target, fields(change.before))
            if change.after is not None:
                tables.upsert(target, [fields(change.after)])


def _image(change: Change, image: Image | None) -> Image:
    if image is None:
        raise BadData(f"an event of kind {change.op.value} without its row")
    return image
