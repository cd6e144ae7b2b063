"""How Python's own machinery is set while changes stream: for many objects that live shortly, and threads that wait.

Measured with `tests/benchmarks/streams.py`: a third of the processor time of each event was the collector's, which
walked over transactions that are kept whole until their end; and a thread that has got its answer from the ledger
waited 5 ms, Python's default, until the one that decodes let it go on.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (100_000, 20, 100)
SWITCH_S = 0.0005


@contextmanager
def streaming_pace() -> Iterator[None]:
    """Within it the whole process has this pace; a run has a process of its own."""
    before, switch = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        sys.setswitchinterval(switch)
