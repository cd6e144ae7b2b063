"""Dead letters that are asked for are delivered again, before what comes next, and are over once that is stored."""

from collections.abc import Sequence

from supersync_core.connectors.changes import Refused
from supersync_core.domain.change import Change, Position
from supersync_core.engines.cdc.journal import Replay
from supersync_core.engines.cdc.runtime import Runtime
from tests.core.engines.cdc.doubles import MemoryFiles, MemorySink, Scene, at, transactions, unit
from tests.core.engines.cdc.test_runtime import running
from tests.core.services.conftest import eventually


class Storing(MemorySink):
    """A sink that knows its position, and leaves out what is not after it."""

    has = at(0)

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        new = [change for change in batch if change.tx.position > self.has] if position > self.has else []
        self.has = max(self.has, position)
        return super().write(new, position)

    def forget(self) -> None: ...


def letter(seq: int, id_: int, sink_id: str = "a") -> Replay:
    """A dead letter of a row that was read long ago."""
    return Replay(seq, sink_id, unit(1, id_).changes[0])


def scene(sink: MemorySink, *letters: Replay) -> Scene:
    made = Scene(transactions(2), [sink])
    made.drain()
    made.journal.again += letters
    return made


def test_they_come_while_nothing_else_does() -> None:
    sink = MemorySink()
    made = scene(sink, letter(7, 70), letter(8, 80))
    with running(made.start()):
        assert eventually(lambda: sink.rows == [0, 1, 70, 80])
        assert eventually(lambda: made.journal.again == [])
    assert made.journal.dead == []


def test_they_keep_the_ids_that_they_had() -> None:
    sink = MemorySink()
    made = scene(sink, letter(7, 70))
    with running(made.start()):
        assert eventually(lambda: len(sink.ids) == 3)
    assert sink.ids[-1] == letter(7, 70).change.event_id


def test_only_the_sink_that_has_refused_them_gets_them() -> None:
    one, two = MemorySink("a"), MemorySink("b")
    made = Scene(transactions(1), [one, two])
    made.drain()
    made.journal.again.append(letter(7, 70, "b"))
    with running(made.start()):
        assert eventually(lambda: two.rows == [0, 70])
    assert one.rows == [0]


def test_one_that_is_refused_again_is_a_dead_letter_again() -> None:
    def refuse(batch: Sequence[Change], writes: int) -> list[Refused]:
        return [
            Refused(change, "routing", "no") for change in batch if change.after and change.after.values()["id"] == 70
        ]

    sink = MemorySink(script=refuse)
    made = scene(sink, letter(7, 70), letter(8, 80))
    with running(made.start()):
        assert eventually(lambda: made.journal.again == [])
    assert [one.refused.change.event_id for one in made.journal.dead] == [letter(7, 70).change.event_id]
    assert sink.rows == [0, 1, 80]


def test_a_sink_that_stores_its_position_takes_them_with_the_next_batch() -> None:
    sink = Storing()
    made = scene(sink, letter(7, 70))
    runtime: Runtime = made.start()
    with running(runtime):
        assert not eventually(lambda: 70 in sink.rows, 1.5)
        made.log.append(unit(3, 3))
        assert eventually(lambda: sink.rows == [0, 1, 70, 3])
        assert eventually(lambda: made.journal.again == [])


def test_a_sink_that_stores_later_has_them_only_then() -> None:
    sink = MemoryFiles()
    made = scene(sink, letter(7, 70))
    with running(made.start()):
        assert not eventually(lambda: 70 in sink.rows, 1.5)
        made.log.append(unit(3, 3))
        assert eventually(lambda: sink.rows == [0, 1, 70, 3])
        assert made.journal.again != []
        made.log.append(unit(4, 4, 5))
        assert eventually(lambda: made.journal.again == [])


def test_those_of_a_sink_that_is_no_more_wait() -> None:
    sink = MemorySink()
    made = scene(sink, letter(7, 70, "gone"))
    with running(made.start()):
        assert not eventually(lambda: 70 in sink.rows, 1.5)
    assert len(made.journal.again) == 1
