"""Tokens and roles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.access import Role, digest, new_token, role_named, token_id_of


def test_a_new_token_tells_its_id_and_has_256_random_bits() -> None:
    tokens = [new_token() for _ in range(100)]
    assert [token_id_of(token.text) for token in tokens] == [token.id for token in tokens]
    assert {len(token.text.rpartition("_")[2]) * 4 for token in tokens} == {256}
    assert len({token.text for token in tokens} | {token.id for token in tokens}) == 200


@given(st.text() | st.from_regex(r"ss_[0-9a-f]{0,14}_[0-9a-zA-Z٠-٩]{60,66}\n?"))
def test_a_text_is_a_token_only_when_it_could_have_been_made_here(text: str) -> None:
    parts = text.split("_")
    plain = [set(part) <= set("0123456789abcdef") for part in parts[1:]]
    made = len(parts) == 3 and parts[0] == "ss" and all(plain) and [*map(len, parts[1:])] == [12, 64]
    assert token_id_of(text) == (parts[1] if made else None)


@given(st.data())
def test_a_token_that_was_touched_has_another_digest(data: st.DataObject) -> None:
    text = new_token().text
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda character: character != text[position]))
    changed = text[:position] + other + text[position + 1 :]
    assert digest(changed) != digest(text)


@given(st.text(st.characters(codec=None)))
def test_a_digest_is_made_of_any_text(text: str) -> None:
    assert len(digest(text)) == 32


def test_each_role_may_do_what_those_before_it_may() -> None:
    assert sorted(Role) == [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    assert [role_named(f" {role.word.upper()} ") for role in Role] == list(Role)


def test_an_unknown_role_is_answered_with_all_there_are() -> None:
    with pytest.raises(ValueError, match="viewer, operator, admin"):
        role_named("root")
