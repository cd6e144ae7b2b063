"""Changes as Arrow record batches: flat columns, those of the row before and after the change side by side."""

import base64
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa

from supersync_core.connectors.source_types import in_postgres
from supersync_core.domain.change import Change, Image, Op, SourceTable

_FIXED = {
    "boolean": pa.bool_(),
    "smallint": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "date": pa.date32(),
    "bytea": pa.binary(),
}
_TEXT = pa.string()
_MAX_DIGITS = 38
_OP_TS = pa.timestamp("ms", tz="UTC")
_EVENT: list[tuple[str, pa.DataType, Callable[[Change], Any]]] = [
    ("op", _TEXT, lambda change: change.op.value),
    ("op_ts", _OP_TS, lambda change: change.tx.ts_ms),
    ("source_db", _TEXT, lambda change: change.table.database),
    ("source_schema", _TEXT, lambda change: change.table.schema or None),
    ("source_table", _TEXT, lambda change: change.table.name),
    ("source_position", _TEXT, lambda change: _position(change)),
    ("source_snapshot", pa.bool_(), lambda change: change.op is Op.READ),
    ("event_id", _TEXT, lambda change: change.event_id),
    ("schema_version", _TEXT, lambda change: change.schema_version),
    ("tx_id", _TEXT, lambda change: change.tx.id),
    ("unchanged", pa.list_(_TEXT), lambda change: _unchanged(change.after)),
]


class ArrowColumns:
    """The columns of one table's files."""

    def __init__(self, table: SourceTable, connector: str) -> None:
        """By the source's description of the table."""
        self._columns = [(column.name, arrow_type(in_postgres(column, connector).type)) for column in table.columns]
        rows = [(f"{side}_{name}", kind) for side in ("before", "after") for name, kind in self._columns]
        self.schema = pa.schema([*((name, kind) for name, kind, _ in _EVENT), *rows])

    def batch(self, changes: Sequence[Change]) -> pa.RecordBatch:
        """The changes in order. Raises what Arrow raises for a value that its column cannot hold (`UNFIT`)."""
        arrays = [pa.array([get(change) for change in changes], kind) for _, kind, get in _EVENT]
        for images in ([change.before for change in changes], [change.after for change in changes]):
            rows = [{} if image is None else image.values() for image in images]
            arrays += [_array([row.get(name) for row in rows], kind) for name, kind in self._columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


UNFIT = (pa.ArrowException, TypeError, ValueError, OverflowError)
"""What is raised for values that do not fit."""


@lru_cache(maxsize=1024)
def arrow_type(type_name: str) -> pa.DataType:
    """The type of a column's values, by its PostgreSQL type; what Arrow has no exact type for is text."""
    if type_name in _FIXED:
        return _FIXED[type_name]
    if type_name.startswith("numeric(") and type_name.endswith(")"):
        digits, scale = (int(part) for part in f"{type_name[8:-1]},0".split(",")[:2])
        return pa.decimal128(digits, scale) if digits <= _MAX_DIGITS and 0 <= scale <= digits else _TEXT
    if type_name.startswith("timestamp") and not type_name.endswith("[]"):
        return pa.timestamp("us", tz="UTC" if "with time zone" in type_name else None)
    return _TEXT


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    plain = [None if isinstance(value, dict) and "_unchanged" in value else value for value in values]
    if pa.types.is_binary(kind):
        return pa.array([None if value is None else _bytes(value) for value in plain], kind)
    if pa.types.is_string(kind):
        return pa.array([value if value is None or type(value) is str else _text(value) for value in plain], kind)
    if pa.types.is_decimal(kind) or pa.types.is_temporal(kind):
        # From the source's own texts, by Arrow's parser.
        return pa.array([None if value is None else str(value) for value in plain], _TEXT).cast(kind)
    return pa.array(plain, kind)


def _bytes(value: Any) -> bytes:
    return base64.b64decode(value["_base64"])


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _position(change: Change) -> str:
    """As the API shows it: without what the source alone can read."""
    return _text({name: value for name, value in change.tx.position.data.items() if name != "state"})


def _unchanged(image: Image | None) -> list[str] | None:
    if image is None:
        return None
    names = [name for name, value in image.values().items() if isinstance(value, dict) and "_unchanged" in value]
    return names or None
