"""Slack, over its web API. Source of channels."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.registry import needs_extra

if TYPE_CHECKING:
    from supersync_core.connectors.channels import ChannelSource
    from supersync_core.connectors.slack.config import Config


def build_channel_source(config: "Config") -> "ChannelSource":
    """Read the channels that the token may read."""
    with needs_extra("slack"):
        from supersync_core.connectors.slack.channel_source import SlackSource
        from supersync_core.connectors.slack.client import Slack
    return SlackSource(Slack(config), config.thread_days)


def __getattr__(name: str) -> Any:
    if name == "Config":
        from supersync_core.connectors.slack.config import Config

        return Config
    raise AttributeError(name)
