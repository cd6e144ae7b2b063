"""Pages of a few calls, messages or facts, so that little data has many."""

from supersync_core.connectors.call_files import source
from supersync_core.connectors.slack_export import channel_source
from supersync_core.engines.channel_sync import engine


def small_pages(rows: int = 20) -> None:
    """Let files be read so, and channels be worked on so."""
    source.PAGE = channel_source.PAGE = rows
    engine.EXTRACTED_AT_ONCE = engine.GRAPHED_AT_ONCE = rows
    engine.WRITTEN_AT_ONCE = rows // 4
