import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.connectors.postgres.places import Place, Progress, format_lsn, head_position, lsn_of, parse_lsn
from supersync_core.domain.change import Position
from supersync_core.errors import PositionLost

LSN = st.integers(0, 2**64 - 1)
PROGRESS = st.builds(
    Progress, LSN, st.booleans(), st.text(), st.none() | st.lists(st.text()).map(tuple), st.integers(0)
)
PLACES = st.builds(
    Place,
    LSN,
    st.text(),
    made_slot=st.booleans(),
    snapshot=st.none() | PROGRESS,
    step=st.integers(0),
)


def chunk(lsn, step, *, first=True):
    return Place(lsn, "o", snapshot=Progress(lsn, first, "t", ("1",)), step=step)


def stored(position):
    """As the ledger keeps it."""
    kept = json.loads(json.dumps({"order": position.order, "data": position.data}))
    return Position(tuple(kept["order"]), kept["data"])


@given(LSN)
def test_an_lsn_is_read_as_it_was_written(lsn):
    assert parse_lsn(format_lsn(lsn)) == lsn


@given(PLACES)
def test_a_place_is_read_from_the_position_that_was_stored(place):
    assert Place.of(stored(place.position())) == place


@given(PLACES, LSN, st.integers(0, 2**32 - 1))
def test_a_later_place_in_the_log_keeps_all_else(place, lsn, xid):
    found = Place.of(stored(place.at(lsn, xid)))
    assert found == replace(place, lsn=lsn, step=0)
    assert lsn_of(place.at(lsn, xid)) == lsn


def test_the_api_shows_lsn_and_transaction():
    data = Place(1, "o").at(0x16_B374D848, 733).data
    assert (data["lsn"], data["tx_id"]) == ("16/B374D848", 733)


def test_places_come_in_the_order_in_which_they_are_read():
    read = [
        chunk(100, 0).position(),
        chunk(100, 1).position(),
        # After an interruption the log is read to the place of the next snapshot.
        chunk(100, 1).at(105, 1),
        chunk(110, 1).position(),
        chunk(110, 2).position(),
        # It is complete.
        Place(110, "o", step=3).position(),
        Place(110, "o").at(111, 2),
        # Another one at the next start.
        chunk(111, 0, first=False).at(112, None),
        chunk(120, 1, first=False).position(),
    ]
    assert sorted(set(read)) == read


def test_a_first_snapshot_is_before_the_log_of_its_place():
    assert chunk(100, 5).position() < head_position(100) < Place(100, "o", step=6).position()


def test_what_is_read_after_an_interruption_is_behind_a_snapshot_that_was_complete():
    """One sink had all of it, another one had not."""
    complete = Place(110, "o", step=3).position()
    assert complete < chunk(110, 2).at(111, 1) < chunk(115, 1).position()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"file": "mysql-bin.000005", "pos": 12345},
        {"lsn": "0/1", "tx_id": 1},
        {"lsn": 7, "state": {"origin": "o"}},
        {"lsn": "0/1", "state": {"origin": "o", "snapshot": {"table": "t"}}},
    ],
)
def test_a_position_of_something_else_is_lost(data):
    with pytest.raises(PositionLost):
        Place.of(Position((1,), data))
