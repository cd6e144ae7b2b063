"""How a PostgreSQL change sink is declared."""

from pydantic import Field, SecretStr

from supersync_core.connectors.sink_config import ChangeSinkBase, EventFilter


class ChangeSinkConfig(ChangeSinkBase):
    """A PostgreSQL database (13 to 18) whose tables follow those of the source."""

    dsn: SecretStr = Field(description="postgresql://user:password@host:port/database, or libpq keywords")
    target_schema: str | None = Field(
        default=None, description="where the tables are; by default in schemas named as at the source"
    )
    auto_create: bool = Field(default=True, description="make tables and columns that are missing")
    batch_timeout_secs: float = Field(default=600, gt=0, description="seconds for a whole batch")
    filter: EventFilter | None = None
