"""NATS JetStream: a sink that publishes each change."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.registry import needs_extra

if TYPE_CHECKING:
    from supersync_core.connectors.changes import ChangeSink, SinkContext
    from supersync_core.connectors.nats.change_config import ChangeSinkConfig


def build_change_sink(config: "ChangeSinkConfig", context: "SinkContext") -> "ChangeSink":
    """Publish to streams of that server."""
    with needs_extra("nats"):
        from supersync_core.connectors.nats.change_sink import NatsChangeSink
    return NatsChangeSink(config, context)


def __getattr__(name: str) -> Any:
    if name == "ChangeSinkConfig":
        from supersync_core.connectors.nats.change_config import ChangeSinkConfig

        return ChangeSinkConfig
    raise AttributeError(name)
