"""Calls that are left behind."""

import threading

import pytest

from supersync_core.connectors.interrupt import Interrupt
from supersync_core.errors import Cancelled, Unavailable
from tests.servers import until


def test_a_call_returns_or_raises_as_if_it_were_made_here() -> None:
    interrupt = Interrupt()
    assert interrupt.run(lambda: 7) == 7

    def fails() -> None:
        raise Unavailable("away")

    with pytest.raises(Unavailable, match="away"):
        interrupt.run(fails)


def test_a_call_that_is_left_behind_hands_what_it_returns_to_be_discarded() -> None:
    interrupt, go_on, discarded = Interrupt(), threading.Event(), []

    def slow() -> str:
        interrupt.set()
        go_on.wait(10)
        return "a connection"

    with pytest.raises(Cancelled):
        interrupt.run(slow, discard=discarded.append)
    assert discarded == []
    go_on.set()
    until(lambda: discarded == ["a connection"])


def test_nothing_is_called_once_it_is_set() -> None:
    interrupt = Interrupt()
    interrupt.set()
    assert interrupt.is_set()
    with pytest.raises(Cancelled):
        interrupt.run(lambda: pytest.fail("called"))
