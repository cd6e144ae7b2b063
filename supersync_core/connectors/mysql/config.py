"""How a MySQL or MariaDB connection is declared."""

from typing import Literal

from pydantic import Field, SecretStr

from supersync_core.connectors.config import ConnectorConfig, Location
from supersync_core.connectors.mysql.connection import parse_url


class Config(ConnectorConfig):
    """A server of MySQL (5.7 on) or MariaDB (10.3 on)."""

    type: Literal["mysql"] = "mysql"
    url: SecretStr = Field(
        description="mysql://user:password@host:port/database; options: unix_socket, ssl_ca, ssl_cert, ssl_key"
    )

    def location(self) -> Location:
        """Host, port and database of the URL."""
        parameters = parse_url(self.url.get_secret_value())
        return Location(parameters["host"], parameters["port"], parameters["database"] or "")
