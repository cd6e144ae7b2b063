from collections.abc import Iterator

import dagster as dg
import pytest

from supersync_dagster.turns import ALONE_S, TICK_S, Turn, patience, take_turns
from tests.dagster.instances import new_instance


def working(times: int, log: list[str], name: str = "one") -> Turn:
    """A turn that has something to do so many times."""
    left = iter(range(times - 1, -1, -1))

    def turn(until: float) -> bool:
        log.append(name)
        return bool(next(left, 0))

    return turn


def test_turns_are_taken_until_nothing_waits() -> None:
    log: list[str] = []
    take_turns([working(3, log, "a"), working(2, log, "b")], seconds=60, rest_s=0)
    assert log == ["a", "b"] * 3


def test_each_has_at_least_one_turn_and_none_after_the_end() -> None:
    log: list[str] = []
    take_turns([working(9, log, "a"), working(9, log, "b")], seconds=0, rest_s=0)
    assert log == ["a", "b"]


def test_who_rests_looks_again_until_the_end() -> None:
    log: list[str] = []
    take_turns([working(1, log)], seconds=0.1, rest_s=0.01)
    assert len(log) > 2


def test_one_that_fails_is_told_of_after_the_others_had_their_turns() -> None:
    log: list[str] = []

    def failing(until: float) -> bool:
        log.append("failed")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        take_turns([failing, working(3, log)], seconds=60, rest_s=0)
    assert log == ["failed", "one", "one", "one"]


@pytest.fixture(params=[True, False])
def threads(request: pytest.FixtureRequest) -> Iterator[tuple[dg.DagsterInstance, bool]]:
    """An instance whose sensors tick at once, and one where they tick one after the other."""
    overrides = {"sensors": {"use_threads": request.param, "num_workers": 4}} if request.param else {}
    with new_instance(overrides) as instance:
        yield instance, request.param


def test_a_tick_is_short_where_the_others_wait_for_it(threads: tuple[dg.DagsterInstance, bool]) -> None:
    instance, at_once = threads
    assert patience(instance)[0] == (TICK_S if at_once else ALONE_S)
