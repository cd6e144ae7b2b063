"""The forms of tables that a CDC pipeline has seen."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from supersync_core.ledger.cdc_tables import SchemaVersion
from supersync_core.ledger.schemas import select_tracked, select_versions
from supersync_core.ledger.tables import Pipeline

__all__ = ["SchemaVersion", "find_schema", "list_schemas", "schema_versions"]


def list_schemas(session: Session, pipeline: Pipeline) -> Sequence[SchemaVersion]:
    """The present form of each table, by name."""
    return [version for _, version in select_tracked(session, pipeline.id) if version is not None]


def find_schema(session: Session, pipeline: Pipeline, database: str, table: str) -> SchemaVersion | None:
    """The present form of a table; `database` is its schema where it has one."""
    for found in list_schemas(session, pipeline):
        if found.table_name == table and database in (found.schema_name or found.database_name, found.database_name):
            return found
    return None


def schema_versions(session: Session, pipeline: Pipeline, database: str, table: str) -> Sequence[SchemaVersion]:
    """Every form that a table has had, the oldest first."""
    found = find_schema(session, pipeline, database, table)
    if found is None:
        return []
    place = {
        "database_name": found.database_name,
        "schema_name": found.schema_name,
        "table_name": found.table_name,
    }
    return select_versions(session, found.tenant, place)
