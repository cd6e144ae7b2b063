"""Run a pipeline in a process that is killed, as by `kill -9`, before the n-th step.

Steps are what an import of calls or a sync of a channel tells the ledger and the target: so any may be the last one.
"""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supersync_core.connectors.postgres.call_sink import PostgresCallSink
from supersync_core.ledger.database import open_ledger
from supersync_core.services.channel_sync import store
from supersync_core.services.configuration import load_configuration
from supersync_core.services.historical_sync.journal import LedgerCallJournal
from tests.acceptance.small_pages import small_pages
from tests.forks import ended, fork
from tests.runs import run_soon

STEPS: tuple[tuple[Any, str], ...] = (
    (LedgerCallJournal, "total"),
    (LedgerCallJournal, "keep"),
    (LedgerCallJournal, "permit"),
    (LedgerCallJournal, "tell"),
    (PostgresCallSink, "_insert"),
    (PostgresCallSink, "_put"),
    (PostgresCallSink, "finish"),
    (PostgresCallSink, "forget"),
    # A channel's store writes in these; the last thing before each of its commits is the lease.
    (store.LedgerChannelStore, "open"),
    (store.LedgerChannelStore, "put_messages"),
    (store.LedgerChannelStore, "put_facts"),
    (store.LedgerChannelStore, "graph"),
    (store.LedgerChannelStore, "put_topics"),
    (store.LedgerChannelStore, "put_pages"),
    (store, "renew_lease"),
)


def step_and_die(config: Path, name: str, last: int) -> int:
    """Run what the configuration names, and die before the step `last`; how the process ended."""
    return ended(fork(_run, config, name, last), seconds=120)


def _run(config: Path, name: str, last: int) -> None:
    left, lock = [last], threading.Lock()

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            with lock:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return step(*arguments, **named)

        return call

    for owner, step in STEPS:
        setattr(owner, step, counted(getattr(owner, step)))
    small_pages()
    configuration = load_configuration(config)
    ledger = open_ledger(os.environ["SUPERSYNC_DATABASE_URL"])
    run_soon(ledger, configuration.connections, name)
