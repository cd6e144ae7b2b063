"""How a language model is declared."""

from typing import Literal

from pydantic import Field, SecretStr

from supersync_core.connectors.config import ConnectorConfig


class Config(ConnectorConfig):
    """A model behind `POST <base_url>chat/completions`, at OpenAI or at a server of one's own that speaks so."""

    type: Literal["openai"] = "openai"
    base_url: str = Field(
        default="https://api.openai.com/v1/", pattern=r"^https?://[^\s<>\"]+/$", description="ends in /"
    )
    model: str = Field(min_length=1)
    api_key: SecretStr | None = None
    timeout_s: float = Field(default=60, gt=0, description="seconds for one request")
    retries: int = Field(default=2, ge=0, description="of a request that failed or was asked to wait")
    messages_per_request: int = Field(default=20, gt=0, le=200)
