"""A bulk export of Mattermost, as `mmctl export` makes it. Source of channels."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.chat_files import ExportSource
from supersync_core.connectors.mattermost_export.export import MattermostExport

if TYPE_CHECKING:
    from supersync_core.connectors.mattermost_export.config import Config

__all__ = ["Config", "MattermostExport", "build_channel_source"]


def build_channel_source(config: "Config") -> ExportSource:
    """Read the channels of that export."""
    return ExportSource(MattermostExport(config.path))


def __getattr__(name: str) -> Any:
    # Like the other connectors: only a configuration file pays for pydantic.
    if name == "Config":
        from supersync_core.connectors.mattermost_export.config import Config

        return Config
    raise AttributeError(name)
