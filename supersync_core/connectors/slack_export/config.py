"""How a Slack export is declared."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from supersync_core.connectors.config import ConnectorConfig


class Config(ConnectorConfig):
    """The ZIP of an export. `workspace_url`: begins the permalinks of its messages; without it they have none."""

    type: Literal["slack_export"] = "slack_export"
    path: Path
    workspace_url: str | None = Field(default=None, pattern=r"^https?://[^\s<>\"]+$")
