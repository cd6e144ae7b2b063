"""The command `supersync`, run as a process; and databases to run it on."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from supersync_dagster.cli import main
from tests.forks import ended, fork
from tests.kept import transaction

SUPERSYNC = Path(sys.executable).with_name("supersync")
SECRET = "hunter2-canary"


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error on its stderr as JSON."""
        found: dict[str, str] = json.loads(self.err)["error"]
        return found


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without settings of supersync and Dagster, and with `variables`."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("SUPERSYNC_", "DAGSTER_", "COLUMNS"))}
    return {**ours, **(variables or {})}


def supersync(*arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Run `supersync` with these arguments to its end."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        code = ended(fork(main, arguments, cwd=cwd, env=environment(env), out=out, err=err), seconds=120)
        return Result(code, out.read_text(), err.read_text())


def start(*arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start the installed console script with these arguments."""
    return subprocess.Popen(
        [SUPERSYNC, *arguments],
        cwd=cwd,
        env=environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def execute(dsn: str, sql: str) -> None:
    """Run statements."""
    with transaction(dsn) as cursor:
        cursor.execute(sql)


def rows(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with transaction(dsn) as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """What `condition` returns once that is true; fails after `seconds`. Who waits for long looks less often."""
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        found = condition()
        if found:
            return found
        time.sleep(min(0.005 + passed / 10, 0.5))
    raise AssertionError(f"not within {seconds} s")


def with_password(dsn: str) -> str:
    """The same DSN with a password; the test server asks for none, so any will do."""
    return dsn.replace("://postgres@", f"://postgres:{SECRET}@")


def slow_view(dsn: str) -> None:
    """A view `public.slow` whose rows take minutes to come."""
    execute(dsn, "create view slow as select g as id, pg_sleep(0.01)::text as nap from generate_series(1, 60000) g")


def copying(dsn: str) -> bool:
    """Whether rows are being written into a database."""
    return bool(rows(dsn, "select 1 from pg_stat_progress_copy where datname = current_database()"))


def connections(*dsns: str) -> Iterator[tuple[Any, ...]]:
    """What of supersync is connected to these databases."""
    for dsn in dsns:
        yield from rows(
            dsn,
            "select application_name, query from pg_stat_activity"
            " where datname = current_database() and application_name like 'supersync %'",
        )
