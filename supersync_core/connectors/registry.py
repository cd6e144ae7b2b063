"""From a connector's type name to its connector: built-ins here, others by entry point.

A third party adds one with an entry point in the group `supersync.connectors`, whose name is the type and whose value
is a module with the same names as the folders here: `Config` (a `ConnectorConfig`), and those it can do of
`table_source(config)`, `table_sink(config)`, `build_channel_source(config)`, `build_call_source(config, agency)` and
`build_fact_extractor(config)`; for streams of changes `build_change_source(config, context)` with `ChangeSourceConfig`,
`build_change_sink(config, context)` with `ChangeSinkConfig`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from supersync_core.errors import ConfigError

GROUP = "supersync.connectors"
BUILT_IN = (
    "call_files",
    "callrail",
    "discord_export",
    "mattermost_export",
    "memory",
    "mysql",
    "openai",
    "postgres",
    "redshift",
    "slack",
    "slack_export",
    "telegram_export",
    "twilio",
)
CHANGE_SOURCES = ("memory", "mysql", "postgres")
CHANGE_SINKS = ("clickhouse", "http", "kafka", "memory", "nats", "postgres", "redis", "s3")


def connector_types() -> list[str]:
    """The type names that can be used in a configuration, sorted."""
    return sorted({*BUILT_IN, *_others()})


def load_connector(type_name: str) -> ModuleType:
    """The connector's module. Raises ConfigError with the known types, or naming the extra to install."""
    return _load(type_name, BUILT_IN, connector_types())


def change_sink_types() -> list[str]:
    """The type names of sinks of changes, sorted."""
    return sorted({*CHANGE_SINKS, *_others()})


def load_change_sink(type_name: str) -> ModuleType:
    """The module of a sink of changes, with `ChangeSinkConfig` and `build_change_sink`. Raises ConfigError."""
    module = _load(type_name, CHANGE_SINKS, change_sink_types())
    if not hasattr(module, "build_change_sink"):
        raise ConfigError(f"the {type_name} connector takes no changes; these do: {', '.join(CHANGE_SINKS)}")
    return module


def change_source_types() -> list[str]:
    """The type names of sources of changes, sorted."""
    return sorted({*CHANGE_SOURCES, *_others()})


def load_change_source(type_name: str) -> ModuleType:
    """The module of a source of changes, with `ChangeSourceConfig` and `build_change_source`. Raises ConfigError."""
    module = _load(type_name, CHANGE_SOURCES, change_source_types())
    if not hasattr(module, "build_change_source"):
        raise ConfigError(f"the {type_name} connector gives no changes; these do: {', '.join(CHANGE_SOURCES)}")
    return module


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Around imports of drivers: raises ConfigError naming the extra to install when one is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "supersync_core":
            raise
        raise ConfigError(
            f"the {name} connector needs the package {package}: pip install 'supersync[{name}]'"
        ) from error


def _load(type_name: str, built_in: tuple[str, ...], known: list[str]) -> ModuleType:
    with needs_extra(type_name):
        if type_name in built_in:
            return import_module(f"supersync_core.connectors.{type_name}")
        if type_name in _others():
            module: ModuleType = _others()[type_name].load()
            return module
    raise ConfigError(f"no connector of type {type_name!r}; there are: {', '.join(known)}")


@cache
def _others() -> dict[str, EntryPoint]:
    """Those of third parties. To look takes 10 ms, as the metadata of every package is read."""
    return {point.name: point for point in entry_points(group=GROUP)}
