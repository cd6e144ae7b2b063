"""Redshift: a table source."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.redshift.table_source import RedshiftTableSource

if TYPE_CHECKING:
    from supersync_core.connectors.redshift.config import Config


def table_source(config: "Config") -> RedshiftTableSource:
    """Read tables and system views of that database."""
    return RedshiftTableSource(config.dsn.get_secret_value())


def __getattr__(name: str) -> Any:
    # A one-off sync has no configuration file: it must not pay for pydantic.
    if name == "Config":
        from supersync_core.connectors.redshift.config import Config

        return Config
    raise AttributeError(name)
