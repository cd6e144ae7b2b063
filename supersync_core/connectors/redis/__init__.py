"""Redis and Valkey: a sink that adds each change to a stream."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.registry import needs_extra

if TYPE_CHECKING:
    from supersync_core.connectors.changes import ChangeSink, SinkContext
    from supersync_core.connectors.redis.change_config import ChangeSinkConfig


def build_change_sink(config: "ChangeSinkConfig", context: "SinkContext") -> "ChangeSink":
    """Write to streams of that server."""
    with needs_extra("redis"):
        from supersync_core.connectors.redis.change_sink import RedisChangeSink
    return RedisChangeSink(config, context)


def __getattr__(name: str) -> Any:
    if name == "ChangeSinkConfig":
        from supersync_core.connectors.redis.change_config import ChangeSinkConfig

        return ChangeSinkConfig
    raise AttributeError(name)
