"""MySQL and MariaDB: a table source, and a source of changes."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.mysql.table_source import MysqlTableSource
from supersync_core.connectors.registry import needs_extra

if TYPE_CHECKING:
    from supersync_core.connectors.changes import ChangeSource, SourceContext
    from supersync_core.connectors.mysql.change_config import ChangeSourceConfig
    from supersync_core.connectors.mysql.config import Config


def table_source(config: "Config") -> MysqlTableSource:
    """Read tables of that server."""
    return MysqlTableSource(config.url.get_secret_value())


def build_change_source(config: "ChangeSourceConfig", context: "SourceContext") -> "ChangeSource":
    """Read the changes of that server from its log."""
    with needs_extra("mysql"):
        from supersync_core.connectors.mysql.change_source import MysqlChangeSource
    return MysqlChangeSource(config, context)


def __getattr__(name: str) -> Any:
    # A one-off sync has no configuration file: it must not pay for pydantic.
    if name == "Config":
        from supersync_core.connectors.mysql.config import Config

        return Config
    if name == "ChangeSourceConfig":
        from supersync_core.connectors.mysql.change_config import ChangeSourceConfig

        return ChangeSourceConfig
    raise AttributeError(name)
