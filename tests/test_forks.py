"""Processes that are forked from one that is warm: what they begin with, and how their end is told."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forks import LOADED, ended, fork


def print_what_is_missing() -> None:
    print([name for name in LOADED if name not in sys.modules])


def print_surroundings() -> None:
    print(Path.cwd(), sorted(os.environ))


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise ValueError("told")


def test_they_begin_with_everything_loaded(tmp_path: Path) -> None:
    # What cannot be imported is passed over silently, and each process would load it for itself.
    assert ended(fork(print_what_is_missing, out=tmp_path / "out"), seconds=60) == 0
    assert (tmp_path / "out").read_text() == "[]\n"


def test_they_know_nothing_of_our_surroundings(tmp_path: Path) -> None:
    process = fork(print_surroundings, cwd=tmp_path, env={"ONE": "1"}, out=tmp_path / "out")
    assert ended(process, seconds=60) == 0
    assert (tmp_path / "out").read_text() == f"{tmp_path} ['ONE']\n"


@pytest.mark.parametrize(("function", "code"), [(be_killed, -signal.SIGKILL), (fail, 1)])
def test_how_they_end_is_told(function: Callable[[], None], code: int, tmp_path: Path) -> None:
    assert ended(fork(function, err=tmp_path / "err"), seconds=60) == code
    assert ("ValueError: told" in (tmp_path / "err").read_text()) is (code == 1)
