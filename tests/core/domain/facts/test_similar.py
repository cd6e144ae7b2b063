"""Texts that say nearly the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.facts.similar import is_similar

BACKUP = "The nightly backup failed twice this week."


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (BACKUP, BACKUP, True),
        (BACKUP, "the nightly backup failed twice this week", True),
        (BACKUP, "The nightly backup succeeded at last, after a month of work on it.", False),
        (BACKUP, "Kafka lags.", False),
        ("", "", True),
    ],
)
def test_texts_are_one_where_they_say_nearly_the_same(one: str, other: str, expected: bool) -> None:
    assert is_similar(one, other) is expected


@given(st.text(max_size=60), st.text(max_size=60))
def test_it_does_not_matter_which_text_comes_first(one: str, other: str) -> None:
    assert is_similar(one, other) == is_similar(other, one)
