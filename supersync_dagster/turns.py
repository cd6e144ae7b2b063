"""Work that a sensor does in turns within one tick, so that it needs few ticks and sees what is new within a second."""

import time
from collections.abc import Callable, Sequence

import dagster as dg

Turn = Callable[[float], bool]
"""Does a part of what waits, until a time by `time.monotonic`; whether more waits."""

TICK_S = 14.0
"""Dagster's loop over the sensors comes round every five seconds, and a tick costs a tenth of a second of processor
time in daemon and code server (measured): so one goes on looking until shortly before the loop comes round again for
the third time."""
ALONE_S = 2.0
"""So long a tick may last where sensors tick one after the other, and only while something waits."""
SLICE_S = 1.0
"""A turn ends after about so long, for the others to have theirs."""
REST_S = 1.0
"""So long nobody looks after nobody had anything to do."""


def take_turns(turns: Sequence[Turn], *, seconds: float, rest_s: float = REST_S) -> None:
    """Do the turns one after the other until time is up; without `rest_s`, until nothing waits.

    One that fails has no other turn; what it has raised is raised at the end, so that the others have had theirs.
    """
    end = time.monotonic() + seconds
    waiting, failure = list(turns), None
    while waiting:
        busy = False
        for turn in list(waiting):
            try:
                busy |= turn(time.monotonic() + SLICE_S)
            except Exception as error:  # it is raised below
                failure = failure or error
                waiting.remove(turn)
        if time.monotonic() + rest_s >= end or not (busy or rest_s):
            break
        if not busy:
            time.sleep(rest_s)
    if failure is not None:
        raise failure


def patience(instance: dg.DagsterInstance) -> tuple[float, float]:
    """How long a tick may last, and how long it may rest in between, so that the other sensors tick in time."""
    threads = (instance.get_settings("sensors") or {}).get("use_threads")
    return (TICK_S, REST_S) if threads else (ALONE_S, 0.0)
