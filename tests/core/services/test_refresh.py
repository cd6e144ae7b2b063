"""A value that one thread makes for all who ask."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from supersync_core.errors import Unavailable
from supersync_core.services.refresh import Refreshed


class Source:
    """Counts how often it was asked; waits for `go`, if there is one."""

    def __init__(self) -> None:
        self.asked, self.now = 0, 0.0
        self.go = threading.Event()
        self.go.set()
        self.error: Exception | None = None

    def __call__(self) -> int:
        self.asked += 1
        mine = self.asked
        self.go.wait(10)
        if self.error:
            raise self.error
        return mine

    def refreshed(self) -> Refreshed[int]:
        return Refreshed(self, 1.0, lambda: self.now)


def test_all_who_ask_at_once_share_one_answer() -> None:
    source = Source()
    source.go.clear()
    refreshed = source.refreshed()
    with ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(refreshed.get) for _ in range(10)]
        source.go.set()
        assert {answer.result() for answer in answers} == {1}


def test_it_is_kept_for_its_time_and_no_longer() -> None:
    source = Source()
    refreshed = source.refreshed()
    found = []
    for source.now in (0.0, 0.99, 1.0):
        found.append(refreshed.get())
    assert found == [1, 1, 2]


def test_fresh_never_waits() -> None:
    source = Source()
    refreshed = source.refreshed()
    assert refreshed.fresh() is None
    refreshed.get()
    assert refreshed.fresh() == 1


def test_the_latest_never_waits_and_comes_to_who_asks_seldom_too() -> None:
    source = Source()
    refreshed = source.refreshed()
    found = []
    for source.now in (0.0, 5.0, 14.0, 24.0):
        found.append(refreshed.latest())
        refreshed.get()
    assert found == [None, 1, 2, None]


def test_what_is_being_made_is_not_good_enough_after_a_change() -> None:
    source = Source()
    source.go.clear()
    refreshed = source.refreshed()
    early = refreshed.future()
    refreshed.forget()
    late = refreshed.future()
    source.go.set()
    assert sorted([early.result(), late.result()]) == [1, 2]
    assert refreshed.get() == late.result()


def test_an_error_is_kept_as_long_as_a_value() -> None:
    source = Source()
    source.error = Unavailable("away")
    refreshed = source.refreshed()
    for _ in range(3):
        with pytest.raises(Unavailable):
            refreshed.get()
    assert source.asked == 1


def test_one_who_stops_waiting_cancels_it_for_nobody() -> None:
    source = Source()
    source.go.clear()
    refreshed = source.refreshed()
    assert not refreshed.future().cancel()
    source.go.set()
    assert refreshed.get() == 1
