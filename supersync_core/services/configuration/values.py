"""The kinds of values that a configuration holds, each with the check that its line deserves."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints

from supersync_core.domain.cron import check_cron
from supersync_core.domain.duration import parse_duration
from supersync_core.domain.pipeline import MAX_NAME
from supersync_core.domain.schedule import check_zone
from supersync_core.domain.table import TableName
from supersync_core.errors import ConfigError


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that do not print, such as a line break")
    return text


def one_or_more(value: object) -> object:
    """One text where a list of them is expected stands for a list of one."""
    return (value,) if isinstance(value, str) else value


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"says {twice[0]!r} twice")
    return values


def _matching(pattern: str, meaning: str) -> Callable[[str], str]:
    """A validator that wants `pattern` and says `meaning` otherwise."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(meaning)
        return text

    return check


def _obeying(rule: Callable[[str], object]) -> AfterValidator:
    """A validator from a rule of the domain: pydantic wants ValueError, and adds where it was."""

    def check(text: str) -> str:
        try:
            rule(text)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return text

    return AfterValidator(check)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(lambda value: int(value.total_seconds()), return_type=int),
]
Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Table = Annotated[Text, _obeying(TableName.parse)]
Cron = Annotated[Text, _obeying(check_cron)]
Zone = Annotated[Text, _obeying(check_zone)]
Sql = Annotated[str, Field(min_length=1, max_length=1_000_000)]
Title = Annotated[str, Field(max_length=500), AfterValidator(_printable)]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME), AfterValidator(_printable)
]
Names = Annotated[tuple[Text, ...], BeforeValidator(one_or_more), AfterValidator(_distinct)]

# What Dagster takes as owners and tags of an asset: refused here, where the line is known, and not when it loads.
Owner = Annotated[
    str,
    AfterValidator(
        _matching(r"team:.+|[^@\s]+@[^@\s]+\.[^@\s]+", "an owner is an e-mail address or team:name"),
    ),
]
TagKey = Annotated[
    str,
    AfterValidator(
        _matching(
            r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}",
            "a tag's name has up to 63 of: letters, digits, _ . -",
        ),
    ),
]
Tag = Annotated[
    str,
    AfterValidator(_matching(r"[A-Za-z0-9_.-]{0,63}", "a tag's value has up to 63 of: letters, digits, _ . -")),
]
