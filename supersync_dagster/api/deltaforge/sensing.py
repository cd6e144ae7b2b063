"""`/pipelines/{name}/sensing` and `/drift`: what documents look like, and how rows differ from the catalogue."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from supersync_core.domain.access import Role
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from supersync_core.services.cdc.sensing import Field, Sensed, find_drift, find_sensed, list_drift, list_sensed
from supersync_dagster.api.auth import require
from supersync_dagster.api.deltaforge.wire import NamePath, errors
from supersync_dagster.api.deps import SessionDep

router = APIRouter(prefix="/pipelines/{name}", tags=["sensing"], dependencies=[Depends(require(Role.VIEWER))])


class InferredSchema(BaseModel):
    """A table or a JSON column (`table:column`). `sequence` grows by one whenever `fingerprint` changes.

    `stabilized`: so many events have come without anything new that it is taken for known. Times are UTC.
    """

    table: str
    fingerprint: str
    sequence: int
    event_count: int
    stabilized: bool
    first_seen: str
    last_seen: str

    @classmethod
    def of(cls, sensed: Sensed) -> "InferredSchema":
        """From the ledger."""
        return cls.model_validate({"table": sensed.name, **sensed.state})


class InferredField(BaseModel):
    """A field. `nullable`: was null at least once; `optional`: was missing at least once."""

    name: str
    types: list[str]
    nullable: bool
    optional: bool
    nested_field_count: int | None = None
    array_element_types: list[str] | None = None

    @classmethod
    def of(cls, field: Field) -> "InferredField":
        """From the ledger. What there is not is left out."""
        more = {"nested_field_count": field.nested, "array_element_types": field.elements}
        return cls(
            name=field.name,
            types=list(field.types),
            nullable=field.nullable,
            optional=field.optional,
            **{key: value for key, value in more.items() if value is not None},  # type: ignore[arg-type]
        )


class InferredDetail(BaseModel):
    """A table or a JSON column with its fields."""

    table: str
    fingerprint: str
    sequence: int
    event_count: int
    stabilized: bool
    fields: list[InferredField]
    first_seen: str
    last_seen: str

    @classmethod
    def of(cls, sensed: Sensed) -> "InferredDetail":
        """From the ledger."""
        fields = [InferredField.of(field) for field in sensed.fields()]
        return cls.model_validate({"table": sensed.name, "fields": fields, **sensed.state})


class TableStats(BaseModel):
    """How often a document looked like one that was known."""

    table: str
    cached_structures: int
    max_cache_size: int
    cache_hits: int
    cache_misses: int


class Stats(BaseModel):
    """Of all tables together; `hit_rate` is 0 before anything came."""

    tables: list[TableStats]
    total_cache_hits: int
    total_cache_misses: int
    hit_rate: float


class DriftedColumn(BaseModel):
    """A column whose values do not fit. `examples`: a few of them as JSON, left out where there is nothing to show."""

    column: str
    expected_type: str
    observed_types: list[str]
    mismatch_count: int
    examples: list[str] | None = None


class TableDrift(BaseModel):
    """A table's rows beside its form in the catalogue."""

    table: str
    has_drift: bool
    columns: list[DriftedColumn]
    events_analyzed: int
    events_with_drift: int

    @classmethod
    def of(cls, table: str, drift: Mapping[str, Any]) -> "TableDrift":
        """From the ledger."""
        columns = [{key: one[key] for key in one if one[key] != []} for one in drift["columns"]]
        return cls.model_validate({**drift, "table": table, "has_drift": bool(columns), "columns": columns})


@router.get("/sensing/schemas", responses=errors(404))
def list_inferred_schemas(name: NamePath, session: SessionDep) -> list[InferredSchema]:
    """Everything that was sensed."""
    return [InferredSchema.of(sensed) for sensed in list_sensed(session, get_cdc_pipeline(session, name))]


@router.get("/sensing/schemas/{table}", responses=errors(404), response_model_exclude_unset=True)
def get_inferred_schema(name: NamePath, table: str, session: SessionDep) -> InferredDetail:
    """A table, or a JSON column as `table:column`, with its fields."""
    return InferredDetail.of(find_sensed(session, get_cdc_pipeline(session, name), table))


@router.get("/sensing/schemas/{table}/json-schema", responses=errors(404))
def get_json_schema(
    name: NamePath,
    table: str,
    session: SessionDep,
    nested: Annotated[bool, Query(description="Describe what is inside of objects, too.")] = False,
) -> dict[str, Any]:
    """The same as JSON Schema, draft 7."""
    return dict(find_sensed(session, get_cdc_pipeline(session, name), table, export=True).json_schema(nested=nested))


@router.get("/sensing/stats", responses=errors(404))
def get_sensing_stats(name: NamePath, session: SessionDep) -> Stats:
    """How well the memory of structures works."""
    found = list_sensed(session, get_cdc_pipeline(session, name))
    tables = [TableStats.model_validate({"table": sensed.name, **sensed.state}) for sensed in found]
    hits, misses = sum(one.cache_hits for one in tables), sum(one.cache_misses for one in tables)
    return Stats(
        tables=tables,
        total_cache_hits=hits,
        total_cache_misses=misses,
        hit_rate=round(hits / (hits + misses), 4) if hits + misses else 0.0,
    )


@router.get("/drift", responses=errors(404), response_model_exclude_unset=True)
def list_table_drift(name: NamePath, session: SessionDep) -> list[TableDrift]:
    """Every table whose rows were compared with its form in the catalogue."""
    found = list_drift(session, get_cdc_pipeline(session, name))
    return [TableDrift.of(table, drift) for table, drift in found.items()]


@router.get("/drift/{table}", responses=errors(404), response_model_exclude_unset=True)
def get_table_drift(name: NamePath, table: str, session: SessionDep) -> TableDrift:
    """One table."""
    return TableDrift.of(table, find_drift(session, get_cdc_pipeline(session, name), table))
