"""PostgreSQL: a table source and a table sink, a source of changes and a sink that applies them."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.postgres.table_sink import PostgresTableSink
from supersync_core.connectors.postgres.table_source import PostgresTableSource

if TYPE_CHECKING:
    from supersync_core.connectors.calls import CallSink
    from supersync_core.connectors.changes import ChangeSink, ChangeSource, SinkContext, SourceContext
    from supersync_core.connectors.postgres.change_config import ChangeSourceConfig
    from supersync_core.connectors.postgres.change_sink_config import ChangeSinkConfig
    from supersync_core.connectors.postgres.config import Config
    from supersync_core.domain.table import TableName


def table_source(config: "Config") -> PostgresTableSource:
    """Read tables of that database."""
    return PostgresTableSource(config.dsn.get_secret_value())


def table_sink(config: "Config") -> PostgresTableSink:
    """Write tables of that database."""
    return PostgresTableSink(config.dsn.get_secret_value())


def build_change_source(config: "ChangeSourceConfig", context: "SourceContext") -> "ChangeSource":
    """Read the changes of that database from its log."""
    from supersync_core.connectors.postgres.change_source import PostgresChangeSource

    return PostgresChangeSource(config, context)


def build_change_sink(config: "ChangeSinkConfig", context: "SinkContext") -> "ChangeSink":
    """Apply changes to tables of that database."""
    from supersync_core.connectors.postgres.change_sink import PostgresChangeSink

    return PostgresChangeSink(config, context)


def build_call_sink(config: "Config", table: "TableName", job: str, agency: str) -> "CallSink":
    """Connect, to write the calls of a job of an agency into a table of that database."""
    from supersync_core.connectors.postgres.call_sink import PostgresCallSink

    return PostgresCallSink(config.dsn.get_secret_value(), table, job, agency)


def find_value(config: "Config", table: "TableName", key: tuple[str, str], column: str) -> str | None:
    """The column's value, as text, of the row whose key (name, value) is that; None without one."""
    from supersync_core.connectors.postgres.lookup import find_value as find

    return find(config.dsn.get_secret_value(), table, key, column)


def __getattr__(name: str) -> Any:
    # A one-off sync has no configuration file: it must not pay for pydantic.
    if name == "Config":
        from supersync_core.connectors.postgres.config import Config

        return Config
    if name == "ChangeSourceConfig":
        from supersync_core.connectors.postgres.change_config import ChangeSourceConfig

        return ChangeSourceConfig
    if name == "ChangeSinkConfig":
        from supersync_core.connectors.postgres.change_sink_config import ChangeSinkConfig

        return ChangeSinkConfig
    raise AttributeError(name)
