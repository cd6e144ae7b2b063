"""The base of every connection's configuration: frozen, unknown keys refused, secrets masked."""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class Location(NamedTuple):
    """Where data lies, as others would name it: a server and a database on it. Never with credentials."""

    host: str
    port: int
    database: str


class ConnectorConfig(BaseModel):
    """A connection as `supersync.yaml` declares it. Fields that may hold a secret are `SecretStr`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: str

    def location(self) -> Location | None:
        """Where it leads; None: to nothing that others could name. Raises ConfigError."""
        return None
