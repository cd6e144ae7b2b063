"""How a ClickHouse sink is declared."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from supersync_core.connectors.sink_config import ChangeSinkBase, EventFilter


class Tls(BaseModel):
    """How a https:// address is looked at. `enabled` is there for the document: the address says it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    enabled: bool = True
    insecure_skip_verify: bool = False


class ChangeSinkConfig(ChangeSinkBase):
    """A database of a ClickHouse server, by its HTTP interface."""

    url: str = Field(pattern=r"^https?://", description="http://host:8123 or https://host:8443")
    database: str = Field(min_length=1)
    table: str = Field(min_length=1, description="name, or a template such as ${source.table} for many tables")
    mode: Literal["upsert", "changelog"] = "changelog"
    user: str | None = None
    password: SecretStr | None = None
    tls: Tls = Tls()
    version_source: Literal["source_position", "ts_ms"] = "source_position"
    send_timeout_secs: float = Field(default=30, gt=0, description="seconds for one request")
    auto_create: bool = Field(default=True, description="make tables and columns that are missing")
    filter: EventFilter | None = None
