"""Processes that use an embedded server of their own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from supersync_core.ledger.server import Server

USER = """
import sys
from pathlib import Path
from supersync_core.ledger.embedded import embedded_server
with embedded_server(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""
ROOT = Path(__file__).parents[3]


class User:
    """A process that uses the server until it is told to leave or killed."""

    def __init__(self, data_dir: Path, **options: Any) -> None:
        python = options.pop("python", sys.executable)
        pipes: dict[str, Any] = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [python, "-c", USER, str(data_dir)], cwd=ROOT, **pipes, **options
        )

    def url(self) -> str:
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        return url or pytest.fail(self.process.communicate()[1])

    def leave(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., User]]:
    """Start a user of the server in `tmp_path/data`; all of them, and the server, are gone after the test."""
    users: list[User] = []
    homes = {tmp_path / "data"}

    def start(data_dir: Path = tmp_path / "data", **options: Any) -> User:
        homes.add(data_dir)
        users.append(User(data_dir, **options))
        return users[-1]

    yield start
    for user in users:
        user.kill()
    for home in homes:
        if home.exists():
            Server(home.resolve()).stop()


def ask(url: str, question: str) -> Any:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            result = connection.execute(text(question))
            return result.scalar() if result.returns_rows else None
    finally:
        engine.dispose()


def answers(url: str) -> bool:
    with suppress(Exception):
        return bool(ask(url, "SELECT 1") == 1)
    return False
