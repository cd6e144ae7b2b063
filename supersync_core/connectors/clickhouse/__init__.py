"""ClickHouse: a sink of the state of tables, or of every change of them."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.registry import needs_extra

if TYPE_CHECKING:
    from supersync_core.connectors.changes import ChangeSink, SinkContext
    from supersync_core.connectors.clickhouse.change_config import ChangeSinkConfig


def build_change_sink(config: "ChangeSinkConfig", context: "SinkContext") -> "ChangeSink":
    """Write to tables of that server."""
    with needs_extra("clickhouse"):
        from supersync_core.connectors.clickhouse.change_sink import ClickhouseChangeSink
    return ClickhouseChangeSink(config, context)


def __getattr__(name: str) -> Any:
    if name == "ChangeSinkConfig":
        from supersync_core.connectors.clickhouse.change_config import ChangeSinkConfig

        return ChangeSinkConfig
    raise AttributeError(name)
