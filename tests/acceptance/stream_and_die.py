"""Run a pipeline that streams in a process that is killed, as by `kill -9`, when a stage begins."""

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from multiprocessing.process import BaseProcess
from unittest.mock import patch

from supersync_core.domain.execution import Trigger
from supersync_core.engines.cdc.runtime import Stage
from supersync_core.errors import Conflict
from supersync_core.ledger.database import open_ledger
from supersync_core.services.cdc import work
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.run import run_pipeline
from tests.forks import fork

SECRET = "a test's key"
PATIENCE_S = 30.0


def stream_and_die(ledger_url: str, name: str, last: Stage | None = None, count: int = 1) -> BaseProcess:
    """Begin a run of the pipeline that dies when the stage `last` begins for the `count`th time."""
    return fork(_run, ledger_url, name, last, count)


def _run(ledger_url: str, name: str, last: Stage | None, count: int) -> None:
    seen: Counter[Stage] = Counter()

    def die(stage: Stage) -> None:
        seen[stage] += 1
        if stage is last and seen[stage] == count:
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
