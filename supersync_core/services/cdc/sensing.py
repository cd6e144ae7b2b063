"""What schema sensing has learnt of a pipeline's tables, and how their rows differ from the catalogue."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.engines.cdc.sensing.json_schema import json_schema
from supersync_core.engines.cdc.sensing.shape import Shape
from supersync_core.errors import NotFound
from supersync_core.ledger.schemas import select_sensed
from supersync_core.ledger.tables import Pipeline

__all__ = ["Field", "Sensed", "find_drift", "find_sensed", "list_drift", "list_sensed"]


@dataclass(frozen=True)
class Field:
    """A field of documents. `nested`: how many fields its objects have; None where it has never been an object."""

    name: str
    types: Sequence[str]
    nullable: bool
    optional: bool
    nested: int | None
    elements: Sequence[str] | None


@dataclass(frozen=True)
class Sensed:
    """What was sensed of a table, or of a JSON column (`table:column`). `state`: numbers and times as they are kept."""

    name: str
    shape: Shape
    state: Mapping[str, Any]
    columns: Mapping[str, Shape]

    def fields(self) -> Iterator[Field]:
        """Its fields by name. What is in a JSON column is known from the column's own entry."""
        for name, field in sorted(self.shape.fields.items()):
            is_object, is_array = "object" in field.types, "array" in field.types
            inside = self.columns.get(name, field)
            yield Field(
                name,
                field.kinds,
                field.nullable,
                field.optional,
                nested=len(inside.fields) if is_object else None,
                elements=(field.items.kinds if field.items else []) if is_array else None,
            )

    def json_schema(self, *, nested: bool) -> Mapping[str, Any]:
        """As JSON Schema, draft 7. `nested`: with what is inside of objects, which the document leaves out."""
        return json_schema(self.name, self.shape, self.columns if nested else None)


def list_sensed(session: Session, pipeline: Pipeline) -> Sequence[Sensed]:
    """Everything that was sensed, by name. Empty while sensing is off, and where its output is not exposed."""
    if not _is_on(pipeline) or not _option(pipeline, "expose_api"):
        return []
    rows = {row.name: row.sensed or {} for row in select_sensed(session, pipeline.id)}
    shapes = {name: Shape.read(state["shape"]) for name, state in rows.items()}
    return [
        Sensed(name, shapes[name], state, _columns(name, shapes)) for name, state in rows.items() if state["sequence"]
    ]


def find_sensed(session: Session, pipeline: Pipeline, name: str, *, export: bool = False) -> Sensed:
    """What was sensed of a table or `table:column`. Raises NotFound, with `export` also where that is not wanted."""
    found = next((one for one in list_sensed(session, pipeline) if one.name == name), None)
    if found is None or (export and not _option(pipeline, "export_json_schema")):
        raise NotFound(f"sensed schema for table {name} not found{'' if _is_on(pipeline) else _OFF}")
    return found


def list_drift(session: Session, pipeline: Pipeline) -> Mapping[str, Mapping[str, Any]]:
    """By table whose rows were looked at: as `Drift` keeps it."""
    if not _is_on(pipeline) or not _option(pipeline, "expose_api"):
        return {}
    return {row.name: row.drift for row in select_sensed(session, pipeline.id) if row.drift}


def find_drift(session: Session, pipeline: Pipeline, table: str) -> Mapping[str, Any]:
    """Of one table. Raises NotFound where none of its rows was looked at."""
    found = list_drift(session, pipeline).get(table)
    if found is None:
        raise NotFound(f"drift of table {table} not found{'' if _is_on(pipeline) else _OFF}")
    return found


_OFF = ": schema sensing is off (spec.schema_sensing.enabled)"


def _columns(table: str, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    prefix = f"{table}:"
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}


def _is_on(pipeline: Pipeline) -> bool:
    return bool((pipeline.spec["spec"].get("schema_sensing") or {}).get("enabled"))


def _option(pipeline: Pipeline, name: str) -> bool:
    """What the specification says of sensing's output; yes by default."""
    output = (pipeline.spec["spec"].get("schema_sensing") or {}).get("output") or {}
    return bool(output.get(name, True))
