"""A Slack export: the ZIP that a workspace's owner downloads. Source of channels."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.slack_export.channel_source import SlackExportSource

if TYPE_CHECKING:
    from supersync_core.connectors.slack_export.config import Config

__all__ = ["Config", "SlackExportSource", "build_channel_source"]


def build_channel_source(config: "Config") -> SlackExportSource:
    """Read the channels of that export."""
    return SlackExportSource(config.path, config.workspace_url)


def __getattr__(name: str) -> Any:
    # Like the other connectors: only a configuration file pays for pydantic.
    if name == "Config":
        from supersync_core.connectors.slack_export.config import Config

        return Config
    raise AttributeError(name)
