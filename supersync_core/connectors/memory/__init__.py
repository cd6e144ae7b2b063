"""Tables and changes in memory: sources and sinks that keep every promise of the contracts, for tests and examples."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.memory.changes import MemoryChangeLog, MemoryChanges, named_changes, named_log
from supersync_core.connectors.memory.database import MemoryDatabase, MemoryTable, named_database
from supersync_core.connectors.memory.table_sink import MemoryTableSink
from supersync_core.connectors.memory.table_source import MemoryTableSource

if TYPE_CHECKING:
    from supersync_core.connectors.changes import ChangeSink, ChangeSource, SinkContext, SourceContext
    from supersync_core.connectors.channels import ChannelSource
    from supersync_core.connectors.memory.change_config import ChangeSinkConfig, ChangeSourceConfig
    from supersync_core.connectors.memory.config import Config

__all__ = [
    "ChangeSinkConfig",
    "ChangeSourceConfig",
    "Config",
    "MemoryChangeLog",
    "MemoryChanges",
    "MemoryDatabase",
    "MemoryTable",
    "MemoryTableSink",
    "MemoryTableSource",
    "build_change_sink",
    "build_change_source",
    "build_channel_source",
    "named_changes",
    "named_database",
    "named_log",
    "table_sink",
    "table_source",
]


def table_source(config: "Config") -> MemoryTableSource:
    """Read tables of that database."""
    return MemoryTableSource(named_database(config.database))


def table_sink(config: "Config") -> MemoryTableSink:
    """Write tables of that database."""
    return MemoryTableSink(named_database(config.database))


def build_channel_source(config: "Config") -> "ChannelSource":
    """Read the chat of that name."""
    from supersync_core.connectors.memory.channel_source import MemoryChannelSource
    from supersync_core.connectors.memory.chat import named_chat

    return MemoryChannelSource(named_chat(config.database))


def build_change_source(config: "ChangeSourceConfig", context: "SourceContext") -> "ChangeSource":
    """Read the log of that name."""
    from supersync_core.connectors.memory.change_source import MemoryChangeSource

    return MemoryChangeSource(named_log(config.name), context)


def build_change_sink(config: "ChangeSinkConfig", context: "SinkContext") -> "ChangeSink":
    """Write to the place of that name."""
    from supersync_core.connectors.memory.change_sink import MemoryChangeSink

    return MemoryChangeSink(config, named_changes(config.name))


def __getattr__(name: str) -> Any:
    # Like the other connectors: only a configuration file pays for pydantic.
    if name == "Config":
        from supersync_core.connectors.memory.config import Config

        return Config
    if name in ("ChangeSinkConfig", "ChangeSourceConfig"):
        from supersync_core.connectors.memory import change_config

        return getattr(change_config, name)
    raise AttributeError(name)
