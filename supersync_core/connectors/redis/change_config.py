"""How a sink of Redis streams is declared."""

from pydantic import Field, SecretStr

from supersync_core.connectors.sink_config import MessageSinkBase


class ChangeSinkConfig(MessageSinkBase):
    """Streams of a Redis (6.2 on) or Valkey server."""

    uri: SecretStr = Field(description="redis://user:password@host:6379/0, rediss:// for TLS, or unix://path")
    stream: str = Field(min_length=1, description="key of the stream, a template such as cdc.${source.table}")
    key: str | None = Field(default=None, description="template of the field df-key; without one, the event's id")
    send_timeout_secs: float = Field(default=5, gt=0, description="seconds without a word from the server")
    batch_timeout_secs: float = Field(default=30, gt=0, description="seconds for a whole batch")
    connect_timeout_secs: float = Field(default=10, gt=0)
