"""A receiver hears of every run, in the order of each pipeline's runs, whatever happens to it or to us."""

from collections.abc import Callable, Iterator

import pytest

from supersync_core.ledger.database import Ledger
from supersync_core.services.configuration import Configuration, OpenLineageConfig
from supersync_core.services.openlineage.own_runs import note_told
from supersync_dagster.openlineage.client import Sender, client_config
from supersync_dagster.openlineage.telling import BATCH, Cursor, Teller
from tests.core.services.reports import NOON
from tests.dagster.openlineage.receiver import SECOND, Receiver, declared, ended, ran, started, untold

BEGIN = Cursor(NOON)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.listening():
        yield receiver


def teller(ledger: Ledger, receiver: Receiver, **options: float | Callable[[], float]) -> Teller:
    """Tells the receiver through the real client, as the sensor does."""
    transport = {"type": "http", "url": receiver.url, "timeout": 5}
    config = client_config(Configuration(openlineage=OpenLineageConfig(transport=transport)), {})
    return Teller(ledger, declared(ledger).connections, "supersync", Sender(config), **options)  # type: ignore[arg-type]


def runs(receiver: Receiver, name: str) -> list[str]:
    """The kinds of events of a pipeline, without those that were said more than once in a row."""
    kinds = [kind for kind, job in receiver.heard if job == name]
    return [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]


def test_each_run_is_told_of_once(ledger: Ledger, receiver: Receiver) -> None:
    declared(ledger, "a", "b")
    ran(ledger, "a", second=0)
    ran(ledger, "b", second=2, error="no")
    told = teller(ledger, receiver).tell(BEGIN)
    assert receiver.heard == [("START", "a"), ("COMPLETE", "a"), ("START", "b"), ("FAIL", "b")]
    assert (told.runs, told.problem) == (2, "")
    assert teller(ledger, receiver).tell(told.cursor).runs == 0


def test_what_ended_before_the_beginning_is_not_told(ledger: Ledger, receiver: Receiver) -> None:
    declared(ledger, "a")
    ran(ledger, "a")
    teller(ledger, receiver).tell(Cursor(NOON + 2 * SECOND))
    assert receiver.heard == []


def test_a_run_that_goes_on_is_told_of_when_it_starts_and_when_it_ends(ledger: Ledger, receiver: Receiver) -> None:
    declared(ledger, "a")
    execution = started(ledger, "a")
    first = teller(ledger, receiver).tell(BEGIN)
    second = teller(ledger, receiver).tell(first.cursor)
    assert receiver.heard == [("START", "a")]
    ended(ledger, execution)
    third = teller(ledger, receiver).tell(second.cursor)
    assert receiver.heard == [("START", "a"), ("COMPLETE", "a")]
    assert (first.cursor.begun, third.cursor.begun) == ({execution}, frozenset())


def test_a_run_that_is_written_late_is_told_of(ledger: Ledger, receiver: Receiver) -> None:
    declared(ledger, "a", "b")
    late = started(ledger, "b")
    ran(ledger, "a", second=5)
    told = teller(ledger, receiver).tell(BEGIN)
    ended(ledger, late, at=NOON + SECOND)
    teller(ledger, receiver).tell(told.cursor)
    assert ("COMPLETE", "b") in receiver.heard


def test_a_receiver_that_is_away_for_a_while_misses_nothing(ledger: Ledger) -> None:
    receiver, names = Receiver(), ("a", "b", "c")
    with receiver.listening():
        pass
    declared(ledger, *names)
    cursor = BEGIN
    for second in range(0, 30, 10):
        for name in names:
            ran(ledger, name, second=second)
        told = teller(ledger, receiver).tell(cursor)
        cursor = told.cursor
        assert "ConnectionError" in told.problem
    with receiver.listening():
        told = teller(ledger, receiver).tell(cursor)
    assert (told.problem, untold(ledger)) == ("", 0)
    assert [runs(receiver, name) for name in names] == [["START", "COMPLETE"] * 3] * 3


@pytest.mark.parametrize("status", [500, 503, 401, 404, 429])
def test_a_receiver_that_cannot_take_it_now_gets_it_later(ledger: Ledger, receiver: Receiver, status: int) -> None:
    declared(ledger, "a")
    for second in (0, 2):
        ran(ledger, "a", second=second)
    receiver.answers = [201, 201, 201, status]
    told = teller(ledger, receiver).tell(BEGIN)
    assert (told.runs, told.problem) == (1, f"the receiver answers with {status}")
    assert teller(ledger, receiver).tell(told.cursor).runs == 1
    assert runs(receiver, "a") == ["START", "COMPLETE", "START", "COMPLETE"]


@pytest.mark.parametrize("status", [400, 409, 422])
def test_what_the_receiver_will_never_take_holds_nothing_up(ledger: Ledger, receiver: Receiver, status: int) -> None:
    declared(ledger, "a", "b")
    ran(ledger, "a")
    ran(ledger, "b", second=2)
    receiver.answers = [201, status]
    told = teller(ledger, receiver).tell(BEGIN)
    assert (receiver.heard, told.problem) == ([("START", "a"), ("START", "b"), ("COMPLETE", "b")], "")
    (refused,) = told.refused
    assert refused.startswith("the end of a (") and str(status) in refused


def test_who_dies_after_the_sending_and_before_the_note_tells_again(
    ledger: Ledger, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(ledger, "a")
    ran(ledger, "a")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("supersync_dagster.openlineage.telling.note_told", die)
    with pytest.raises(KeyboardInterrupt):
        teller(ledger, receiver).tell(BEGIN)
    monkeypatch.setattr("supersync_dagster.openlineage.telling.note_told", note_told)
    teller(ledger, receiver).tell(BEGIN)
    assert receiver.heard == [("START", "a"), ("COMPLETE", "a")] * 2


def test_a_round_ends_in_time_and_the_next_one_goes_on(ledger: Ledger, receiver: Receiver) -> None:
    declared(ledger, "a")
    for second in range(0, 10, 2):
        ran(ledger, "a", second=second)
    ticks = iter(range(1000))
    told = teller(ledger, receiver, seconds=5, clock=lambda: float(next(ticks))).tell(BEGIN)
    assert len(receiver.events) == 5
    assert told.problem == "there is more than one round can tell"
    assert teller(ledger, receiver).tell(told.cursor).problem == ""
    assert runs(receiver, "a") == ["START", "COMPLETE"] * 5
    assert len(receiver.events) == 10


def test_more_than_a_batch_is_told_of_in_one_round(ledger: Ledger) -> None:
    declared(ledger, "a")
    for second in range(BATCH + 1):
        ran(ledger, "a", second=2 * second)
    sent: list[str] = []
    quick = Teller(ledger, {}, "supersync", lambda event: sent.append(event.run.runId))
    assert quick.tell(BEGIN).runs == BATCH + 1
    assert len(sent) == 2 * (BATCH + 1)


def test_executions_that_are_gone_are_forgotten(ledger: Ledger) -> None:
    declared(ledger, "a")
    execution = started(ledger, "a")
    told = Teller(ledger, {}, "supersync", lambda event: None).tell(Cursor(NOON, frozenset({execution, 10**9})))
    assert told.cursor.begun == {execution}


@pytest.mark.parametrize("text", [None, "", "x", "{}"])
def test_a_cursor_that_cannot_be_read_begins_now(text: str | None) -> None:
    assert Cursor.read(text, at=NOON) == Cursor(NOON)


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = Cursor(NOON, frozenset({3, 1, 2}))
    assert Cursor.read(cursor.write(), at=NOON + SECOND) == cursor
