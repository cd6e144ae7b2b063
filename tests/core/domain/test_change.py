import uuid

from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.change import event_id_prefix, row_event_id

KEYS = st.lists(st.binary(max_size=8), max_size=3)


@given(st.text(), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_the_id_of_an_event_is_a_uuid_of_version_8(origin, place, index):
    made = uuid.UUID(event_id_prefix(origin, place) + f"{index:08x}")
    assert (made.version, made.variant) == (8, uuid.RFC_4122)


@given(st.text(), st.integers(0, 2**64 - 1), st.text(), KEYS)
def test_the_id_of_a_row_is_a_uuid_of_version_8(origin, place, table, key):
    made = uuid.UUID(row_event_id(origin, place, table, key))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 3), st.text(max_size=3), KEYS.map(tuple)), unique=True))
def test_rows_that_differ_have_ids_that_differ(rows):
    assert len({row_event_id(*row) for row in rows}) == len(rows)
