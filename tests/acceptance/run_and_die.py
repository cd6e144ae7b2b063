"""Run a pipeline and kill this process, as `kill -9` does, when a stage begins: `python -m ... CONFIG NAME STAGE`."""

import os
import signal
import sys
from pathlib import Path

from supersync_core.domain.execution import Trigger
from supersync_core.domain.table_sync import Stage
from supersync_core.ledger.database import open_ledger
from supersync_core.services.configuration import load_configuration
from supersync_core.services.run import run_pipeline


def main(config: str, name: str, last: str) -> None:
    """Run, and die at the stage `last`."""

    def die(stage: Stage) -> None:
        if stage.value == last:
            os.kill(os.getpid(), signal.SIGKILL)

    configuration = load_configuration(Path(config))
    ledger = open_ledger(os.environ["SUPERSYNC_DATABASE_URL"])
    run_pipeline(ledger, configuration.connections, name, trigger=Trigger.MANUAL, on_stage=die)


if __name__ == "__main__":
    main(*sys.argv[1:])
