"""What is learnt of documents does not depend on their order, nor on who has seen which of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from supersync_core.engines.cdc.sensing.config import HighCardinality
from supersync_core.engines.cdc.sensing.maps import Maps
from supersync_core.engines.cdc.sensing.shape import MAX_FIELDS, Shape
from supersync_core.engines.cdc.sensing.structure import structure
from tests.core.engines.cdc.sensing.documents import by_counting, of_shape

names = st.sampled_from(["a", "b", "c", "", "<dynamic>", "é"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
documents = st.lists(st.dictionaries(names, values, max_size=4), max_size=6)
NO_MAPS = HighCardinality(enabled=False)


def learnt(some: list[Any], depth: int = 100) -> Shape:
    shape = Shape()
    for document in some:
        shape.absorb(structure(document, Maps(NO_MAPS), depth))
    return shape


@given(documents, st.randoms())
def test_order_does_not_matter(some: list[Any], chance: Any) -> None:
    shuffled = chance.sample(some, len(some))
    assert learnt(shuffled).state() == learnt(some).state()


@given(documents, documents)
def test_what_two_have_learnt_joins_to_what_one_would_have(some: list[Any], others: list[Any]) -> None:
    joined = learnt(some)
    joined.join(learnt(others))
    assert joined.state() == learnt(some + others).state()


@given(documents)
def test_to_see_the_same_again_teaches_nothing(some: list[Any]) -> None:
    shape = learnt(some)
    assert not any(shape.absorb(structure(document, Maps(NO_MAPS), 100)) for document in some)


@given(documents)
def test_it_is_what_counting_finds(some: list[Any]) -> None:
    without_our_name = [document for document in some if "<dynamic>" not in str(document)]
    assert of_shape(learnt(without_our_name)) == (by_counting(without_our_name) or {(): (frozenset(), False)})


@given(documents)
def test_it_is_read_as_it_was_kept(some: list[Any]) -> None:
    shape = learnt(some)
    assert Shape.read(shape.state()).state() == shape.state()
    assert Shape.read(shape.state()).fingerprint == shape.fingerprint


def test_a_new_value_is_no_new_fingerprint_and_a_new_type_is() -> None:
    assert learnt([{"a": 1}]).fingerprint == learnt([{"a": 2}, {"a": 3}]).fingerprint
    assert learnt([{"a": 1}]).fingerprint != learnt([{"a": 1}, {"a": "1"}]).fingerprint


def test_null_and_missing_are_two_things() -> None:
    null, missing = learnt([{"a": 1}, {"a": None}]).fields["a"], learnt([{"a": 1}, {}]).fields["a"]
    assert (null.nullable, null.optional) == (True, False)
    assert (missing.nullable, missing.optional) == (False, True)


def test_nobody_looks_deeper_than_he_is_told() -> None:
    shape = learnt([{"a": {"b": {"c": 1}}}], depth=2)
    assert list(shape.fields["a"].fields) == ["b"]
    assert not shape.fields["a"].fields["b"].opened


def test_lists_in_lists_end_at_the_depth_too() -> None:
    value: Any = 1
    for _ in range(900):
        value = [value]
    assert learnt([{"a": value}], depth=10).fields["a"].types == {"array"}


def test_what_is_learnt_of_an_object_is_bounded() -> None:
    shape = learnt([{f"key-{n}": n} for n in range(MAX_FIELDS + 500)])
    assert len(shape.fields) == MAX_FIELDS + 1
    assert shape.fields["<dynamic>"].optional
