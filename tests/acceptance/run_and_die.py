"""Run a pipeline in a process that is killed, as by `kill -9`, when a stage begins."""

import os
import signal
from pathlib import Path

from supersync_core.domain.execution import Trigger
from supersync_core.domain.table_sync import Stage
from supersync_core.ledger.database import open_ledger
from supersync_core.services.configuration import load_configuration
from supersync_core.services.run import run_pipeline
from tests.forks import ended, fork


def run_and_die(config: Path, name: str, last: Stage) -> int:
    """Run what the configuration names, and die at the stage `last`; how the process ended."""
    return ended(fork(_run, config, name, last), seconds=60)


def _run(config: Path, name: str, last: Stage) -> None:
    def die(stage: Stage) -> None:
        if stage is last:
            os.kill(os.getpid(), signal.SIGKILL)

    configuration = load_configuration(config)
    ledger = open_ledger(os.environ["SUPERSYNC_DATABASE_URL"])
    run_pipeline(ledger, configuration.connections, name, trigger=Trigger.MANUAL, on_stage=die)
