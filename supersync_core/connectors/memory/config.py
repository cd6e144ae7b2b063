"""How a connection to tables in memory is declared."""

from typing import Literal

from pydantic import Field

from supersync_core.connectors.config import ConnectorConfig


class Config(ConnectorConfig):
    """Tables in the memory of this process, for tests and examples."""

    type: Literal["memory"] = "memory"
    database: str = Field(default="default", description="connections that name the same database share its tables")
