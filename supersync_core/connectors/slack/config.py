"""How a Slack workspace is declared."""

from typing import Literal

from pydantic import Field, SecretStr

from supersync_core.connectors.config import ConnectorConfig, Location


class Config(ConnectorConfig):
    """A workspace, by a token that may read its channels: scopes `channels:read`, `channels:history`, `users:read`.

    For private channels also `groups:read` and `groups:history`, with both words in `types`.
    """

    type: Literal["slack"] = "slack"
    token: SecretStr = Field(min_length=1, description="xoxb-... of a bot, or xoxp-... of a user")
    base_url: str = Field(default="https://slack.com/api/", pattern=r"^https?://[^\s<>\"]+/$", description="ends in /")
    types: tuple[Literal["public_channel", "private_channel"], ...] = Field(default=("public_channel",), min_length=1)
    page_size: int = Field(default=200, gt=0, le=999, description="15 for apps whose calls Slack restricts")
    requests_per_minute: float = Field(default=50, gt=0, description="1 for apps whose calls Slack restricts")
    retries: int = Field(
        default=3, ge=0, description="of a request that Slack has asked to repeat later, or that failed"
    )
    timeout_s: float = Field(default=30, gt=0, description="seconds for one request")
    thread_days: float = Field(default=7, ge=0, description="how old a message may be whose new replies are looked for")
    workspace_url: str | None = Field(default=None, pattern=r"^https?://[^\s<>\"]+$", description="begins permalinks")

    def location(self) -> Location | None:
        """None: a token says not which workspace it is of."""
        return None
