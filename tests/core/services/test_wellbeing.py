"""How supersync and what it depends on do, where something gives way while it is looked at."""

import pytest

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger, open_ledger
from supersync_core.services import wellbeing
from supersync_core.services.board import Board
from supersync_core.services.wellbeing import DAEMON_DEAD, Doctor
from tests.launcher import NotingLauncher


def test_what_is_ours_is_asked_each_time_and_connections_are_not(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wellbeing, "CONNECTIONS_S", 60.0)  # however long the looks take
    launcher, asked = NotingLauncher(), []
    doctor = Doctor(ledger, launcher, Board(ledger, launcher, utcnow), lambda: asked.append(1))
    launcher.alive = False
    assert doctor.look().daemon.problem == DAEMON_DEAD
    launcher.alive = True
    assert doctor.look().daemon.problem is None
    assert asked == [1]


def test_a_ledger_that_goes_away_between_two_questions_is_no_error(ledger: Ledger) -> None:
    launcher, gone = NotingLauncher(), open_ledger("postgresql://nobody@127.0.0.1:1/gone")
    found = Doctor(ledger, launcher, Board(gone, launcher, utcnow), lambda: None).look()
    assert (found.database.problem, found.pipelines, found.failed) == (None, None, ())
