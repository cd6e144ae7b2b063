"""SQL as it may be shown to people."""

import re

# A quoted name first, so that a quote inside of it begins no text. A text may have been cut off before its end.
_PARTS = re.compile(
    r"""
      (?P<name>"(?:[^"]|"")*(?:"|\Z))
    | \bE'(?:\\.|''|[^'\\])*(?:'|\\?\Z)
    | '(?:''|[^'])*(?:'|\Z)
    | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)
    | (?<![\w$])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def without_values(statement: str, *, length: int = 200) -> str:
    """A statement on one line, its values replaced by `?`, and cut off after so many characters.

    >>> without_values("SELECT * FROM t1 WHERE name = 'o''hara' AND n > 42 AND note = E'it\\\\'s' AND cut = 'hunter2")
    'SELECT * FROM t1 WHERE name = ? AND n > ? AND note = ? AND cut = ?'
    """
    shown = " ".join(_PARTS.sub(lambda found: found["name"] or "?", statement).split())
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"
