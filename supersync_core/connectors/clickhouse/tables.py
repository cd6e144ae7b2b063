"""Target tables in ClickHouse, and rows as they take them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from supersync_core.connectors.clickhouse.change_config import ChangeSinkConfig
from supersync_core.connectors.clickhouse.connection import ClickhouseConnection
from supersync_core.connectors.source_types import MYSQL, in_postgres
from supersync_core.domain.change import Change, Image, Op, SourceTable
from supersync_core.domain.table import Column
from supersync_core.errors import BadData, NotFound, SchemaMismatch

META = {
    "_op": "LowCardinality(String)",
    "_version": "UInt64",
    "_deleted": "UInt8",
    "_source_ts": "DateTime64(3, 'UTC')",
}
_FIXED = {
    "boolean": "Bool",
    "smallint": "Int16",
    "integer": "Int32",
    "bigint": "Int64",
    "real": "Float32",
    "double precision": "Float64",
    "date": "Date32",
}
_MAX_DIGITS = 76
_INDEX_BITS = 16


@dataclass(frozen=True)
class Target:
    """A table of ClickHouse that takes the changes of `source`. `name`: quoted, with its database."""

    name: str
    source: SourceTable


def clickhouse_type(column: Column) -> str:
    """The type of a column, by its PostgreSQL type; what has no exact counterpart is String."""
    kind = column.type
    if kind in _FIXED:
        return _FIXED[kind]
    if kind.startswith("numeric(") and kind.endswith(")"):
        digits, scale = (int(part) for part in f"{kind[8:-1]},0".split(",")[:2])
        if digits <= _MAX_DIGITS and 0 <= scale <= digits:
            return f"Decimal({digits}, {scale})"
    if kind.startswith("timestamp") and not kind.endswith("[]"):
        return "DateTime64(6, 'UTC')" if "with time zone" in kind else "DateTime64(6)"
    return "String"


def prepare(
    connection: ClickhouseConnection, config: ChangeSinkConfig, table: str, source: SourceTable, connector: str
) -> Target:
    """Make the target, or give it the columns that it lacks. Raises NotFound where that is not allowed."""
    name = f"{quoted(config.database)}.{quoted(table)}"
    if config.mode == "upsert" and not source.primary_key:
        raise SchemaMismatch(f"{source.full_name} has no primary key, which mode upsert needs: use mode changelog")
    columns = {
        column.name: _nullable(in_postgres(column, connector), column.name in source.primary_key)
        for column in source.columns
    } | META
    rows = connection.ask(
        f"select name from system.columns where database = {_text(config.database)} and table = {_text(table)}"
    )
    known = {row[0] for row in rows}
    missing = {column: kind for column, kind in columns.items() if column not in known}
    if missing and not config.auto_create:
        raise NotFound(f"{name} is not there or lacks {', '.join(missing)}, and auto_create is off")
    if not known:
        connection.run(_create(name, columns, source, config.mode))
    elif missing:
        parts = ", ".join(f"add column if not exists {quoted(column)} {kind}" for column, kind in missing.items())
        connection.run(f"alter table {name} {parts}")
    return Target(name, source)


def _create(name: str, columns: dict[str, str], source: SourceTable, mode: str) -> str:
    body = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns.items())
    key = [quoted(column) for column in source.primary_key]
    engine = "ReplacingMergeTree(_version, _deleted)" if mode == "upsert" else "MergeTree"
    order = ", ".join(key if mode == "upsert" else [*key, "_version"])
    return f"create table if not exists {name} ({body}) engine = {engine} order by ({order})"


def _nullable(column: Column, is_key: bool) -> str:
    kind = clickhouse_type(column)
    return f"Nullable({kind})" if column.nullable and not is_key else kind


def quoted(name: str) -> str:
    """An identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def rows(change: Change, config: ChangeSinkConfig, connector: str) -> Iterator[bytes]:
    """The lines of a change: one, and in mode upsert another before it for a key that is gone. Raises BadData."""
    version = change.tx.ts_ms if config.version_source == "ts_ms" else position_version(change, connector)
    before = change.before.values() if change.before is not None else {}
    if config.mode == "upsert" and change.after is not None and change.before is not None:
        old = {name: before.get(name) for name in change.table.primary_key}
        if old != change.key() and None not in old.values():
            yield _line(old, change, "d", version)
    row = _whole(change.after, before) if change.after is not None else _told(before)
    yield _line(row, change, change.op.value, version)


def position_version(change: Change, connector: str) -> int:
    """A number that grows from change to change of a row: place of its transaction, then its place in that."""
    order = change.tx.position.order
    place = order[0] << 32 | order[1] if connector == MYSQL else order[0]
    index = min(change.index, (1 << _INDEX_BITS) - 1)
    return min(place << _INDEX_BITS | index, (1 << 64) - 1)


def _line(row: dict[str, Any], change: Change, op: str, version: int) -> bytes:
    deleted = 1 if op in (Op.DELETE.value, Op.TRUNCATE.value) else 0
    meta = {"_op": op, "_version": version, "_deleted": deleted, "_source_ts": f"{change.tx.ts_ms / 1000:.3f}"}
    try:
        return orjson.dumps({name: _value(value) for name, value in row.items()} | meta) + b"\n"
    except TypeError as error:
        raise BadData(f"the event cannot be written as JSON: {error}") from error


def _whole(image: Image, before: dict[str, Any]) -> dict[str, Any]:
    try:
        row = dict(image.values())
    except (TypeError, ValueError) as error:
        raise BadData(f"the row cannot be read: {error}") from error
    for name, value in row.items():
        if isinstance(value, dict) and "_unchanged" in value:
            row[name] = before.get(name, value)
            if row[name] is value or row[name] is None:
                raise BadData(f"the log does not tell {name!r}: set the table's replica identity to full")
    return row


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, dict) and "_base64" in value:
        return value["_base64"]
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value
