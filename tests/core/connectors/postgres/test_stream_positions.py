"""How positions move, what the server is told of them, and when."""

import pytest

from supersync_core.connectors.postgres import stream as stream_module
from supersync_core.connectors.postgres.places import lsn_of
from supersync_core.errors import Unavailable
from tests.core.connectors.postgres import messages as m
from tests.core.connectors.postgres.messages import ID, ITEMS, NAME, transaction


def test_the_position_moves_when_only_others_write(line, stream, clock):
    line.bring(m.keepalive(1500))
    assert stream.read(0) == []
    clock(stream_module.IDLE_S)
    (unit,) = stream.read(0)
    assert (unit.changes, lsn_of(unit.position)) == ((), 1500)
    clock(stream_module.IDLE_S)
    assert stream.read(0) == []


def test_the_position_moves_sooner_when_others_write_much(line, stream, clock):
    line.bring(m.keepalive(1000 + stream_module.IDLE_BYTES))
    assert stream.read(0) == []
    clock(stream_module.IDLE_BYTES_S)
    assert len(stream.read(0)) == 1


def test_transactions_of_others_move_it_too(line, stream, clock):
    line.bring(*transaction(1500))
    stream.read(0)
    clock(stream_module.IDLE_S)
    assert [lsn_of(unit.position) for unit in stream.read(0)] == [1508]


def test_within_a_transaction_no_position_is_handed_out(line, stream, clock):
    begin, *rest, commit = transaction(1600, ITEMS, m.insert(1, [b"1", b"a"]))
    line.bring(begin, *rest, m.keepalive(1599))
    stream.wanted = 1500
    clock(10 * stream_module.IDLE_S)
    assert stream.read(0) == []
    line.bring(commit)
    assert [lsn_of(unit.position) for unit in stream.read(0)] == [1608]


def test_a_keepalive_confirms_nothing(line, stream, clock):
    """It comes within a transaction, asks for an answer, and says that the log goes further than what is confirmed."""
    line.bring(*transaction(1100, ITEMS, m.insert(1, [b"1", b"a"])))
    line.bring(*transaction(1200, m.insert(1, [b"2", b"a"])))
    stream.read(0)
    stream.confirm(1108)
    stream.read(0)
    # A long transaction: its first change lies before all that was sent.
    line.bring(m.begin(1900, 0, 9), m.relation(1, "public", "items", [ID, NAME]))
    line.bring(m.keepalive(1899, wants_reply=True))
    stream.read(0)
    stream.read(0)
    line.bring(m.keepalive(1899, wants_reply=True))
    clock(100)
    stream.read(0)
    assert len(line.told) >= 3
    assert {flushed for _, flushed in line.told} == {1108}


def test_what_is_confirmed_is_told_with_the_next_read_and_never_goes_back(line, stream):
    stream.confirm(1200)
    stream.read(0)
    stream.confirm(1100)
    stream.tell()
    assert [flushed for _, flushed in line.told] == [1200, 1200]


def test_nothing_is_confirmed_at_first(line, stream, clock):
    clock(stream_module.STATUS_S)
    stream.read(0)
    assert [flushed for _, flushed in line.told] == [0]


def test_the_server_hears_of_us_while_a_transaction_goes_on_and_on(line, stream, clock):
    line.bring(m.begin(1900, 0, 9), ITEMS)
    for _ in range(3):
        line.bring(m.insert(1, [b"1", b"a"]))
        clock(stream_module.STATUS_S)
        assert stream.read(0) == []
    assert len(line.told) == 3


def test_a_place_that_is_waited_for_is_handed_out_at_once(line, stream):
    stream.wanted = 1400
    line.bring(m.keepalive(1300))
    assert stream.read(0) == []
    line.bring(m.keepalive(1450))
    assert [lsn_of(unit.position) for unit in stream.read(0)] == [1450]
    assert stream.wanted == 0


def test_a_place_that_was_reached_before_it_was_waited_for_is_handed_out_again(line, stream):
    line.bring(*transaction(1100, ITEMS, m.insert(1, [b"1", b"a"])))
    (unit,) = stream.read(0)
    stream.wanted = 1100
    (again,) = stream.read(0)
    assert (again.changes, again.position) == ((), unit.position)


def test_what_must_hold_is_looked_at_now_and_then(make_stream, clock):
    looked = []

    def check() -> None:
        looked.append(1)
        if len(looked) > 1:
            raise Unavailable("gone")

    stream = make_stream(check=check)
    stream.read(0)
    assert looked == []
    clock(stream_module.IDLE_S)
    stream.read(0)
    stream.read(0)
    assert looked == [1]
    clock(stream_module.IDLE_S)
    with pytest.raises(Unavailable):
        stream.read(0)
