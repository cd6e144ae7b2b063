"""Ending process groups: politely, then not."""

import os
import signal
import time
from collections.abc import Callable, Sequence

STOP_S = 5.0
"""From SIGTERM to SIGKILL. Runs need two seconds to cancel; the promise to users is ten seconds for everything."""
KILLED_S = 1.0


def end_groups(groups: Sequence[int], reap: Callable[[], object] = lambda: None) -> None:
    """Ask process groups to end, kill what is left after `STOP_S`, and return when all are gone.

    `reap` is called meanwhile and collects ended children of ours: nobody else does, and until then they look alive.
    """
    for number, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, KILLED_S)):
        for group in groups:
            _signal(group, number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            reap()
            if not any(_signal(group, 0) for group in groups):
                return
            time.sleep(0.05)


def _signal(group: int, number: int) -> bool:
    """Send a signal; whether anybody was there to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        return False
    return True
