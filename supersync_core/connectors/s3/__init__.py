"""S3, or a directory of this machine: a sink that writes changes into files."""

from typing import TYPE_CHECKING, Any

from supersync_core.connectors.registry import needs_extra

if TYPE_CHECKING:
    from supersync_core.connectors.changes import ChangeSink, SinkContext
    from supersync_core.connectors.s3.change_config import ChangeSinkConfig


def build_change_sink(config: "ChangeSinkConfig", context: "SinkContext") -> "ChangeSink":
    """Write files of that bucket or directory."""
    with needs_extra("s3"):
        from supersync_core.connectors.s3.change_sink import S3ChangeSink
    return S3ChangeSink(config, context)


def __getattr__(name: str) -> Any:
    if name == "ChangeSinkConfig":
        from supersync_core.connectors.s3.change_config import ChangeSinkConfig

        return ChangeSinkConfig
    raise AttributeError(name)
