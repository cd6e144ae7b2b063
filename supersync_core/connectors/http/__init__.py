"""HTTP: a sink that sends each change to an address."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.registry import needs_extra

if TYPE_CHECKING:
    from supersync_core.connectors.changes import ChangeSink, SinkContext
    from supersync_core.connectors.http.change_config import ChangeSinkConfig


def build_change_sink(config: "ChangeSinkConfig", context: "SinkContext") -> "ChangeSink":
    """Send to that address."""
    with needs_extra("http"):
        from supersync_core.connectors.http.change_sink import HttpChangeSink
    return HttpChangeSink(config, context)


def __getattr__(name: str) -> Any:
    if name == "ChangeSinkConfig":
        from supersync_core.connectors.http.change_config import ChangeSinkConfig

        return ChangeSinkConfig
    raise AttributeError(name)
