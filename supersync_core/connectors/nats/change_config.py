"""How a NATS sink is declared."""

from pathlib import Path

from pydantic import Field, SecretStr

from supersync_core.connectors.sink_config import MessageSinkBase


class ChangeSinkConfig(MessageSinkBase):
    """Subjects of a NATS server with JetStream. The streams that take the subjects must exist."""

    url: SecretStr = Field(description="nats://host:4222 or tls://host:4222; several with commas")
    subject: str = Field(min_length=1, description="a template such as cdc.${source.table}")
    key: str | None = Field(default=None, description="template of the header df-key; without one, the event's id")
    stream: str | None = Field(default=None, description="the stream that must take the subject; None: whichever does")
    send_timeout_secs: float = Field(default=5, gt=0, description="seconds without an acknowledgement")
    batch_timeout_secs: float = Field(default=30, gt=0, description="seconds for a whole batch")
    connect_timeout_secs: float = Field(default=10, gt=0)
    credentials_file: Path | None = None
    username: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
