"""Run the revisions on the connection, and within the transaction, that `migrate` hands over."""

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.schema import CreateSchema

from supersync_core.ledger import (  # noqa: F401  (their tables belong to the metadata)
    api_tables,
    cdc_tables,
    channel_tables,
    check_tables,
    historical_tables,
    lineage_tables,
    openlineage_tables,
    perimeter_tables,
    tables,
)
from supersync_core.ledger.base import SCHEMA, Base

connection: Connection = context.config.attributes["connection"]
connection.execute(CreateSchema(SCHEMA, if_not_exists=True))
context.configure(
    connection=connection, target_metadata=Base.metadata, version_table_schema=SCHEMA, include_schemas=True
)
context.run_migrations()
