"""How a Redshift connection is declared."""

from typing import Literal

from pydantic import Field, SecretStr

from supersync_core.connectors.config import ConnectorConfig, Location
from supersync_core.connectors.postgres.config import libpq_location
from supersync_core.connectors.redshift.connection import parse_dsn


class Config(ConnectorConfig):
    """A database of a Redshift cluster or workgroup."""

    type: Literal["redshift"] = "redshift"
    dsn: SecretStr = Field(description="redshift://user:password@host:5439/database, or libpq keywords")

    def location(self) -> Location:
        """Host, port and database of the DSN."""
        return libpq_location(parse_dsn(self.dsn.get_secret_value()), port=5439)
