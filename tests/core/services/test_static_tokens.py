"""Tokens from the environment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.access import Identity, Role, digest
from supersync_core.errors import ConfigError
from supersync_core.services.static_tokens import find_static, parse_static_tokens

ONE, TWO = "a" * 20, "b:" * 10


def test_entries_are_separated_by_commas_and_line_breaks() -> None:
    tokens = parse_static_tokens(f"\n# who, and why\nci:operator:{ONE}, grafana : viewer : {TWO},\n")
    assert [token.identity for token in tokens] == [
        Identity("ci", Role.OPERATOR, "static"),
        Identity("grafana", Role.VIEWER, "static"),
    ]
    assert [find_static(tokens, digest(text)) for text in (ONE, TWO, "c" * 20)] == [*tokens, None]


def test_no_text_is_no_token() -> None:
    assert parse_static_tokens(" \n, ,\n") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("ci:operator", "entry 1 is not of the form", id="no token"),
        pytest.param(f"a:viewer:{ONE},:viewer:canary-canary-canary", "entry 2 is not of the form", id="no name"),
        pytest.param("ci:root:canary-canary-canary", "viewer, operator, admin", id="no such role"),
        pytest.param("ci:admin:canary", "20 to 512", id="too short to be safe"),
        pytest.param("ci:admin:" + "canary" * 100, "20 to 512", id="too long"),
        pytest.param("ci:admin:canary-canary-canäry", "plain characters", id="no header could hold it"),
        pytest.param(f"a:viewer:{ONE},a:admin:{TWO}", "the same name", id="two of a name"),
        pytest.param(f"a:viewer:{ONE},b:admin:{ONE}", "the same token", id="two of a token"),
    ],
)
def test_a_bad_entry_is_refused_without_repeating_it(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse_static_tokens(text)
    assert not {"canary", ONE, TWO} & set(str(caught.value).replace(",", " ").split())
    assert "canary" not in str(caught.value)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tokens = parse_static_tokens(text)
    except ConfigError:
        return
    assert all(token.digest not in repr(token).encode() for token in tokens)
