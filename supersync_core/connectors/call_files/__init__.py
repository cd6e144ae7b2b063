"""Files of calls, CSV or JSON Lines, in a folder: a source of calls."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supersync_core.connectors.call_files.config import Config
    from supersync_core.connectors.call_files.source import CallFiles
    from supersync_core.connectors.call_records import CallParser


def build_call_source(config: "Config", agency: str) -> "CallFiles":
    """Read the agency's calls from its files. Raises ConfigError."""
    from supersync_core.connectors.call_files.source import CallFiles

    return CallFiles(config, agency)


def build_call_parser(config: "Config") -> "CallParser":
    """Make calls from its records."""
    from supersync_core.connectors.call_records import CallParser

    return CallParser(config.provider, config.columns)


def __getattr__(name: str) -> Any:
    if name == "Config":
        from supersync_core.connectors.call_files.config import Config

        return Config
    raise AttributeError(name)
