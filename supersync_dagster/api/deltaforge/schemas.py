"""`/pipelines/{name}/schemas`: the forms of tables as their database has them."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from supersync_core.domain.access import Role
from supersync_core.errors import NotFound
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from supersync_core.services.cdc.schemas import SchemaVersion, find_schema, list_schemas, schema_versions
from supersync_dagster.api.auth import require
from supersync_dagster.api.deltaforge.wire import NamePath, errors
from supersync_dagster.api.deps import SessionDep

router = APIRouter(prefix="/pipelines/{name}/schemas", tags=["schemas"], dependencies=[Depends(require(Role.VIEWER))])


class SchemaSummary(BaseModel):
    """A table. `registry_version`: grows by one with each new form of it."""

    database: str
    table: str
    column_count: int
    primary_key: list[str]
    fingerprint: str
    registry_version: int

    @classmethod
    def of(cls, found: SchemaVersion) -> "SchemaSummary":
        """From the ledger."""
        return cls(
            database=found.schema_name or found.database_name,
            table=found.table_name,
            column_count=len(found.columns),
            primary_key=found.primary_key,
            fingerprint=found.fingerprint,
            registry_version=found.version,
        )


class SchemaDetail(BaseModel):
    """A table with its columns: name, type, nullable, default, and `extra` where there is something."""

    database: str
    table: str
    columns: list[dict[str, Any]]
    primary_key: list[str]
    fingerprint: str
    registry_version: int

    @classmethod
    def of(cls, found: SchemaVersion) -> "SchemaDetail":
        """From the ledger."""
        columns: list[Any] = found.columns
        return cls(
            database=found.schema_name or found.database_name,
            table=found.table_name,
            columns=[{key: one[key] for key in one if key != "extra" or one[key] is not None} for one in columns],
            primary_key=found.primary_key,
            fingerprint=found.fingerprint,
            registry_version=found.version,
        )


class Version(BaseModel):
    """A form that the table has had."""

    version: int
    fingerprint: str
    column_count: int
    registered_at: datetime


@router.get("", responses=errors(404))
def list_pipeline_schemas(name: NamePath, session: SessionDep) -> list[SchemaSummary]:
    """The tables whose changes the pipeline has read."""
    return [SchemaSummary.of(found) for found in list_schemas(session, get_cdc_pipeline(session, name))]


@router.get("/{db}/{table}", responses=errors(404))
def get_schema(name: NamePath, db: str, table: str, session: SessionDep) -> SchemaDetail:
    """A table with its columns. `db`: the schema of a PostgreSQL table, the database of a MySQL table."""
    found = find_schema(session, get_cdc_pipeline(session, name), db, table)
    if found is None:
        raise NotFound(f"pipeline schema for table {db}.{table} not found")
    return SchemaDetail.of(found)


@router.get("/{db}/{table}/versions", responses=errors(404))
def list_versions(name: NamePath, db: str, table: str, session: SessionDep) -> list[Version]:
    """Every form that the table has had, the oldest first."""
    pipeline = get_cdc_pipeline(session, name)
    return [
        Version(
            version=one.version,
            fingerprint=one.fingerprint,
            column_count=len(one.columns),
            registered_at=one.registered_at,
        )
        for one in schema_versions(session, pipeline, db, table)
    ]
