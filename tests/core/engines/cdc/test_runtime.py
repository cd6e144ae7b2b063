"""What a CDC pipeline does with its source, its sinks and its memory, whoever fails."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supersync_core.connectors.changes import Refused
from supersync_core.domain.change import Change, Position
from supersync_core.engines.cdc.runtime import Runtime, Stage
from supersync_core.engines.cdc.settings import Policy
from supersync_core.errors import AbortError, RetryError, SupersyncError, Unavailable
from tests.core.engines.cdc.doubles import FAST, MemoryFiles, MemoryJournal, MemorySink, Scene, at, transactions
from tests.core.services.conftest import eventually


def down(times: int, error: type[SupersyncError] = Unavailable) -> Callable[[Sequence[Change], int], None]:
    """A sink that fails so many times."""

    def script(batch: Sequence[Change], writes: int) -> None:
        if writes <= times:
            raise error("down")

    return script


def refusing(*ids: int) -> Callable[[Sequence[Change], int], list[Refused]]:
    """A sink that never takes rows with these ids."""

    def script(batch: Sequence[Change], writes: int) -> list[Refused]:
        found = [change for change in batch if change.after and change.after.values()["id"] in ids]
        return [Refused(change, "serialization", "no") for change in found]

    return script


@contextmanager
def running(runtime: Runtime) -> Iterator[threading.Thread]:
    """The runtime in a thread of its own; stopped at the end."""
    thread = threading.Thread(target=runtime.run_forever)
    thread.start()
    yield thread
    runtime.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_every_sink_gets_all_changes_in_order_with_equal_ids() -> None:
    scene = Scene(transactions(50, rows=3), [MemorySink("a"), MemorySink("b")])
    scene.drain()
    assert scene.sinks[0].rows == list(range(150))
    assert scene.sinks[0].ids == scene.sinks[1].ids
    assert len(set(scene.sinks[0].ids)) == 150


def test_nothing_is_confirmed_before_it_is_stored() -> None:
    scene = Scene(transactions(20), [MemorySink()])
    seen: list[bool] = []
    scene.journal.script = lambda: seen.append(
        all(position <= scene.journal.positions.get("a", at(0)) for position in scene.source.confirmed)
    )
    scene.drain()
    assert all(seen)
    assert scene.journal.positions == {"a": at(20)}


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        pytest.param({"max_events": 2, "max_ms": 200}, 4, id="by events, and a transaction is kept whole"),
        pytest.param({"max_bytes": 300, "max_ms": 200}, 4, id="by bytes"),
        pytest.param({"max_ms": 0}, 12, id="by time"),
    ],
)
def test_a_batch_ends_where_it_should_and_never_within_a_transaction(settings: dict[str, int], sizes: int) -> None:
    scene = Scene(transactions(4, rows=3), [MemorySink()], settings=replace(FAST, **settings))
    scene.drain()
    assert all(size % 3 == 0 for size in scene.sinks[0].batches)
    assert len(scene.sinks[0].batches) <= sizes


def test_a_required_sink_that_is_down_is_tried_again_in_place_and_its_error_is_told() -> None:
    scene = Scene(transactions(3), [MemorySink(script=down(3)), MemorySink("b")])
    scene.drain()
    assert scene.sinks[0].rows == [0, 1, 2]
    assert any("down" in str(status["sink_errors"].get("a")) for status in scene.journal.statuses)


def test_a_required_sink_that_is_of_no_use_ends_the_pipeline_with_nothing_committed() -> None:
    scene = Scene(transactions(3), [MemorySink(script=down(9, AbortError)), MemorySink("b")])
    with pytest.raises(AbortError, match="sink a: down"):
        scene.drain()
    assert (scene.journal.positions, scene.source.confirmed, scene.source.closed) == (
        {"a": at(0), "b": at(0)},
        [],
        True,
    )


def test_a_sink_that_hangs_over_its_deadline_is_a_failure_to_start_again_from() -> None:
    scene = Scene(transactions(1), [MemorySink(script=down(99))], settings=replace(FAST, deadline_s=0.3))
    with pytest.raises(RetryError, match="sink a: down"):
        scene.drain()


def test_a_sink_that_is_not_required_is_left_out_and_gets_what_it_missed_after_a_restart() -> None:
    scene = Scene(transactions(5), [MemorySink("a"), MemorySink("b", required=False, script=down(3))])
    scene.drain()
    assert (scene.sinks[0].rows, scene.sinks[1].rows) == ([0, 1, 2, 3, 4], [])
    assert set(scene.source.confirmed) <= {at(0)}
    scene.log += transactions(6)[5:]
    scene.drain()
    assert (scene.sinks[0].rows, scene.sinks[1].rows) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("policy", "quorum", "works"),
    [
        (Policy.REQUIRED, 1, True),
        (Policy.ALL, 1, False),
        (Policy.QUORUM, 2, True),
        (Policy.QUORUM, 3, False),
    ],
)
def test_the_policy_says_who_must_have_a_batch(policy: Policy, quorum: int, works: bool) -> None:
    sinks = [MemorySink("a"), MemorySink("b"), MemorySink("c", required=False, script=down(99, AbortError))]
    scene = Scene(transactions(2), sinks, settings=replace(FAST, policy=policy, quorum=quorum))
    if works:
        scene.drain()
    else:
        with pytest.raises(AbortError):
            scene.drain()
    assert scene.journal.positions == {"a": at(2), "b": at(2), "c": at(0)} if works else dict.fromkeys("abc", at(0))


def test_what_a_sink_refuses_is_put_aside_and_the_rest_goes_on() -> None:
    scene = Scene(transactions(4), [MemorySink(script=refusing(1, 2))])
    scene.drain()
    assert scene.sinks[0].rows == [0, 3]
    assert [(one.sink_id, one.refused.change.index) for one in scene.journal.dead] == [("a", 0), ("a", 0)]


def test_a_full_queue_of_dead_letters_holds_the_pipeline_up_until_there_is_room() -> None:
    scene = Scene(transactions(4), [MemorySink(script=refusing(1, 2))], journal=MemoryJournal(room=1))
    with running(scene.start()):
        assert eventually(lambda: any(status["blocked_by_dead_letters"] for status in scene.journal.statuses))
        assert scene.journal.positions.get("a", at(0)) < at(3)
        scene.journal.room = 9
        assert eventually(lambda: scene.journal.positions.get("a") == at(4))


def test_a_ledger_that_is_away_holds_the_pipeline_up_and_ends_nothing() -> None:
    scene = Scene(transactions(3), [MemorySink()])
    left = [2]

    def away() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise Unavailable("away")

    scene.journal.script = away
    scene.drain()
    assert scene.journal.positions == {"a": at(3)}


def test_a_paused_pipeline_takes_nothing_keeps_the_connection_and_goes_on_where_it_was() -> None:
    scene = Scene(transactions(3), [MemorySink()])
    runtime = scene.start()
    runtime.pause(True)
    with running(runtime):
        assert eventually(lambda: scene.source.kept_alive > 0)
        assert (scene.sinks[0].rows, scene.source.reads) == ([], 0)
        runtime.pause(False)
        assert eventually(lambda: scene.sinks[0].rows == [0, 1, 2])
        runtime.pause(True)
        scene.log += transactions(4)[3:]
        assert eventually(lambda: scene.journal.statuses[-1]["paused"])
        runtime.pause(False)
        assert eventually(lambda: scene.sinks[0].rows == [0, 1, 2, 3])
    assert scene.source.opened == [None]


def test_a_stop_commits_what_the_sinks_have() -> None:
    scene = Scene(transactions(2000), [MemorySink()])
    with running(scene.start()):
        assert eventually(lambda: len(scene.sinks[0].rows) > 10)
    committed = scene.journal.positions["a"].order[0]
    assert scene.sinks[0].rows == list(range(committed))


def test_a_sink_that_is_down_does_not_hold_a_stop_up() -> None:
    scene = Scene(transactions(2), [MemorySink(script=down(10**9))])
    with running(scene.start()):
        assert eventually(lambda: scene.sinks[0].writes > 1)
    assert scene.journal.positions == {"a": at(0)}


def test_a_lost_source_is_told_and_the_next_start_begins_after_what_was_stored() -> None:
    def script(reads: int) -> None:
        if reads == 4:
            raise Unavailable("lost")

    scene = Scene(transactions(6), [MemorySink()], source_script=script)
    with pytest.raises(Unavailable, match="lost"):
        scene.drain()
    stored = scene.journal.positions.get("a")
    scene.source_script = lambda reads: None
    scene.drain()
    assert scene.source.opened == [stored]
    assert scene.sinks[0].rows == [0, 1, 2, 3, 4, 5]


def test_a_sink_that_is_ahead_is_not_given_what_it_has() -> None:
    scene = Scene(transactions(4), [MemorySink("a"), MemorySink("b")], settings=replace(FAST, max_events=1))
    scene.journal.positions = {"a": at(3), "b": at(1)}
    scene.drain()
    assert scene.source.opened == [at(1)]
    assert (scene.sinks[0].rows, scene.sinks[1].rows) == ([3], [1, 2, 3])


def test_a_step_may_drop_events_and_the_position_moves_all_the_same() -> None:
    scene = Scene(transactions(3), [MemorySink()], options={"steps": [lambda changes: []]})
    scene.drain()
    assert (scene.sinks[0].rows, scene.journal.positions) == ([], {"a": at(3)})


def test_a_step_that_fails_ends_the_pipeline_with_nothing_committed() -> None:
    def fails(changes: Sequence[Change]) -> Sequence[Change]:
        raise AbortError("cannot")

    scene = Scene(transactions(3), [MemorySink()], options={"steps": [fails]})
    with pytest.raises(AbortError, match="cannot"):
        scene.drain()
    assert scene.journal.positions == {"a": at(0)}


def test_a_sink_that_lags_is_where_it_has_stored_and_stores_all_before_a_stop() -> None:
    files = MemoryFiles()
    scene = Scene(transactions(5), [files, MemorySink("b")], settings=replace(FAST, max_events=1))
    seen: list[tuple[int, int]] = []
    scene.journal.script = lambda: seen.append(
        (files.writes, max([0, *(position.order[0] for position in scene.source.confirmed)]))
    )
    with running(scene.start()):
        assert eventually(lambda: scene.journal.positions.get("b") == at(5))
        assert scene.journal.positions["a"] == at(3)
    assert scene.journal.positions == {"a": at(5), "b": at(5)}
    assert all(confirmed in (0, 3) for _, confirmed in seen)


class Killed(BaseException):
    """The process is gone."""


@settings(max_examples=40)
@given(
    kills=st.lists(st.tuples(st.sampled_from(list(Stage)[1:-1]), st.integers(1, 6)), max_size=6),
    max_events=st.integers(1, 5),
    inflight=st.integers(1, 3),
)
def test_whenever_it_dies_nothing_is_lost_and_duplicates_have_equal_ids(
    kills: list[tuple[Stage, int]], max_events: int, inflight: int
) -> None:
    settings = replace(FAST, max_events=max_events, max_inflight=inflight, max_ms=0)
    scene = Scene(transactions(12, rows=2), [MemorySink("a"), MemorySink("b")], settings=settings)

    def stored() -> Position:
        return min(scene.journal.positions.get(name, at(0)) for name in "ab")

    for stage, count in kills:
        left = [count]

        def die(now: Stage, stage: Stage = stage, left: list[int] = left) -> None:
            left[0] -= now is stage
            if now is stage and left[0] == 0:  # once: what closes it may run, or its threads go on for ever
                raise Killed

        scene.options = {"on_stage": die}
        if stored() < at(12):
            with suppress(Killed):
                scene.drain()
            assert all(position <= stored() for position in scene.source.confirmed)
    scene.options = {}
    if stored() < at(12):
        scene.drain()
    for sink in scene.sinks:
        assert list(dict.fromkeys(sink.rows)) == list(range(24))
        assert len(set(zip(sink.ids, sink.rows, strict=True))) == 24
