"""How a Telegram export is declared."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from supersync_core.connectors.config import ConnectorConfig


class Config(ConnectorConfig):
    """The file `result.json` of an export, of one chat or of all."""

    type: Literal["telegram_export"] = "telegram_export"
    path: Path
    max_bytes: int = Field(default=512 * 1024 * 1024, gt=0, description="of one file: it is read into memory")
