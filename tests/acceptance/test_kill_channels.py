"""`kill -9` at any step of a sync of a channel: the runs after it end as one that was never disturbed."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from demo.chat import write_export
from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger, open_ledger
from supersync_core.services.configuration import Configuration, load_configuration
from supersync_core.services.configuration.apply import apply_configuration
from tests.acceptance.step_and_die import step_and_die
from tests.conftest import TEMPLATE
from tests.core.services.channel_sync.conftest import MADE
from tests.runs import run_soon

CONFIG = """
connections:
  chat: {type: slack_export, path: "${EXPORT}"}
pipelines:
  - {name: general, kind: channel_sync, source: {connection: chat, channel: C00001}}
"""
MESSAGES, STEPS = 120, 40
"""A sync of so many messages has a few steps more."""
KILLS = 4


@pytest.fixture
def configuration(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    write_export(tmp_path / "export.zip", channels=1, messages=MESSAGES)
    monkeypatch.setenv("EXPORT", str(tmp_path / "export.zip"))
    monkeypatch.setenv("SUPERSYNC_DATABASE_URL", database_url)
    (tmp_path / "supersync.yaml").write_text(CONFIG)
    return load_configuration(tmp_path / "supersync.yaml")


def made(ledger: Ledger) -> list[tuple[Any, ...]]:
    with ledger.begin() as session:
        session.execute(text("SET LOCAL search_path = supersync"))
        return [tuple(row) for row in session.execute(text(MADE))]


def live(ledger: Ledger) -> int:
    query = "SELECT count(*) FROM supersync.executions WHERE state IN ('queued', 'running')"
    with ledger.begin() as session:
        found: int = session.execute(text(query)).scalar_one()
    return found


def test_a_sync_that_is_killed_again_and_again_ends_as_one_that_was_never_disturbed(
    ledger: Ledger, configuration: Configuration, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    undisturbed = open_ledger(new_database(TEMPLATE))
    for one in (undisturbed, ledger):
        apply_configuration(one, configuration, utcnow())
    run_soon(undisturbed, configuration.connections, "general")
    chance = random.Random(os.environ.get("SUPERSYNC_KILL_SEED", "5"))
    for _ in range(int(os.environ.get("SUPERSYNC_KILL_ROUNDS", "1"))):
        with ledger.begin() as session:
            session.execute(text("TRUNCATE supersync.chat_channels, supersync.checkpoints CASCADE"))
        ends = [step_and_die(tmp_path / "supersync.yaml", "general", chance.randrange(STEPS)) for _ in range(KILLS)]
        assert ends[0] == -signal.SIGKILL
        assert set(ends) <= {-signal.SIGKILL, 0}
        run_soon(ledger, configuration.connections, "general")
        assert made(ledger) == made(undisturbed)
        assert live(ledger) == 0
    undisturbed.dispose()
