"""Runs of a pipeline as processes that begin at once, as the runner's do in production, and die at a stage when told.

`python -m tests.acceptance.forks` has loaded what a run needs, and forks for each line of its input.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any
from unittest.mock import patch

from supersync_core.domain.execution import Trigger
from supersync_core.engines.cdc.runtime import Stage
from supersync_core.errors import Conflict
from supersync_core.ledger.database import open_ledger
from supersync_core.services.cdc import work
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.run import run_pipeline

SECRET = "a test's key"
PATIENCE_S = 30.0
CONNECTORS = ("postgres.change_source", "postgres.change_sink", "redis.change_sink")


class Forks:
    """The process that forks. It ends with `close`, or with us."""

    def __init__(self) -> None:
        self._last: Fork | None = None
        command = [sys.executable, "-m", "tests.acceptance.forks"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, ledger_url: str, name: str, stage: Stage | None = None, count: int = 1) -> "Fork":
        """Run the pipeline `name`; when `stage` begins for the `count`th time, it is killed. One at a time."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([ledger_url, name, stage and stage.value, count]) + "\n")
        self._process.stdin.flush()
        self._last = Fork(int(self._process.stdout.readline()), self._process.stdout)
        return self._last

    def close(self) -> None:
        if self._last is not None:
            self._last.kill()
            self._last.join()
        self._process.communicate()


class Fork:
    """One run. `code`: how it has ended, negative by a signal; None while it lives."""

    def __init__(self, pid: int, output: Any) -> None:
        self.code: int | None = None
        self._pid = pid
        self._end = threading.Thread(target=self._wait, args=(output,), daemon=True)
        self._end.start()

    def kill(self) -> None:
        # Its number is its own until its end is told.
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def join(self) -> int | None:
        """How it has ended, when it has within the patience of this module."""
        self._end.join(PATIENCE_S)
        return self.code

    def _wait(self, output: Any) -> None:
        self.code = int(output.readline())


def run(ledger_url: str, name: str, last: str | None, count: int) -> None:
    """Run the pipeline, and be killed when the stage `last` begins for the `count`th time."""
    seen: Counter[str] = Counter()

    def die(stage: Stage) -> None:
        seen[stage.value] += 1
        if stage.value == last and seen[stage.value] == count:
            os.kill(os.getpid(), signal.SIGKILL)

    ledger = open_ledger(ledger_url)
    deadline = time.monotonic() + PATIENCE_S
    with patch.object(work, "CdcWork", partial(work.CdcWork, on_stage=die)):
        while time.monotonic() < deadline:
            # The servers notice a moment later that the run before is dead.
            with suppress(Conflict):
                run_pipeline(ledger, {}, name, trigger=Trigger.MANUAL, vault=lambda: Vault(SECRET))
                return
            time.sleep(0.02)


def main() -> None:
    """One run for each line, one after the other: its number, and when it has ended, how."""
    for connector in CONNECTORS:
        import_module(f"supersync_core.connectors.{connector}")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                run(*json.loads(line))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
