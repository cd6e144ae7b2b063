"""How a PostgreSQL connection is declared."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, SecretStr

from supersync_core.connectors.config import ConnectorConfig, Location
from supersync_core.connectors.dsn import first_host
from supersync_core.connectors.postgres.connection import parse_dsn


class Config(ConnectorConfig):
    """A PostgreSQL database, version 13 to 18."""

    type: Literal["postgres"] = "postgres"
    dsn: SecretStr = Field(description="postgresql://user:password@host:port/database, or libpq keywords")

    def location(self) -> Location:
        """Host, port and database of the DSN."""
        return libpq_location(parse_dsn(self.dsn.get_secret_value()), port=5432)


def libpq_location(parameters: Mapping[str, Any], *, port: int) -> Location:
    """Where libpq's parameters lead; `port` where they name none."""
    named = str(parameters.get("port", "")).split(",")[0]
    database = parameters.get("dbname") or parameters.get("user") or ""
    return Location(first_host(parameters.get("host")), int(named) if named.isdigit() else port, str(database))
