"""JSON of DiscordChatExporter. Source of channels."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.chat_files import ExportSource
from supersync_core.connectors.discord_export.export import DiscordExport

if TYPE_CHECKING:
    from supersync_core.connectors.discord_export.config import Config

__all__ = ["Config", "DiscordExport", "build_channel_source"]


def build_channel_source(config: "Config") -> ExportSource:
    """Read the channels of that export."""
    return ExportSource(DiscordExport(config.path, config.max_bytes))


def __getattr__(name: str) -> Any:
    # Like the other connectors: only a configuration file pays for pydantic.
    if name == "Config":
        from supersync_core.connectors.discord_export.config import Config

        return Config
    raise AttributeError(name)
