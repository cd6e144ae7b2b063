"""How a Discord export is declared."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from supersync_core.connectors.config import ConnectorConfig


class Config(ConnectorConfig):
    """A JSON file, or the folder that holds one for each channel."""

    type: Literal["discord_export"] = "discord_export"
    path: Path
    max_bytes: int = Field(default=512 * 1024 * 1024, gt=0, description="of one file: it is read into memory")
