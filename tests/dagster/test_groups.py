"""The processes of `supersync dev` end each within its time."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supersync_dagster.commands.groups import KILLED_S, end_groups
from tests.servers import until

Start = Callable[[str, str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process, by its name, that does something when it is asked to end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, at_the_end: str) -> "subprocess.Popen[bytes]":
        script = f"trap '{at_the_end}' TERM; : > {name}; while :; do sleep 0.01; done"
        started.append(subprocess.Popen(["sh", "-c", script], cwd=tmp_path, start_new_session=True))
        until((tmp_path / name).exists)
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


def test_who_does_not_end_within_its_time_is_killed_and_others_have_theirs(start: Start, tmp_path: Path) -> None:
    first, deaf = start("first", "exit 0"), start("deaf", "")
    slow = start("slow", "sleep 1; echo has ended >> slow; exit 0")
    started = first, deaf, slow
    end_groups({first.pid: 30, deaf.pid: 0.3, slow.pid: 30}, lambda: [one.poll() for one in started])
    assert [one.returncode for one in started] == [0, -9, 0]
    assert (tmp_path / "slow").read_text() == "has ended\n"


def test_the_first_is_asked_when_the_others_have_gone(start: Start, tmp_path: Path) -> None:
    server = start("server", "echo server >> order; exit 0")
    daemon = start("daemon", "sleep 0.3; echo daemon >> order; exit 0")
    end_groups({server.pid: 30, daemon.pid: 30}, lambda: (server.poll(), daemon.poll()))
    assert (tmp_path / "order").read_text().split() == ["daemon", "server"]


def test_who_looks_too_late_still_kills(start: Start) -> None:
    deaf = start("deaf", "")
    end_groups({deaf.pid: 0.0}, lambda: time.sleep(2 * KILLED_S))
    assert deaf.wait(10) == -9


def test_what_cannot_be_collected_is_not_waited_for(start: Start) -> None:
    zombie = start("zombie", "exit")
    begun = time.monotonic()
    end_groups({zombie.pid: 0.3})
    assert time.monotonic() - begun < 10
