"""Text of strangers in Markdown: it must read as it was written, and mean nothing."""

import re
from functools import lru_cache
from urllib.parse import quote, urlsplit

_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]<>#|~&!^$@])")
# At the begin of a line these make a list, a heading, a rule or a quote.
_BEGINS = re.compile(r"^(?:([-+=:])|(\d{1,9})([.)]))")
_SAFE = "/:?#@!$&'*+,;=%-._~"


# The same facts are on several pages.
@lru_cache(maxsize=1 << 14)
def escaped(text: str) -> str:
    r"""The text on one line, so that Markdown shows it as it is: no emphasis, link, HTML, list, footnote or address.

    >>> escaped("<b>*hi*</b>\n# [x](javascript:1)"), escaped("1. one"), escaped("- two")
    ('\\<b\\>\\*hi\\*\\</b\\> \\# \\[x\\](javascript:1)', '1\\. one', '\\- two')
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(text.split())
    return _BEGINS.sub(lambda m: rf"\{m[1]}" if m[1] else rf"{m[2]}\{m[3]}", _MEANS_SOMETHING.sub(r"\\\1", line))


def link_target(url: str | None) -> str | None:
    """The address of a web page as the target of a link; None for anything else, such as `javascript:`.

    >>> link_target("https://a.example/b (c)"), link_target("javascript:alert(1)"), link_target(None)
    ('https://a.example/b%20%28c%29', None, None)
    """
    if not url or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return quote(url, safe=_SAFE) if parts.scheme in ("http", "https") and parts.netloc else None


def slug_of(text: str) -> str:
    """Letters, digits and hyphens, for an address; empty where the text has neither letters nor digits.

    >>> slug_of("Deploy Bot (v2)!"), slug_of("Größe"), slug_of("***")
    ('deploy-bot-v2', 'größe', '')
    """
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-")[:60].rstrip("-")
