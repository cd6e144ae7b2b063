"""Pages of a few calls, so that little data has many."""

from supersync_core.connectors.call_files import source


def small_pages(calls: int = 20) -> None:
    """Let files be read so."""
    source.PAGE = calls
