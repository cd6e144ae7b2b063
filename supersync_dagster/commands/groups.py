"""Ending process groups: politely, then not."""

import os
import signal
import time
from collections.abc import Callable, Mapping

STOP_S = 5.0
"""From SIGTERM to SIGKILL. Runs need two seconds to cancel; the promise to users is ten seconds for everything."""
KILLED_S = 0.5
LOOK_S = 0.05


def end_groups(groups: Mapping[int, float], reap: Callable[[], object] = lambda: None) -> None:
    """Ask process groups to end, kill each that has not after its seconds, and return when all are gone.

    The first one is asked when the others have gone: they may need its answers to end. `reap` is called meanwhile and
    collects ended children of ours: nobody else does, and until then they look alive.
    """
    in_order = list(groups.items())
    for some in (in_order[1:], in_order[:1]):
        _end(dict(some), reap)


def _end(groups: Mapping[int, float], reap: Callable[[], object]) -> None:
    begun, left = time.monotonic(), dict(groups)
    for group in groups:
        _signal(group, signal.SIGTERM)
    while left:
        reap()
        for group, patience_s in list(left.items()):
            late_s = time.monotonic() - begun - patience_s
            is_there = _signal(group, signal.SIGKILL if late_s > 0 else 0)
            # Of one that has gone the number may soon be another's.
            if not is_there or late_s > KILLED_S:
                del left[group]
        time.sleep(LOOK_S)


def _signal(group: int, number: int) -> bool:
    """Send a signal; whether anybody was there to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        return False
    return True
