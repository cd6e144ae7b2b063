"""How a Mattermost export is declared."""

from pathlib import Path
from typing import Literal

from supersync_core.connectors.config import ConnectorConfig


class Config(ConnectorConfig):
    """The JSONL file of a bulk export (`import.jsonl` in the archive)."""

    type: Literal["mattermost_export"] = "mattermost_export"
    path: Path
