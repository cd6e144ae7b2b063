"""Wiki pages as HTML. What people have written is never HTML: markup in the Markdown is shown, not obeyed."""

from functools import cache

from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin


def as_html(markdown: str) -> str:
    """The page as HTML, for a page of ours or for whoever asks for it."""
    return str(_renderer().render(markdown))


@cache
def _renderer() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False}).use(
        footnote_plugin, inline=False
    )
