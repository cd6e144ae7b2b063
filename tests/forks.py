"""Processes that begin at once, as a run of the runner does: a server that has loaded what they need forks for each.

A new interpreter would spend most of its time on loading SQLAlchemy and pydantic. What is forked is a process of its
own all the same: it may be killed, and its end is how it ended.
"""

import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from supersync_dagster.cli import COMMANDS

LOADED = [
    *(f"supersync_dagster.commands.{name}" for name in COMMANDS),
    *(f"supersync_core.connectors.{name}" for name in ("postgres", "redis.change_sink")),
    *(f"supersync_core.connectors.postgres.{name}" for name in ("call_sink", "change_sink", "change_source")),
    *(f"supersync_core.services.{name}" for name in ("run", "cdc.work", "channel_sync.work")),
]
"""Modules that have been imported when a process begins."""

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(LOADED)


def fork(
    function: Callable[..., object],
    *arguments: object,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    out: Path | None = None,
    err: Path | None = None,
) -> BaseProcess:
    """Begin a process that calls the function: in `cwd`, with the environment `env` (ours), writing to the files."""
    environment = dict(os.environ if env is None else env)
    process = _CONTEXT.Process(
        target=_call, args=(function, arguments, str(cwd or Path.cwd()), environment, [out, err]), daemon=True
    )
    process.start()
    return process


def ended(process: BaseProcess, seconds: float) -> int:
    """Its exit code, negative by a signal, when it ends within so many seconds."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"{process.name} has not ended within {seconds} s")
    return process.exitcode


def _call(
    function: Callable[..., object],
    arguments: tuple[object, ...],
    cwd: str,
    environment: dict[str, str],
    files: Sequence[Path | None],
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for descriptor, path in enumerate(files, start=1):
        if path is not None:
            with open(path, "wb") as file:
                os.dup2(file.fileno(), descriptor)
    try:
        function(*arguments)
    except Exception:
        traceback.print_exc()  # as an interpreter does it: multiprocessing would write its own name before
        sys.exit(1)
