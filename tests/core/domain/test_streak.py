"""Streaks stay what they are until somebody looks, and then are changes like any other."""

import threading
from collections.abc import Sequence

import pytest

from supersync_core.domain.change import Change, Op, Position, SourceTable, Transaction, Values, event_id_prefix
from supersync_core.domain.streak import (
    Changes,
    Form,
    Streak,
    first_transaction,
    joined,
    last_transaction,
    parts_of,
)

TABLE = SourceTable("shop", "public", "orders", ())


def transaction(place: int) -> Transaction:
    return Transaction(str(place), Position((place,)), 1000, {}, event_id_prefix("test", place))


class Numbers(Streak):
    """Rows that are their index."""

    def __init__(self, count: int, place: int = 7, first: int = 0) -> None:
        super().__init__(Op.CREATE, TABLE, transaction(place), first)
        self._count = count

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        return self._count

    def written(self, form: Form, begin: int, id_ends: Sequence[bytes]) -> list[bytes]:
        raise AssertionError("nobody writes here")

    def _make(self) -> list[Change]:
        return [change(self.tx, index) for index in range(self.first, self.first + self._count)]


def change(tx: Transaction, index: int) -> Change:
    return Change(Op.CREATE, TABLE, tx, index, None, Values({"id": index}))


def test_what_is_joined_has_all_changes_in_order() -> None:
    tx = transaction(8)
    pieces = [[change(tx, 0)], Numbers(3, first=1), (), [change(tx, 4)], (change(tx, 5),), Numbers(2, first=6)]
    all = joined(pieces)
    assert len(all) == 8
    assert [one.index for one in all] == list(range(8))
    assert [one.index for one in all[2:5]] == [2, 3, 4]
    assert [len(part) for part in parts_of(joined([all, joined([])]))] == [1, 3, 2, 2]


def test_joining_changes_no_list_that_it_is_given() -> None:
    first, second = [change(transaction(7), 0)], [change(transaction(7), 1)]
    assert len(joined([first, second])) == 2
    assert (len(first), len(second)) == (1, 1)


@pytest.mark.parametrize("pieces", [[], [()], [[], joined([])]])
def test_nothing_joined_is_nothing(pieces: list[Sequence[Change]]) -> None:
    assert not joined(pieces)
    assert list(parts_of(joined(pieces))) == []


def test_transactions_at_both_ends_are_known_without_a_look() -> None:
    all = joined([Numbers(20, place=7), Numbers(20, place=9)])
    assert (first_transaction(all).id, last_transaction(all).id) == ("7", "9")
    assert [part.is_plain for part in parts_of(all) if isinstance(part, Streak)] == [True, True]


def test_a_streak_is_plain_until_somebody_looks() -> None:
    streak = Numbers(20)
    assert streak.is_plain
    list(Changes([streak]))
    assert not streak.is_plain


def test_what_is_noted_at_a_change_stays() -> None:
    all = joined([Numbers(20), [change(transaction(8), 0)]])
    all[3].schema_version = "sha256:a"
    assert [one.index for one in all if one.schema_version] == [3]


def test_threads_that_look_at_once_see_the_same_changes() -> None:
    for _ in range(50):
        streak, seen, barrier = Numbers(200), [], threading.Barrier(2)

        def look(streak: Streak = streak, seen: list[int] = seen, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(5)
            seen.append(id(streak[0]))

        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert len(seen) == 2
        assert len(set(seen)) == 1


def test_ids_end_as_those_of_the_changes_do() -> None:
    streak = Numbers(300, first=2**32 - 300)
    ends = [one.event_id[-8:].encode() for one in streak]
    assert streak.id_ends(0, 300) == ends
    assert streak.id_ends(17, 20) == ends[17:20]


def test_the_outline_is_a_change_without_a_row() -> None:
    streak = Numbers(20, first=5)
    outline = streak.outline()
    assert (outline.op, outline.table, outline.tx, outline.index) == (streak.op, TABLE, streak.tx, 5)
    assert outline.before is outline.after is None
    assert streak.is_plain
