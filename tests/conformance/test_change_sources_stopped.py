"""What every source of changes must do when it is paused, cut off, stopped, removed, or has lost its place."""

import threading
import time

import pytest

from supersync_core.errors import AccessDenied, Cancelled, PositionLost, Unavailable
from tests.conformance.scenes import KeepingScene, Scene, insert_many, read, read_units


def test_a_log_that_does_not_reach_back_is_a_lost_position(scene: Scene) -> None:
    source = scene.source()
    begin = source.open(None)
    source.close()
    scene.execute("insert into items values (1, 'a')")
    scene.lose_log()
    again = scene.source()
    with pytest.raises(PositionLost):
        again.open(begin)
    # It is no better the second time, and nothing was moved.
    with pytest.raises(PositionLost):
        again.open(begin)


def test_the_position_of_another_server_is_lost_here(scene: Scene) -> None:
    source = scene.source()
    begin = source.open(None)
    source.close()
    with pytest.raises(PositionLost):
        scene.elsewhere().open(begin)


def test_a_source_that_made_something_and_is_gone_leaves_a_lost_position(keeping_scene: KeepingScene) -> None:
    source = keeping_scene.source()
    begin = source.open(None)
    source.close()
    source.forget()
    with pytest.raises(PositionLost):
        keeping_scene.source().open(begin)


def test_what_was_made_on_the_server_is_forgotten(scene: Scene) -> None:
    before = scene.traces()
    source = scene.source()
    source.open(None)
    source.close()
    source.forget()
    assert scene.traces() == before


def test_another_object_forgets_what_was_made(scene: Scene) -> None:
    before = scene.traces()
    source = scene.source()
    source.open(None)
    source.close()
    scene.source().forget()
    assert scene.traces() == before


def test_a_paused_source_stays_connected(scene: Scene) -> None:
    source = scene.source(silence_s=2)
    source.open(None)
    # More than any buffer on the way holds, so that the server waits for us.
    writer = threading.Thread(target=lambda: scene.execute(insert_many("items", 20_000)))
    writer.start()
    end = time.monotonic() + 5
    while time.monotonic() < end or writer.is_alive():
        source.keep_alive()
        threading.Event().wait(0.3)
    assert len(read(source, 20_000)) == 20_000


def test_a_lost_connection_is_told_and_reading_goes_on_without_a_gap(scene: Scene) -> None:
    source = scene.source()
    source.open(None)
    scene.execute("insert into items values (1, 'a')")
    (unit,) = read_units(source, 1)
    scene.kill_connections()
    scene.execute("insert into items values (2, 'b')")
    with pytest.raises(Unavailable):
        read(source, 2)
    source.open(unit.position)
    assert [change.key() for change in read(source, 1)] == [{"id": 2}]


@pytest.mark.parametrize("call", ["read", "open"])
def test_a_cancel_ends_what_runs_within_a_second(scene: Scene, call: str) -> None:
    source = scene.source()
    if call == "read":
        source.open(None)
        threading.Timer(0.2, source.cancel).start()
    else:
        source.cancel()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        while True:
            source.read(30) if call == "read" else source.open(None)
    assert time.monotonic() - begin < 1.5


def test_a_server_that_is_not_there_is_unavailable(scene: Scene) -> None:
    with pytest.raises(Unavailable):
        scene.unreachable().open(None)


def test_a_server_that_lets_us_not_in_denies_access(scene: Scene) -> None:
    with pytest.raises(AccessDenied):
        scene.with_wrong_password().open(None)
