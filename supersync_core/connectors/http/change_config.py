"""How an HTTP sink is declared."""

from typing import Literal

from pydantic import Field, SecretStr

from supersync_core.connectors.sink_config import MessageSinkBase


class ChangeSinkConfig(MessageSinkBase):
    """An address that takes events as JSON."""

    url: str = Field(min_length=1, description="http:// or https://, a template such as https://host/${source.table}")
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: dict[str, SecretStr] = Field(default={}, description="sent with every request")
    key: str | None = Field(default=None, description="template of the header df-key; without one, the event's id")
    batch_mode: bool = Field(default=False, description="events in arrays instead of one request each")
    send_timeout_secs: float = Field(default=10, gt=0, description="seconds for one request")
    batch_timeout_secs: float = Field(default=30, gt=0, description="seconds for a whole batch")
    connect_timeout_secs: float = Field(default=5, gt=0)
