"""Chat text as sentences."""

import re
from collections.abc import Iterator

MOST_CHARACTERS = 20_000
"""Of a message that is read; what comes after is a log or a file."""

_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_EMOJI = re.compile(r":[a-z0-9_+\-]{1,40}:(?::skin-tone-\d:)?")
_PICTURES = re.compile("[\u2600-\u27bf\ufe0f\u200d\U0001f000-\U0001faff]+")
_BULLET = re.compile(r"^\s*(?:[-*•‣–]|\d{1,2}[.)])\s+")
_BOLD = re.compile(r"(?<![\w*_~])([*_~]{1,2})(?=\S)([^*_~\n]{1,300}?)(?<=\S)\1(?![\w*_~])")
_QUOTE = re.compile(r"^\s*(?:>|&gt;)")
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_END = re.compile(r"(?<=[.!?])[\"')\]]?\s+")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|vs|approx|cf|dr|mr|mrs|ms|st|fig|resp|incl|[A-Z])\.$", re.I)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a message as it was written, without code blocks, quotes of others, bullets and emoji.

    >>> list(sentences("ok :tada: It is done. See e.g. the docs!\\n> quoted\\n- a point"))
    ['ok It is done.', 'See e.g. the docs!', 'a point']
    """
    text = _FENCED.sub("\n", text[:MOST_CHARACTERS].replace("\r", "\n").replace("’", "'"))
    for line in text.split("\n"):
        if _QUOTE.match(line):
            continue
        line = _PICTURES.sub(" ", _EMOJI.sub(" ", _CONTROL.sub("", line)))
        line = _BOLD.sub(r"\2", _BULLET.sub("", line))
        yield from _parts(_SPACE.sub(" ", line).strip())


def _parts(line: str) -> Iterator[str]:
    begin = 0
    for match in _END.finditer(line):
        if line[match.start() - 1] == "." and _ABBREVIATION.search(line, max(begin, match.start() - 9), match.start()):
            continue
        yield line[begin : match.end()].rstrip()
        begin = match.end()
    if begin < len(line):
        yield line[begin:]
