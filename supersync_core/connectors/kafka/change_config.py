"""How a Kafka sink is declared."""

from pydantic import Field, SecretStr, field_validator

from supersync_core.connectors.sink_config import MessageSinkBase

OURS = {"bootstrap.servers", "enable.idempotence", "acks", "transactional.id", "on_delivery", "error_cb"}
"""Settings of librdkafka on which the promises of the sink rest."""


class ChangeSinkConfig(MessageSinkBase):
    """Topics of a Kafka cluster. `client_conf` goes to librdkafka as it is, such as `sasl.password`."""

    brokers: str = Field(min_length=1, description="host:port, several with commas")
    topic: str = Field(min_length=1, description="a template such as cdc.${source.table}")
    key: str | None = Field(default=None, description="template of the key; without one, the primary key as JSON")
    exactly_once: bool = Field(default=False, description="one Kafka transaction per batch")
    send_timeout_secs: float = Field(default=30, gt=0, description="seconds for a whole batch")
    client_conf: dict[str, SecretStr] = Field(default={}, description="settings of librdkafka")

    @field_validator("client_conf", mode="before")
    @classmethod
    def _as_texts(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        if ours := sorted(OURS & value.keys()):
            raise ValueError(f"{', '.join(ours)} cannot be set: the delivery rests on it")
        words = {True: "true", False: "false"}
        return {
            name: words[v] if isinstance(v, bool) else v if hasattr(v, "get_secret_value") else str(v)
            for name, v in value.items()
        }
