"""Arrays in PostgreSQL's text form (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO)."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from supersync_core.errors import BadData


@lru_cache
def _tokens(delimiter: str) -> re.Pattern[str]:
    end = re.escape(delimiter)
    return re.compile(rf'([{{}}]|{end})|"((?:[^"\\]|\\.)*)"|([^{{}}"{end}]+)', re.DOTALL)


def parse_array(text: str, convert: Callable[[str], Any], delimiter: str = ",") -> list[Any]:
    """The elements, in lists as deep as there are dimensions; NULL is None. Bounds such as `[0:1]=` are left out.

    Raises BadData for a text that is no array.

    >>> parse_array('{{1,NULL},{3,4}}', int)
    [[1, None], [3, 4]]
    >>> parse_array('[0:1]={"a \\\\"b\\\\"",c}', str)
    ['a "b"', 'c']
    """
    body = text[text.index("=") + 1 :] if text[:1] == "[" else text
    if body[:1] != "{" or body[-1:] != "}":
        raise BadData("not an array in PostgreSQL's text form")
    inner = body[1:-1]
    if not any(sign in inner for sign in '"{}'):
        # The usual case: one dimension, nothing quoted.
        return [_plain(element, convert) for element in inner.split(delimiter)] if inner else []
    return _nested(body, convert, delimiter)


def _nested(body: str, convert: Callable[[str], Any], delimiter: str) -> list[Any]:
    root: list[Any] = []
    open_lists = [root]
    for sign, quoted, plain in _tokens(delimiter).findall(body):
        if sign == "{":
            inner: list[Any] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
        elif sign == "}":
            open_lists.pop()
            if not open_lists:
                raise BadData("an array with a brace too many")
        elif plain:
            open_lists[-1].append(_plain(plain, convert))
        elif not sign:
            open_lists[-1].append(convert(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)))
    if len(open_lists) != 1:
        raise BadData("an array with a brace too few")
    array: list[Any] = root[0]
    return array


def _plain(element: str, convert: Callable[[str], Any]) -> Any:
    # Only without quotes is it NULL; a text of that name is quoted.
    return None if element == "NULL" else convert(element)
