"""Kafka: a sink that produces each change."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.registry import needs_extra

if TYPE_CHECKING:
    from supersync_core.connectors.changes import ChangeSink, SinkContext
    from supersync_core.connectors.kafka.change_config import ChangeSinkConfig


def build_change_sink(config: "ChangeSinkConfig", context: "SinkContext") -> "ChangeSink":
    """Produce to topics of that cluster."""
    with needs_extra("kafka"):
        from supersync_core.connectors.kafka.change_sink import KafkaChangeSink
    return KafkaChangeSink(config, context)


def __getattr__(name: str) -> Any:
    if name == "ChangeSinkConfig":
        from supersync_core.connectors.kafka.change_config import ChangeSinkConfig

        return ChangeSinkConfig
    raise AttributeError(name)
