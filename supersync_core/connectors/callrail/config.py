"""How an account of CallRail is declared."""

from typing import Literal

from pydantic import Field, SecretStr

from supersync_core.connectors.config import ConnectorConfig


class Config(ConnectorConfig):
    """An account, and a key of its API."""

    type: Literal["callrail"] = "callrail"
    account: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="the account's id")
    api_key: SecretStr
    base_url: str = Field(default="https://api.callrail.com", pattern=r"^https?://[^/]+$")
    requests_per_minute: float = Field(default=16, gt=0, le=6000, description="CallRail allows 1,000 an hour")
    page_size: int = Field(default=250, ge=1, le=250)
