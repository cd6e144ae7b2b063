"""How an account of Twilio is declared."""

from typing import Literal

from pydantic import Field, SecretStr

from supersync_core.connectors.config import ConnectorConfig


class Config(ConnectorConfig):
    """An account, and its token; or a key of its API with its secret."""

    type: Literal["twilio"] = "twilio"
    account_sid: str = Field(pattern=r"^AC[0-9a-zA-Z]+$")
    auth_token: SecretStr = Field(description="of the account; or the secret of `api_key`")
    api_key: str | None = Field(default=None, description="the sid of a key, instead of the account's")
    base_url: str = Field(default="https://api.twilio.com", pattern=r"^https?://[^/]+$")
    requests_per_minute: float = Field(default=600, gt=0, le=60_000)
    page_size: int = Field(default=1000, ge=1, le=1000)
