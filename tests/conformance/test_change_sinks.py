"""What every sink of changes must do (connectors/changes.py), tried over every connector that takes them."""

import threading
import time
from collections.abc import Sequence

import pytest

from supersync_core.connectors.changes import ChangeSink, LaggingSink, Refused
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.domain.change import Change, Position, Unit
from supersync_core.errors import Cancelled, RetryError, SupersyncError
from tests.changes import ORDERS, at, order, orders, updates
from tests.conformance.change_places import HttpPlace, Place, Remote, opened
from tests.servers import until


def write(sink: ChangeSink, units: Sequence[Unit]) -> None:
    """All of them as one batch, until it is stored."""
    changes, position = [change for unit in units for change in unit.changes], units[-1].position
    assert list(deliver(sink, changes, position)) == []


def deliver(sink: ChangeSink, changes: Sequence[Change], position: Position) -> Sequence[Refused]:
    refused = sink.write(changes, position)
    if isinstance(sink, LaggingSink):
        assert sink.stored(finish=True) == position
    return refused


def write_until_taken(sink: ChangeSink, unit: Unit) -> None:
    def taken() -> bool:
        try:
            write(sink, [unit])
        except RetryError:
            return False
        return True

    until(taken)


def names(place: Place, number: int) -> list[str]:
    return [row["name"] for row in place.orders() if row["id"] == number]


def numbers(place: Place) -> list[int]:
    return [row["id"] for row in place.orders()]


def test_what_is_written_is_there(place: Place) -> None:
    with opened(place) as sink:
        write(sink, [orders(1, 2, 3)])
        assert place.orders() == [order(1), order(2), order(3)]


def test_a_batch_may_be_empty(place: Place) -> None:
    with opened(place) as sink:
        assert list(sink.write([], at(0))) == []
        write(sink, [orders(1)])
    assert numbers(place) == [1]


def test_the_order_of_a_row_is_kept_within_and_across_batches(place: Place) -> None:
    log = MemoryChangeLog()
    units = [orders(1, 2, log=log), *updates(log, 1, [str(i) for i in range(50)]), *updates(log, 2, ["x", "y"])]
    with opened(place) as sink:
        for start in range(0, len(units), 10):
            write(sink, units[start : start + 10])
    expected = {1: ["a name", *map(str, range(50))], 2: ["a name", "x", "y"]}
    for number, history in expected.items():
        assert names(place, number) == (history if place.keeps_history else history[-1:])


def test_what_can_never_be_taken_is_returned_and_the_rest_is_there(place: Place) -> None:
    unit = orders(1, 2, 3, 4)
    batch = list(unit.changes)
    batch[1], batch[3] = place.poison(batch[1]), place.poison(batch[3])
    with opened(place) as sink:
        refused = deliver(sink, batch, unit.position)
    assert [(refusal.change, refusal.kind) for refusal in refused] == [(c, place.poison_kind) for c in batch[1::2]]
    assert all(refusal.message for refusal in refused)
    assert numbers(place) == [1, 3]


def test_a_batch_of_which_nothing_can_be_taken_is_returned_whole(place: Place) -> None:
    unit = orders(1)
    with opened(place) as sink:
        assert len(deliver(sink, [place.poison(unit.changes[0])], unit.position)) == 1
    assert numbers(place) == []


def test_a_replay_brings_the_same_ids_or_nothing(place: Place) -> None:
    unit = orders(1, 2)
    for _ in range(2):
        with opened(place) as sink:
            write(sink, [unit])
    assert numbers(place) == ([1, 2] if place.once else [1, 2, 1, 2])
    if place.keeps_history:
        assert place.event_ids() == [change.event_id for change in unit.changes] * (1 if place.once else 2)


@pytest.mark.parametrize(
    "text",
    [
        "Größe €",
        "日本語 🙂",
        "a\nb\r\n\tc",
        'quote " and \\ backslash',
        "",
        " ",
        "%s %% ${after.id} {}",
        "\x01\x1f",
        None,
    ],
    ids=repr,
)
def test_texts_arrive_as_they_are(place: Place, text: str | None) -> None:
    with opened(place) as sink:
        write(sink, [MemoryChangeLog().insert(ORDERS, order(1, text))])
    assert place.orders() == [order(1, text)]


def test_a_huge_value_arrives(place: Place) -> None:
    text = "ä" * 300_000
    with opened(place) as sink:
        write(sink, [MemoryChangeLog().insert(ORDERS, order(1, text), order(2))])
    assert names(place, 1) == [text]
    assert numbers(place) == [1, 2]


def test_many_events_in_one_batch_arrive_in_order(place: Place) -> None:
    with opened(place) as sink:
        write(sink, [orders(*range(3000))])
    assert numbers(place) == list(range(3000))


def test_closing_loses_nothing_and_may_be_repeated(place: Place) -> None:
    with opened(place) as sink:
        write(sink, [orders(1, 2)])
        sink.close()
        assert numbers(place) == [1, 2]


def test_a_cancelled_sink_takes_nothing_more(place: Place) -> None:
    with opened(place) as sink:
        for _ in range(2):
            sink.cancel()
        with pytest.raises(Cancelled):
            write(sink, [orders(1)])
    assert numbers(place) == []


def test_a_lost_connection_is_told_and_outlived_by_the_same_sink(remote: Remote) -> None:
    log = MemoryChangeLog()
    with opened(remote, patience_s=5) as sink:
        write(sink, [orders(1, log=log)])
        remote.line.cut()
        with pytest.raises(RetryError):
            write(sink, [orders(2, log=log)])
        remote.line.restore()
        write_until_taken(sink, orders(3, log=log))
    assert [number for number in numbers(remote) if number != 2] == [1, 3]


def test_a_server_that_goes_silent_is_given_up(remote: Remote) -> None:
    log = MemoryChangeLog()
    with opened(remote, patience_s=2) as sink:
        write(sink, [orders(1, log=log)])
        remote.line.silence()
        began = time.monotonic()
        with pytest.raises(RetryError):
            write(sink, [orders(2, log=log)])
        assert 1 < time.monotonic() - began < 10, "neither at once nor much later"
        remote.line.restore()
        write_until_taken(sink, orders(3, log=log))
    arrived = numbers(remote)
    # A request that was left behind may be taken later, which only over HTTP is after the next one.
    assert arrived[-1] == 3 or (isinstance(remote, HttpPlace) and 3 in arrived)


def test_opening_while_the_server_is_down_can_be_tried_again(remote: Remote) -> None:
    remote.line.cut()
    sink = remote.sink(patience_s=3)
    with pytest.raises(RetryError):
        sink.open([])
        write(sink, [orders(1)])
    remote.line.restore()
    sink.open([])
    write(sink, [orders(1)])
    sink.close()
    assert numbers(remote) == [1]


@pytest.mark.parametrize("call", ["open", "write"])
def test_cancel_ends_a_call_within_a_second(remote: Remote, call: str) -> None:
    sink = remote.sink(patience_s=30)
    if call == "write":
        sink.open([])
    remote.line.silence()
    ended: list[SupersyncError] = []

    def run() -> None:
        try:
            if call == "open":
                sink.open([])
            write(sink, [orders(1)])
        except SupersyncError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.2)  # until it waits for the server
    assert thread.is_alive()
    began = time.monotonic()
    sink.cancel()
    thread.join(5)
    assert time.monotonic() - began < 1
    assert [type(error) for error in ended] == [Cancelled]
    sink.close()
